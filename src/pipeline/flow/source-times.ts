// Event time at its origin: the time of each record, and the watermark that follows from it.

import { toError } from '../../errors.js';
import type { Timer } from '../../runtime/clock.js';
import type { Batch, Receiver } from './elements.js';
import type { FlowRun } from './flow-run.js';
import { plainNumbers } from './plain-numbers.js';
import type { RecordErrors } from './record-errors.js';
import type { SourceCursor } from './source-cursor.js';

export interface EventTimeOptions<Rec> {
  /** When the record happened: whole milliseconds since the Unix epoch. */
  readonly timeOf: (record: Rec) => number;
  /**
   * How much earlier than the latest record so far a record may be without being late, in whole
   * milliseconds. Default 0.
   */
  readonly outOfOrderMs?: number;
  /**
   * When the source was asked for records and has given none for this long, it holds no watermark
   * back. It makes results depend on when records arrive: without it they depend on the records
   * alone. Whole milliseconds from 1 to 2^31-1. Default: never.
   */
  readonly idleAfterMs?: number;
}

export interface SourceTimesOptions {
  readonly run: FlowRun;
  readonly cursor: SourceCursor;
  readonly eventTime: EventTimeOptions<unknown> | undefined;
  readonly output: Receiver;
  readonly errors: RecordErrors;
}

/** Stamps the records of one source in one generation. */
export class SourceTimes {
  readonly #options: SourceTimesOptions;
  #idleTimer: Timer | undefined;

  constructor(options: SourceTimesOptions) {
    this.#options = options;
  }

  /** The source is asked for more: from now on it can be idle. */
  waits(): void {
    const { run, eventTime, output } = this.#options;
    if (eventTime?.idleAfterMs === undefined || this.#idleTimer !== undefined) return;
    // Windows may fire by it, and nobody is above a timer to catch what their functions throw.
    const sendIdle = (): void => run.guard(() => output.mark({ kind: 'idle' }));
    this.#idleTimer = run.clock.setTimer(sendIdle, eventTime.idleAfterMs);
  }

  /** Records have come, or none will: a sink that makes the reader wait makes no source idle. */
  stopsWaiting(): void {
    this.#idleTimer?.cancel();
    this.#idleTimer = undefined;
  }

  stamp(records: readonly unknown[]): Batch {
    const { eventTime, cursor, errors } = this.#options;
    if (eventTime === undefined) return { records, eventTimes: undefined };
    const { timeOf, outOfOrderMs = 0 } = eventTime;
    const times = plainNumbers(records.length);
    const watermarks = plainNumbers(records.length);
    let { watermark } = cursor;
    let good: unknown[] | undefined;
    let count = 0;
    for (let index = 0; index < records.length; index++) {
      const record = records[index];
      const time = timeOrError(timeOf, record);
      if (typeof time !== 'number') {
        good ??= records.slice(0, index);
        errors.handle(time, record);
        continue;
      }
      good?.push(record);
      times[count] = time;
      watermarks[count] = watermark;
      count += 1;
      if (time - outOfOrderMs > watermark) watermark = time - outOfOrderMs;
    }
    cursor.watermark = watermark;
    if (good === undefined) return { records, eventTimes: { times, watermarks, watermark } };
    // One of each for every record that is left: where streams meet, the rest would count as times.
    times.length = count;
    watermarks.length = count;
    return { records: good, eventTimes: { times, watermarks, watermark } };
  }
}

function timeOrError(timeOf: (record: unknown) => number, record: unknown): number | Error {
  let time: number;
  try {
    time = timeOf(record);
  } catch (error) {
    return toError(error);
  }
  if (Number.isSafeInteger(time)) return time;
  return new Error(`its event time is ${String(time)}, not whole milliseconds`);
}
