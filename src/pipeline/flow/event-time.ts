// The event time of one record: given by a function of the user, checked, and held against the clock.

import { toError } from '../../errors.js';
import { kindOf } from '../../given.js';
import type { AlignmentOptions } from './alignment.js';
import type { ErrorPolicy } from './record-errors.js';

/** How a source's records get their event time, and how late they may be. */
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
  /**
   * How far ahead of the clock (`clock` of the run) a record may be, in whole milliseconds. One
   * record from the far future would make all that follow it late. Default: as far as it likes.
   */
  readonly maxAheadMs?: number;
  /**
   * What becomes of a record that is further ahead than `maxAheadMs`: `fail`, `skip`, `dead-letter`,
   * or `clamp`, which gives it the time of the bound and lets it move no watermark. All but `fail`
   * make results depend on when records are read. Default: as `onError` of the source.
   */
  readonly onAhead?: ErrorPolicy | 'clamp';
  /**
   * Keeps this source near the others in event time: the one ahead waits, so that a join does not
   * have to hold what it has read ahead. Default: every source is read as fast as it goes.
   */
  readonly alignment?: AlignmentOptions;
}

/** The time, or what is wrong with it. The error shows no text of the record. */
export function timeOrError(timeOf: (record: unknown) => unknown, record: unknown): number | Error {
  let time: unknown;
  try {
    time = timeOf(record);
  } catch (error) {
    return toError(error);
  }
  return Number.isSafeInteger(time) ? (time as number) : new Error(problemWith(time));
}

export function tooFarAhead(time: number, nowMs: number, maxAheadMs: number): Error {
  return new Error(
    `its event time ${shownTime(time)} is ${time - nowMs} ms ahead of the clock, ` +
      `which says ${shownTime(nowMs)}; maxAheadMs allows ${maxAheadMs}`,
  );
}

/** A source whose times are in seconds or microseconds ends up in 1970 or far ahead, in silence. */
export function otherUnitOf(time: number): 'seconds' | 'microseconds' | undefined {
  if (time >= 1e9 && time < 1e10) return 'seconds';
  return time >= 1e15 && time < 1e16 ? 'microseconds' : undefined;
}

export function shownTime(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? `${time} ms` : date.toISOString();
}

function problemWith(time: unknown): string {
  const wanted = 'timeOf must give whole milliseconds since 1970 as a number';
  if (time instanceof Date) return `its event time is a Date: ${wanted}, give its getTime()`;
  if (typeof time === 'bigint')
    return `its event time is a bigint: ${wanted}, give Number(…) of it`;
  if (typeof time === 'string')
    return `its event time is text: ${wanted}, give Date.parse(…) of it`;
  if (typeof time === 'number') return `its event time is ${time}: ${wanted}`;
  return `its event time is ${kindOf(time)}: ${wanted}`;
}
