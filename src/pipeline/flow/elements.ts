// What flows between the stages of a pipeline: batches of records, and the marks between them.

import type { Barrier, CutListener } from '../../contracts/barrier.js';

/** Event times of a batch. All times are milliseconds since the Unix epoch. */
export interface EventTimes {
  /** Of each record. */
  readonly times: readonly number[];
  /**
   * The watermark before each record. Kept per record, so that what is late, and what a window
   * holds, never depends on where a batch happened to end.
   */
  readonly watermarks: readonly number[];
  /** After the last record. */
  readonly watermark: number;
}

export interface Batch<Rec = unknown> {
  readonly records: readonly Rec[];
  /** Undefined in a stream without event time. */
  readonly eventTimes: EventTimes | undefined;
}

/** The barrier on its way, and the listener that learns where it has been. */
export interface BarrierMark {
  readonly kind: 'barrier';
  readonly barrier: Barrier;
  readonly listener: CutListener;
}

export type TimeMark =
  /** No more records before this time are expected; said where no record carries it. */
  | { readonly kind: 'watermark'; readonly time: number }
  /** Nothing has come for a while: this input holds no watermark back until its next record. */
  | { readonly kind: 'idle' }
  /** The end of bounded input: every window closes. Barriers may still follow. */
  | { readonly kind: 'end' };

export type Mark = BarrierMark | TimeMark;

/**
 * Settles when there is room for more; undefined when there is at once. That of a receiver never
 * rejects; that of a stage does when its work has failed, and its inbox hands the error to the run.
 */
export type Room = Promise<void> | undefined;

/** Where elements go. They keep their order: a barrier never overtakes records nor is overtaken. */
export interface Receiver {
  accept(batch: Batch): Room;
  mark(mark: Mark): void;
}

/** Before any event time. */
export const beginningOfTime = Number.NEGATIVE_INFINITY;
/** After every event time. */
export const endOfTime = Number.POSITIVE_INFINITY;

/** Sends every element to all of these, in order. */
export function fanOut(receivers: readonly Receiver[]): Receiver {
  const [only] = receivers;
  if (receivers.length === 1 && only !== undefined) return only;
  return {
    accept(batch) {
      let room: Room;
      for (const receiver of receivers) room = bothRooms(room, receiver.accept(batch));
      return room;
    },
    mark(mark) {
      for (const receiver of receivers) receiver.mark(mark);
    },
  };
}

/** Room in both places. */
export function bothRooms(left: Room, right: Room): Room {
  if (left === undefined) return right;
  if (right === undefined) return left;
  return Promise.all([left, right]).then(() => undefined);
}

export function timeToJson(time: number): number | string {
  if (Number.isFinite(time)) return time;
  return time === endOfTime ? 'end' : 'beginning';
}

export function timeFromJson(time: unknown): number {
  if (typeof time === 'number') return time;
  return time === 'end' ? endOfTime : beginningOfTime;
}
