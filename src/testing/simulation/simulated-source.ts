// A simulated source: its input outlives every crash, and it can always go back.

import { assert } from '../../assert.js';
import type { Offsets, ReadableSource, Source } from '../../contracts/source.js';
import type { Port } from './port.js';

/**
 * A replayable source. Iterating it hands out one record at a time; a record counts as handed out
 * for good when the next one is asked for, so a cut taken before a record is used does not skip it.
 */
export interface SimulatedSource<Rec> extends Source, AsyncIterable<Rec> {
  position(): Offsets;
  /** The record in hand was used: the position is behind it, before the next one is asked for. */
  settle(): void;
}

export interface SimulatedSourceOptions<Rec> {
  readonly input: readonly Rec[];
  /** How many records have arrived so far; default all. A position behind them is a valid one. */
  readonly end?: number | undefined;
  readonly port: Port;
  /** Called with each record that is handed out: lets simulated time pass. */
  readonly pace: () => Promise<void>;
  /** Called with how far the source was acknowledged. */
  readonly onAcknowledge: (next: number) => void;
}

export function simulatedSource<Rec>(options: SimulatedSourceOptions<Rec>): SimulatedSource<Rec> {
  const { input, port, pace } = options;
  let next = 0;
  let handedOut = 0;
  const end = Math.min(options.end ?? input.length, input.length);
  return {
    replayable: true,
    position: () => ({ next: String(next) }),
    settle: () => {
      next = handedOut;
    },
    restore: (offsets, call) =>
      port.answer('restore', call, () => {
        next = indexOf(offsets, input.length);
        handedOut = next;
      }),
    acknowledge: (offsets, call) =>
      port.durable('acknowledge', call, () => {
        options.onAcknowledge(indexOf(offsets, input.length));
      }),
    async *[Symbol.asyncIterator]() {
      while (((next = handedOut), next < end)) {
        await pace();
        const record = await port.memory('read', () => recordAt(input, next));
        handedOut = next + 1;
        yield record;
      }
    },
  };
}

function recordAt<Rec>(input: readonly Rec[], index: number): Rec {
  assert(index >= 0 && index < input.length, `record ${index} is not in the input`);
  return input[index] as Rec;
}

function indexOf(offsets: Offsets, inputLength: number): number {
  const index = Number(offsets.next);
  if (!Number.isSafeInteger(index) || index < 0 || index > inputLength) {
    throw new Error(
      `the source has ${inputLength} records and cannot go to "${String(offsets.next)}"`,
    );
  }
  return index;
}

/** For `pipeline.source(name, readableSource(world.source(name)))`. */
export function readableSource<Rec>(source: SimulatedSource<Rec>): ReadableSource<Rec> {
  return {
    position: () => source.position(),
    restore: (offsets, options) => source.restore(offsets, options),
    acknowledge: (offsets, options) => source.acknowledge?.(offsets, options),
    async *read({ signal }) {
      let next = Number(source.position().next);
      for await (const record of source) {
        if (signal.aborted) return;
        next += 1;
        yield { records: [record], offsets: { next: String(next) } };
      }
    },
  };
}
