// Where windows begin and end, and the slices that they are made of.

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

/** How many windows a record is in, at most. */
export function windowsPerRecord({ sizeMs, everyMs }: WindowSpec): number {
  return Math.ceil(sizeMs / everyMs);
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
