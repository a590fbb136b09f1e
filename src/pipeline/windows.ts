// Spans of event time, made and checked: kinds of windows, where they begin and end, how far a join looks.

import { completeOptions, required, whole, type OptionTable } from '../options.js';
import { invalid } from './graph.js';

/**
 * Windows of `sizeMs`, one beginning every `everyMs`; equal for tumbling ones. One of them begins
 * `offsetMs` behind 1970-01-01T00:00Z, default 0: negative for a time zone east of Greenwich.
 */
export interface WindowSpec {
  readonly sizeMs: number;
  readonly everyMs: number;
  readonly offsetMs?: number;
}

/** A spec that was checked; the offset is from 0 to below `everyMs`. */
export type CheckedWindow = Required<WindowSpec>;

/** From `startMs` (included) to `endMs` (excluded), in milliseconds since the Unix epoch. */
export interface TimeWindow {
  readonly startMs: number;
  readonly endMs: number;
}

/** As `WindowSpec`, of windows that do not overlap. */
export interface TumblingWindowOptions {
  readonly sizeMs: number;
  /** One of the windows begins so long behind 1970-01-01T00:00Z. Default 0. */
  readonly offsetMs?: number;
}

const code = 'TIDEGATE_PIPELINE';
const length = required(whole({ min: 1, unit: 'milliseconds' }));

const tumblingTable = {
  sizeMs: length,
  offsetMs: whole({ unit: 'milliseconds' }, 0),
} satisfies OptionTable<TumblingWindowOptions>;

const windowTable = { ...tumblingTable, everyMs: length } satisfies OptionTable<WindowSpec>;

/**
 * Windows side by side: each record is in one. They begin at multiples of their size, moved by
 * `offsetMs`: with a size of a day and an offset of minus two hours they are the days of UTC+2.
 *
 * @throws TidegateError `TIDEGATE_PIPELINE` for what is not whole milliseconds; `TIDEGATE_OPTIONS` for
 * options that there are not.
 */
export function tumblingWindow(options: TumblingWindowOptions): WindowSpec {
  const { sizeMs, offsetMs } = completeOptions('tumblingWindow', options, tumblingTable, { code });
  return { sizeMs, everyMs: sizeMs, offsetMs };
}

/**
 * Windows of `sizeMs`, one beginning every `everyMs`: a record is in `sizeMs / everyMs` of them. With
 * more than 100 the aggregation needs `merge`; there may be 100 000.
 *
 * @throws TidegateError `TIDEGATE_PIPELINE` for what is not whole milliseconds; `TIDEGATE_OPTIONS` for
 * options that there are not.
 */
export function slidingWindow(spec: WindowSpec): WindowSpec {
  return completeOptions('slidingWindow', spec, windowTable, { code });
}

/** Without `merge` each record is added to every window that it is in. */
const maxAddedWindows = 100;
/** So many results may come of one record. */
const maxMergedWindows = 100_000;

/**
 * @throws TidegateError `TIDEGATE_PIPELINE` for sizes that no record could be put into, and for more
 * windows at a time than there may be; `TIDEGATE_OPTIONS` for names that there are not.
 */
export function checkedWindow(name: string, spec: WindowSpec, canMerge: boolean): CheckedWindow {
  const { sizeMs, everyMs, offsetMs } = completeOptions(`window ${name}`, spec, windowTable, {
    code,
    rules: () => [gapProblem(spec) ?? overlapProblem(spec, canMerge)],
  });
  return { sizeMs, everyMs, offsetMs: ((offsetMs % everyMs) + everyMs) % everyMs };
}

function gapProblem({ sizeMs, everyMs }: WindowSpec): string | undefined {
  if (everyMs <= sizeMs) return undefined;
  return `it begins every ${everyMs} ms and lasts ${sizeMs} ms: records between are in none`;
}

function overlapProblem({ sizeMs, everyMs }: WindowSpec, canMerge: boolean): string | undefined {
  const windows = Math.ceil(sizeMs / everyMs);
  const most = canMerge ? maxMergedWindows : maxAddedWindows;
  if (windows <= most) return undefined;
  const wayOut = canMerge
    ? 'let windows begin less often'
    : 'give the aggregation a merge(earlier, later), so that a record is added once, or let windows begin less often';
  return (
    `it lasts ${sizeMs} ms and begins every ${everyMs} ms: each record is in ` +
    `${windows} windows, and there may be ${most}: ${wayOut}`
  );
}

/** @throws TidegateError `TIDEGATE_PIPELINE` for a distance that no pair of records could have. */
export function requireWholeSpan(join: string, withinMs: number): void {
  if (Number.isSafeInteger(withinMs) && withinMs >= 0) return;
  throw invalid(`join ${join} has withinMs ${withinMs}, not whole milliseconds`);
}

/** The window that begins last of those that a time is in. */
export class NewestWindow implements TimeWindow {
  startMs = Number.NaN;
  endMs = Number.NaN;
  nextStartMs = Number.NaN;

  moveTo(time: number, { sizeMs, everyMs, offsetMs }: CheckedWindow): void {
    if (Number.isNaN(time)) throw new Error('a window needs records with an event time');
    this.startMs = Math.floor((time - offsetMs) / everyMs) * everyMs + offsetMs;
    this.endMs = this.startMs + sizeMs;
    this.nextStartMs = this.startMs + everyMs;
  }
}

/**
 * Time cut at every begin and every end of a window, into numbered slices: each lies in a window whole
 * or not at all. Where the size is no multiple of the distance, two slices lie between two begins.
 */
export class SliceGrid {
  readonly #spec: CheckedWindow;
  readonly #restMs: number;

  constructor(spec: CheckedWindow) {
    this.#spec = spec;
    this.#restMs = spec.sizeMs % spec.everyMs;
  }

  sliceAt(time: number): number {
    const { everyMs, offsetMs } = this.#spec;
    const step = Math.floor((time - offsetMs) / everyMs);
    if (this.#restMs === 0) return step;
    return 2 * step + (time - offsetMs - step * everyMs < this.#restMs ? 0 : 1);
  }

  startOf(slice: number): number {
    const { everyMs, offsetMs } = this.#spec;
    if (this.#restMs === 0) return slice * everyMs + offsetMs;
    const step = Math.floor(slice / 2);
    return step * everyMs + offsetMs + (slice === 2 * step ? 0 : this.#restMs);
  }

  /** The first end of a window that is later than a time. */
  firstEndAfter(time: number): number {
    const { sizeMs, everyMs, offsetMs } = this.#spec;
    const first = offsetMs + sizeMs;
    return (Math.floor((time - first) / everyMs) + 1) * everyMs + first;
  }
}
