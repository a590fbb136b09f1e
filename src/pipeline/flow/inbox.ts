// The inbox of a stage that has several inputs or needs time: bounded queues, and alignment at barriers.

import { bytesOf } from '../../runtime/record-bytes.js';
import type { CheckpointId } from '../../ids.js';
import type { Batch, BarrierMark, Mark, Receiver, Room, TimeMark } from './elements.js';
import type { FlowRun } from './flow-run.js';
import { Watermarks } from './watermarks.js';

/** A stage behind an inbox. It is handed one element at a time, and the next when it has settled. */
export interface Stage {
  process(batch: Batch, input: number): Room;
  /** Time has moved without a record; `end` when every input has ended. */
  time(mark: TimeMark): Room;
  /** Every input has delivered the barrier: capture, then send it on. */
  barrier(mark: BarrierMark): void;
}

interface Queued {
  readonly element: Batch | Mark;
  /** Measured when it has to wait. */
  bytes: number;
}

interface Lane {
  readonly queue: Queued[];
  /** Of all that waits. */
  bytes: number;
  /** Has delivered the barrier; what follows waits until the others have too. */
  isHeld: boolean;
  readonly roomWaiters: (() => void)[];
}

/** Batches that wait in one lane before its producer has to; see also `maxQueuedBytes`. */
const maxQueuedBatches = 8;

/**
 * ```
 * open ──first barrier──▶ aligning ──last barrier──▶ stage.barrier(), all lanes open again
 *                         aligning ──cancel, or a newer barrier──▶ open
 * ```
 * The hold of a lane has no bound of its own: the attempt has one, and ends it with a cancel.
 */
export class Inbox {
  /** The end of an edge for each input. */
  readonly receivers: readonly Receiver[];
  readonly #run: FlowRun;
  readonly #stage: Stage;
  readonly #lanes: readonly Lane[];
  readonly #watermarks: Watermarks;
  #aligning: BarrierMark | undefined;
  #isBusy = false;

  constructor(run: FlowRun, stage: Stage, inputs: number) {
    this.#run = run;
    this.#stage = stage;
    this.#lanes = Array.from({ length: inputs }, () => ({
      queue: [],
      bytes: 0,
      isHeld: false,
      roomWaiters: [],
    }));
    this.receivers = this.#lanes.map((lane) => ({
      accept: (batch) => {
        this.#take(lane, batch);
        return this.#roomIn(lane);
      },
      mark: (mark) => this.#take(lane, mark),
    }));
    this.#watermarks = new Watermarks(inputs);
    run.addInbox(this);
  }

  /** The attempt was abandoned: what was held goes on, in the epoch that stays open. */
  cancel(checkpointId: CheckpointId): void {
    if (this.#aligning?.barrier.checkpointId !== checkpointId) return;
    this.#openLanes();
    this.#drain();
  }

  /** The generation is over: nothing that waits here may be seen again. */
  clear(): void {
    for (const lane of this.#lanes) {
      lane.queue.length = 0;
      lane.bytes = 0;
      for (const resolve of lane.roomWaiters.splice(0)) resolve();
    }
  }

  #take(lane: Lane, element: Batch | Mark): void {
    if (this.#run.isOver) return;
    const queued = { element, bytes: 0 };
    lane.queue.push(queued);
    this.#drain();
    if ('kind' in element || !lane.queue.includes(queued)) return;
    queued.bytes = bytesOf(element.records);
    lane.bytes += queued.bytes;
  }

  #isFull(lane: Lane): boolean {
    return lane.queue.length >= maxQueuedBatches || lane.bytes >= this.#run.maxQueuedBytes;
  }

  #roomIn(lane: Lane): Room {
    if (!this.#isFull(lane) || this.#run.isOver) return undefined;
    return new Promise((resolve) => {
      lane.roomWaiters.push(resolve);
    });
  }

  /** Delivers what can be delivered, one element of each lane in turn. */
  #drain(): void {
    let isMoving = true;
    while (isMoving) {
      isMoving = false;
      for (const [input, lane] of this.#lanes.entries()) {
        if (this.#isBusy || this.#run.isOver) return;
        if (lane.isHeld || lane.queue.length === 0) continue;
        isMoving = true;
        this.#deliver(lane, input);
      }
    }
  }

  #deliver(lane: Lane, input: number): void {
    const queued = lane.queue.shift();
    if (queued === undefined) return;
    lane.bytes -= queued.bytes;
    // Also keeps a stage from being entered again by what its own output sets off.
    this.#isBusy = true;
    const { element } = queued;
    let room: Room;
    if (!('kind' in element)) room = this.#stage.process(this.#stamped(element, input), input);
    else if (element.kind === 'barrier') this.#align(element, lane);
    else room = this.#moveTime(element, input);
    if (!this.#isFull(lane)) {
      for (const resolve of lane.roomWaiters.splice(0)) resolve();
    }
    if (room === undefined) this.#isBusy = false;
    else this.#run.track(this.#continueAfter(room));
  }

  async #continueAfter(room: Promise<void>): Promise<void> {
    await room;
    this.#isBusy = false;
    this.#run.guard(() => this.#drain());
  }

  /** With the watermark of all inputs, where there are several. */
  #stamped(batch: Batch, input: number): Batch {
    return this.#lanes.length === 1 ? batch : this.#watermarks.combineBatch(batch, input);
  }

  #moveTime(mark: TimeMark, input: number): Room {
    const before = this.#watermarks.combined;
    if (mark.kind === 'watermark') this.#watermarks.advance(input, mark.time);
    if (mark.kind === 'idle') this.#watermarks.setIdle(input);
    if (mark.kind === 'end') this.#watermarks.end(input);
    if (this.#watermarks.haveAllEnded) {
      return mark.kind === 'end' ? this.#stage.time(mark) : undefined;
    }
    if (this.#watermarks.areAllIdle) return this.#stage.time({ kind: 'idle' });
    const time = this.#watermarks.combined;
    return time > before ? this.#stage.time({ kind: 'watermark', time }) : undefined;
  }

  /** Barriers are matched by checkpoint id: a late one of an abandoned attempt holds nothing. */
  #align(mark: BarrierMark, lane: Lane): void {
    const { checkpointId } = mark.barrier;
    const newest = this.#aligning?.barrier.checkpointId ?? 0;
    if (this.#run.isVoid(checkpointId) || checkpointId < newest) {
      this.#run.countDroppedBarrier();
      return;
    }
    if (checkpointId > newest) this.#openLanes();
    this.#aligning = mark;
    lane.isHeld = true;
    if (!this.#lanes.every(({ isHeld }) => isHeld)) return;
    this.#openLanes();
    this.#stage.barrier(mark);
  }

  #openLanes(): void {
    this.#aligning = undefined;
    for (const lane of this.#lanes) lane.isHeld = false;
  }
}
