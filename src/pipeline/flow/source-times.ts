// Event time at its origin: the time of each record, and the watermark that follows from it.

import type { SourcePartition } from '../../contracts/source.js';
import type { Timer } from '../../runtime/clock.js';
import type { AlignedSource } from './alignment.js';
import type { Batch, Receiver } from './elements.js';
import {
  otherUnitOf,
  shownTime,
  timeOrError,
  tooFarAhead,
  type EventTimeOptions,
} from './event-time.js';
import type { FlowRun } from './flow-run.js';
import { plainNumbers } from './plain-numbers.js';
import type { RecordErrors } from './record-errors.js';
import type { SourceCursor } from './source-cursor.js';

export interface SourceTimesOptions {
  readonly run: FlowRun;
  readonly cursor: SourceCursor;
  readonly eventTime?: EventTimeOptions<unknown> | undefined;
  /** Its place among the sources that it is kept together with. */
  readonly aligned?: AlignedSource | undefined;
  readonly output: Receiver;
  readonly errors: RecordErrors;
  /** Called for each record whose time was put back to the bound. */
  readonly clamped?: () => void;
}

/** Stamps the records of one source in one generation. */
export class SourceTimes {
  readonly #options: SourceTimesOptions;
  #idleTimer: Timer | undefined;
  #isUnitChecked = false;

  constructor(options: SourceTimesOptions) {
    this.#options = options;
  }

  get pause(): 'idle' | 'waiting' | undefined {
    const { aligned } = this.#options;
    if (aligned?.isWaiting === true) return 'waiting';
    return aligned?.isIdle === true ? 'idle' : undefined;
  }

  /** The source is asked for more: from now on it can be idle. */
  waits(): void {
    const { run, eventTime } = this.#options;
    if (eventTime?.idleAfterMs === undefined || this.#idleTimer !== undefined) return;
    // Windows may fire by it: an exception thrown in a timer callback would be uncaught.
    const sendIdle = (): void => run.guard(() => this.#sendIdle());
    this.#idleTimer = run.clock.setTimer(sendIdle, eventTime.idleAfterMs);
  }

  /** Records have come, or none will: a sink that makes the reader wait makes no source idle. */
  stopsWaiting(): void {
    this.#idleTimer?.cancel();
    this.#idleTimer = undefined;
  }

  /** The position or the end has moved: those that wait for this source look again. */
  moved(): void {
    this.#options.aligned?.moved();
  }

  /** Whether the source may be read on, now or once the others have come near; false: it is over. */
  turnCame(): boolean | Promise<boolean> {
    const { aligned, run } = this.#options;
    const turn = run.isOver ? undefined : aligned?.turn();
    return turn === undefined ? !run.isOver : turn.then(() => !run.isOver);
  }

  /** Parts of the input have ended, without a record: those that are left may let the time go on. */
  listed(partition: SourcePartition): void {
    const { eventTime, cursor, run, output } = this.#options;
    if (eventTime === undefined) return;
    const nowMs = run.clock.monotonicMs();
    cursor.partitions.list(partition, nowMs);
    const lowest = cursor.partitions.lowestBut(undefined, nowMs, eventTime.idleAfterMs);
    if (lowest === Infinity || lowest <= cursor.watermark) return;
    cursor.watermark = lowest;
    output.mark({ kind: 'watermark', time: lowest });
    this.moved();
  }

  stamp(records: readonly unknown[], partition?: SourcePartition): Batch {
    const { eventTime, cursor, run } = this.#options;
    if (eventTime === undefined) return { records, eventTimes: undefined };
    const { timeOf, outOfOrderMs = 0, maxAheadMs = Infinity } = eventTime;
    const part = partition === undefined ? undefined : this.#part(partition);
    const latest = maxAheadMs === Infinity ? Infinity : Math.floor(run.clock.now()) + maxAheadMs;
    const times = plainNumbers(records.length);
    const watermarks = plainNumbers(records.length);
    let { watermark } = cursor;
    let partWatermark = part?.watermark ?? watermark;
    const heldBackAt = part?.others ?? Infinity;
    let good: unknown[] | undefined;
    let count = 0;
    for (let index = 0; index < records.length; index++) {
      const record = records[index];
      let time = timeOrError(timeOf, record);
      const isAhead = typeof time === 'number' && time > latest;
      if (isAhead) time = this.#ahead(time as number, latest);
      if (typeof time !== 'number') {
        good ??= records.slice(0, index);
        this.#leaveOut(time, record, isAhead);
        continue;
      }
      good?.push(record);
      times[count] = time;
      watermarks[count] = watermark;
      count += 1;
      if (isAhead || time - outOfOrderMs <= partWatermark) continue;
      partWatermark = time - outOfOrderMs;
      const lowest = Math.min(partWatermark, heldBackAt);
      if (lowest > watermark) watermark = lowest;
    }
    part?.move(partWatermark);
    cursor.watermark = watermark;
    if (!this.#isUnitChecked && count > 0) this.#checkUnit(times[0] ?? 0);
    this.moved();
    if (good === undefined) return { records, eventTimes: { times, watermarks, watermark } };
    // One of each for every record that is left: where streams meet, the rest would count as times.
    times.length = count;
    watermarks.length = count;
    return { records: good, eventTimes: { times, watermarks, watermark } };
  }

  /** Where a partition and the others of its source are in event time. */
  #part(partition: SourcePartition) {
    const { eventTime, cursor, run } = this.#options;
    const { partitions } = cursor;
    const nowMs = run.clock.monotonicMs();
    partitions.list(partition, nowMs, partition.name);
    return {
      watermark: partitions.watermarkOf(partition.name),
      others: partitions.lowestBut(partition.name, nowMs, eventTime?.idleAfterMs),
      move: (to: number): void => partitions.move(partition.name, to, nowMs),
    };
  }

  /** The bound where it is clamped. It moves no watermark: those behind it must not be late for it. */
  #ahead(time: number, latest: number): number | Error {
    const { eventTime, clamped } = this.#options;
    const { maxAheadMs = 0, onAhead } = eventTime ?? {};
    if (onAhead !== 'clamp') return tooFarAhead(time, latest - maxAheadMs, maxAheadMs);
    clamped?.();
    return latest;
  }

  #leaveOut(error: Error, record: unknown, isAhead: boolean): void {
    const { eventTime, errors } = this.#options;
    const policy = isAhead ? eventTime?.onAhead : undefined;
    errors.handle(error, record, policy === 'clamp' ? undefined : policy);
  }

  #sendIdle(): void {
    const { aligned, output } = this.#options;
    aligned?.idle();
    output.mark({ kind: 'idle' });
  }

  /** Once in a generation, by its first record: a warning and no refusal, because it may be intended. */
  #checkUnit(time: number): void {
    const { cursor, run } = this.#options;
    this.#isUnitChecked = true;
    const unit = otherUnitOf(time);
    if (unit === undefined) return;
    run.logger.warn(
      { source: cursor.name, firstTime: shownTime(time) },
      `event times look like ${unit}: timeOf must give milliseconds`,
    );
  }
}
