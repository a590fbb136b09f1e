// Operator state as the original encodes, splits and decodes it.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { silentLogger } from 'tidegate/extend';
import type { LogFields } from 'tidegate/extend';
import {
  createManifest,
  decodeInlineState,
  externalOperatorState,
  inlineOperatorState,
  operatorStateFromBytes,
  serializeManifest,
  tryDecodeInlineState,
} from 'tidegate/manifest';
import type { OperatorCheckpoint } from 'tidegate/manifest';

interface Base64Vector {
  readonly input: string;
  readonly accepted: boolean;
  readonly hex?: string;
  readonly error?: string;
}

interface SplitVector {
  readonly len: number;
  readonly offset: bigint;
  readonly threshold: bigint;
  readonly operator: string;
  readonly sidecar: number | null;
}

const golden = (name: string): string =>
  readFileSync(new URL(`../golden/rust/${name}`, import.meta.url), 'utf8');

const base64Vectors = JSON.parse(golden('base64.json')) as readonly Base64Vector[];

// Offsets and thresholds go up to 2^64-1: quoted first, so that JSON.parse does not round them.
const splitVectors = (
  JSON.parse(
    golden('operator-state-from-bytes.json').replace(/"(offset|threshold)": (\d+)/g, '"$1": "$2"'),
  ) as readonly (Omit<SplitVector, 'offset' | 'threshold'> & {
    readonly offset: string;
    readonly threshold: string;
  })[]
).map((vector) => ({
  ...vector,
  offset: BigInt(vector.offset),
  threshold: BigInt(vector.threshold),
}));

const withState = (stateB64: string): OperatorCheckpoint => ({
  ...inlineOperatorState(new Uint8Array()),
  stateB64,
});

describe('base64 is strict', () => {
  test('there are 85 vectors', () => expect(base64Vectors).toHaveLength(85));

  test.each(base64Vectors.filter(({ accepted }) => accepted))('$input decodes', (vector) => {
    const bytes = tryDecodeInlineState(withState(vector.input));
    expect(bytes && Buffer.from(bytes).toString('hex')).toBe(vector.hex);
    expect(bytes && inlineOperatorState(bytes).stateB64).toBe(vector.input);
  });

  test.each(base64Vectors.filter(({ accepted }) => !accepted))('$input is corrupt', (vector) => {
    expect(() => tryDecodeInlineState(withState(vector.input))).toThrow(
      expect.objectContaining({ code: 'LDB-4004', message: vector.error }),
    );
  });

  test('corrupt state gives undefined and a warning that a machine can recognise', () => {
    const warnings: unknown[] = [];
    const logger = {
      ...silentLogger,
      warn: (fields: LogFields, message: string) => warnings.push({ message, ...fields }),
    };
    expect(decodeInlineState(withState('AB=='), { logger })).toBeUndefined();
    const message = 'the inline operator state is not valid base64';
    expect(warnings).toEqual([expect.objectContaining({ message, code: 'LDB-4004', length: 4 })]);
  });

  test('no state is neither corrupt nor a warning', () => {
    const logger = {
      ...silentLogger,
      warn: () => {
        throw new Error('warned');
      },
    };
    const external = externalOperatorState(0, 1);
    expect(decodeInlineState(external, { logger })).toBeUndefined();
    expect(tryDecodeInlineState(external)).toBeUndefined();
  });

  test('decoding ignores `external`, as the original does', () => {
    const both = { ...withState('aGVsbG8='), external: true, externalLength: 5 };
    expect(Buffer.from(decodeInlineState(both) ?? []).toString()).toBe('hello');
  });
});

describe('state goes inline up to the threshold and to the sidecar above it', () => {
  test('there are 33 vectors', () => expect(splitVectors).toHaveLength(33));

  test.each(splitVectors)('$len bytes, threshold $threshold, offset $offset', (vector) => {
    const bytes = Uint8Array.from({ length: vector.len }, (_, index) => index % 256);
    const split = (): ReturnType<typeof operatorStateFromBytes> =>
      operatorStateFromBytes(bytes, vector.threshold, vector.offset);
    if (vector.sidecar !== null && vector.offset > BigInt(Number.MAX_SAFE_INTEGER)) {
      expect(split).toThrow(
        expect.objectContaining({
          code: 'TIDEGATE_MANIFEST_COUNTER_TOO_LARGE',
          path: 'external_offset',
          found: vector.offset.toString(),
          expected: 'at most 9007199254740991 (2^53-1)',
        }),
      );
      return;
    }
    const { entry, sidecar } = split();
    expect(entryText(entry)).toBe(vector.operator);
    if (vector.sidecar === null) expect(sidecar).toBeUndefined();
    else expect(sidecar).toBe(bytes);
  });

  test('a view into a larger buffer encodes only its own bytes', () => {
    const view = new TextEncoder().encode('xxhelloxx').subarray(2, 7);
    expect(inlineOperatorState(view).stateB64).toBe('aGVsbG8=');
  });

  test.each([-1, 1.5, Number.NaN, -1n])('a length of %s is refused', (length) => {
    expect(() => externalOperatorState(0, length)).toThrow(
      expect.objectContaining({
        code: 'TIDEGATE_MANIFEST_RANGE',
        path: 'external_length',
        expected: 'a whole number of bytes from 0',
      }),
    );
  });
});

/** The entry as it stands in a manifest, in the original's order of fields. */
function entryText(entry: OperatorCheckpoint): string {
  const manifest = { ...createManifest(1, 1), operatorStates: new Map([['op', entry]]) };
  const found = /"operator_states": (\{.*?\n {4}\})\n {2}\}/su.exec(serializeManifest(manifest));
  return (found?.[1] ?? 'no operator states').replace(/^\{\s*"op": /, '').replace(/\s+/g, '');
}
