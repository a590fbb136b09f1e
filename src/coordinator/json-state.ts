// An operator made of a variable: its state is whatever JSON can hold.

import { TidegateError } from '../errors.js';
import type { Operator } from '../contracts/operator.js';

export interface JsonStateOptions {
  /** Whether the same input in the same order gives the same output. Default false. */
  readonly deterministic?: boolean;
}

const encoder = new TextEncoder();

/**
 * Saves `get()` as JSON and hands it back to `set`. The text is made at the barrier, at once, so
 * that later changes of the variable cannot show in it. Its first value, before anything was
 * restored, is the initial one that a reset goes back to.
 *
 * @throws TidegateError `TIDEGATE_STATE_NOT_JSON` for a value that JSON drops or changes at the top
 * level (undefined, a function), or cannot write (a BigInt, a circle).
 */
export function jsonState<State>(
  get: () => State,
  set: (saved: State) => void,
  options: JsonStateOptions = {},
): Operator {
  const initial = toJson(get());
  return {
    deterministic: options.deterministic ?? false,
    capture() {
      const text = toJson(get());
      let bytes: Uint8Array | undefined;
      return {
        encode: () => (bytes ??= encoder.encode(text)),
        // UTF-16 units: at least a third of the bytes, at most all of them.
        estimatedByteLength: text.length,
      };
    },
    async restore(state) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of state) chunks.push(chunk);
      set(
        JSON.parse(
          new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)),
        ) as State,
      );
    },
    reset() {
      set(JSON.parse(initial) as State);
    },
  };
}

function toJson(value: unknown): string {
  let text: unknown;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new TidegateError('TIDEGATE_STATE_NOT_JSON', 'the state cannot be written as JSON', {
      cause: error,
    });
  }
  if (typeof text === 'string') return text;
  throw new TidegateError(
    'TIDEGATE_STATE_NOT_JSON',
    `the state is ${typeof value}, which JSON drops`,
  );
}
