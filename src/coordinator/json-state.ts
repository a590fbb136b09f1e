// An operator made of a variable: its state is whatever JSON can hold.

import { TidegateError } from '../errors.js';
import { exactJson } from '../exact-json.js';
import {
  isOtherVersion,
  migratedValue,
  stateVersionProblem,
  type StateVersion,
} from '../contracts/migration.js';
import { completeOptions, custom, flag, type OptionTable } from '../options.js';
import type { Operator, OperatorRestoreOptions } from '../contracts/operator.js';

export interface JsonStateOptions extends StateVersion {
  /** Whether the same input in the same order gives the same output. Default false. */
  readonly deterministic?: boolean;
}

/** Also where such an operator is the inner part of one that is given to `apply`. */
const jsonKind = 'json';

const optionTable = {
  deterministic: flag(false),
  version: custom(),
  migrate: custom(),
} satisfies OptionTable<JsonStateOptions>;

const encoder = new TextEncoder();

/**
 * Saves `get()` as JSON and hands it back to `set`. The text is made at the barrier, at once, so
 * that later changes of the variable cannot show in it. Its first value, before anything was
 * restored, is the initial one that a reset goes back to.
 *
 * @throws TidegateError `TIDEGATE_STATE_NOT_JSON` for a value in which JSON would drop or change
 * something (undefined, NaN, a Date, a Map, a BigInt, a circle), naming the place.
 */
export function jsonState<State>(
  get: () => State,
  set: (saved: State) => void,
  options: JsonStateOptions = {},
): Operator {
  const { version, migrate, deterministic } = completeOptions('jsonState', options, optionTable, {
    rules: () => [stateVersionProblem(options)],
  });
  const initial = toJson(get());
  return {
    definition: { kind: jsonKind, version },
    migratesFrom: ({ settings, kind }) =>
      migrate !== undefined && (kind === jsonKind || settings.get('operator') === jsonKind),
    deterministic,
    capture() {
      const text = toJson(get());
      let bytes: Uint8Array | undefined;
      return {
        encode: () => (bytes ??= encoder.encode(text)),
        // UTF-16 units: at least a third of the bytes, at most all of them.
        estimatedByteLength: text.length,
      };
    },
    async restore(state, { saved }: Partial<OperatorRestoreOptions> = {}) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of state) chunks.push(chunk);
      const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
      const value = JSON.parse(text) as unknown;
      const isOther = isOtherVersion(options, saved);
      const own = isOther ? migratedValue(jsonKind, options, saved, value, { key: '' }) : value;
      set(own as State);
    },
    reset() {
      set(JSON.parse(initial) as State);
    },
  };
}

function toJson(value: unknown): string {
  const json = exactJson(value, { undefinedMembers: 'absent' });
  if (json.kind === 'text') return json.text;
  throw new TidegateError(
    'TIDEGATE_STATE_NOT_JSON',
    `the state cannot be saved as JSON: ${json.loss}`,
  );
}
