// Captured state as bytes: lines of JSON, vnode by vnode, written between the records.

import { TidegateError } from '../../errors.js';
import type { Clock } from '../../runtime/clock.js';
import { TimeSlice } from '../flow/time-slice.js';
import { ByteLines } from './byte-lines.js';

/**
 * A capture that is being encoded. Entries that change before the encoder has come to them are
 * encoded by the code that changes them; so the encoder sees every entry as it was, and nothing is copied.
 */
export interface Capture {
  readonly number: number;
  /** Lines that the encoder has not taken, by vnode: most were encoded out of turn. */
  readonly lines: Map<number, ByteLines>;
  /** An entry could not be encoded, by either side: the reader of the bytes gets the error. */
  failure: { readonly error: unknown } | undefined;
}

/** What the encoder sees of keyed state. */
export interface EncodableState {
  readonly operator: string;
  readonly vnodeCount: number;
  isActive(capture: Capture): boolean;
  /** Adds to the capture's lines; false when the vnode has no more. */
  encodeSome(capture: Capture, vnode: number, maxEntries: number): boolean;
}

/**
 * The format, one JSON text a line: a header; then for each virtual node that has entries its
 * number, followed by one array an entry, beginning with the key; last the number of entries, so
 * that a text that was cut off is known.
 */
export const stateFormat = 'tidegate-keyed-state';
export const stateFormatVersion = 1;

export interface EncodeOptions {
  readonly header: Readonly<Record<string, unknown>>;
  readonly entryCount: number;
  readonly clock: Clock;
}

/** How long entries are encoded before the records get a turn. */
const encodingSliceMs = 2;
const entriesPerLook = 64;
const chunkBytesMin = 65_536;

/**
 * @throws TidegateError `TIDEGATE_BUG` when the capture was released, or encoded, before;
 * `TIDEGATE_STATE_NOT_JSON`.
 */
export async function* encodeCapture(
  state: EncodableState,
  capture: Capture,
  { header, entryCount, clock }: EncodeOptions,
): AsyncGenerator<Uint8Array> {
  const slice = new TimeSlice(clock, encodingSliceMs);
  const { vnodeCount } = state;
  const output = new ByteLines();
  const head = { format: stateFormat, version: stateFormatVersion, vnodeCount, ...header };
  output.add(JSON.stringify(head));
  let written = 0;
  for (let vnode = 0; vnode < vnodeCount; vnode++) {
    let hasMore = true;
    let hasNumber = false;
    while (hasMore) {
      refuseReleased(state, capture);
      hasMore = state.encodeSome(capture, vnode, entriesPerLook);
      if (capture.failure !== undefined) throw capture.failure.error;
      const lines = capture.lines.get(vnode);
      if (lines !== undefined) {
        capture.lines.delete(vnode);
        if (!hasNumber) output.add(String(vnode));
        hasNumber = true;
        output.addAll(lines);
        written += lines.lineCount;
      }
      if (output.byteLength >= chunkBytesMin) yield output.take();
      if ((hasMore || lines !== undefined) && slice.isSpent()) await slice.pass();
    }
  }
  if (written !== entryCount) {
    throw new TidegateError(
      'TIDEGATE_BUG',
      `operator ${state.operator} encoded ${written} of ${entryCount} entries`,
    );
  }
  output.add(`{"entries":${written}}`);
  yield output.take();
}

/** A snapshot that was given back has lost what was encoded early: its rest would be a mixture. */
function refuseReleased(state: EncodableState, capture: Capture): void {
  if (state.isActive(capture)) return;
  throw new TidegateError(
    'TIDEGATE_BUG',
    `a snapshot of operator ${state.operator} is encoded after it was released`,
  );
}
