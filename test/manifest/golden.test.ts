// Every vector of the original Rust code: same verdict, same meaning, same findings, same bytes.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import {
  ManifestError,
  canonicalManifest,
  manifestIntegrity,
  parseManifest,
  serializeManifest,
  tryDecodeInlineState,
  validateManifest,
} from 'tidegate/manifest';
import type { CheckpointManifest } from 'tidegate/manifest';
import { fullManifest, withoutUnknown } from './manifests.js';

interface Decode {
  readonly op: string;
  readonly result: string;
  readonly hex?: string;
  readonly error?: string;
}

interface Vector {
  readonly name: string;
  readonly bytes_b64: string;
  readonly verdict: string;
  readonly canonical?: string;
  readonly validate256?: readonly string[];
  readonly validate128?: readonly string[];
  readonly decode?: readonly Decode[];
}

const vectors = JSON.parse(
  readFileSync(new URL('../golden/rust/manifests.json', import.meta.url), 'utf8'),
) as readonly Vector[];

const withVerdict = (...verdicts: readonly string[]): readonly Vector[] =>
  vectors.filter(({ verdict }) => verdicts.includes(verdict));

function bytesOf(vector: Vector): Uint8Array {
  return Buffer.from(vector.bytes_b64, 'base64');
}

test('every vector has a verdict that is tested below', () => {
  expect(vectors).toHaveLength(353);
  const tested = withVerdict(
    'accept',
    'accept-or-reject',
    'reject',
    'reject-counter-beyond-2^53-1',
  );
  expect(tested).toHaveLength(vectors.length);
});

describe('accepted', () => {
  test.each(withVerdict('accept'))('$name means what Rust read', (vector) => {
    expectMeaning(vector, parseManifest(bytesOf(vector)));
  });
});

describe('accepted by Rust although it would never write it', () => {
  test.each(withVerdict('accept-or-reject'))('$name has that meaning or is refused', (vector) => {
    const outcome = attempt(bytesOf(vector));
    if (outcome.kind === 'refused') expectPosition(outcome.error);
    else expectMeaning(vector, outcome.manifest);
  });
});

describe('rejected', () => {
  test.each(withVerdict('reject'))('$name is refused with its place', (vector) => {
    const outcome = attempt(bytesOf(vector));
    expect(outcome.kind).toBe('refused');
    if (outcome.kind === 'refused') expectPosition(outcome.error);
  });

  test.each(withVerdict('reject-counter-beyond-2^53-1'))(
    '$name is refused by field, value and limit, never rounded',
    (vector) => {
      const outcome = attempt(bytesOf(vector));
      expect(outcome.kind).toBe('refused');
      if (outcome.kind !== 'refused') return;
      expect(outcome.error.code).toBe('TIDEGATE_MANIFEST_COUNTER_TOO_LARGE');
      expect(outcome.error.path).toMatch(/checkpoint_id|epoch|timestamp_ms|external_|sink_epochs/);
      expect(Buffer.from(bytesOf(vector)).toString()).toContain(outcome.error.found);
      expect(outcome.error.message).toContain('9007199254740991');
    },
  );
});

type Outcome =
  | { readonly kind: 'parsed'; readonly manifest: CheckpointManifest }
  | { readonly kind: 'refused'; readonly error: ManifestError };

function attempt(bytes: Uint8Array): Outcome {
  try {
    return { kind: 'parsed', manifest: parseManifest(bytes) };
  } catch (error) {
    if (error instanceof ManifestError) return { kind: 'refused', error };
    throw error;
  }
}

function expectPosition(error: ManifestError): void {
  expect(error.line).toBeGreaterThanOrEqual(1);
  expect(error.column).toBeGreaterThanOrEqual(1);
  expect(error.expected).not.toBe('');
  expect(error.message.length).toBeLessThan(600);
}

function expectMeaning(vector: Vector, manifest: CheckpointManifest): void {
  expect(canonicalManifest(withoutUnknown(manifest))).toBe(vector.canonical);
  const again = parseManifest(serializeManifest(manifest));
  expect(canonicalManifest(again)).toBe(canonicalManifest(manifest));
  expect(sortedFindings(manifest, 256)).toEqual([...(vector.validate256 ?? [])].sort());
  expect(sortedFindings(manifest, 128)).toEqual([...(vector.validate128 ?? [])].sort());
  for (const decode of vector.decode ?? []) expectDecode(manifest, decode);
}

function sortedFindings(manifest: CheckpointManifest, vnodeCount: number): readonly string[] {
  return validateManifest(manifest, vnodeCount)
    .map(({ message }) => message)
    .sort();
}

function expectDecode(manifest: CheckpointManifest, { op, result, hex, error }: Decode): void {
  const entry = manifest.operatorStates.get(op);
  expect(entry).toBeDefined();
  if (entry === undefined) return;
  if (result === 'error') {
    expect(() => tryDecodeInlineState(entry)).toThrow(error);
    return;
  }
  const bytes = tryDecodeInlineState(entry);
  expect(bytes && Buffer.from(bytes).toString('hex')).toBe(hex);
}

function goldenText(name: string): string {
  return readFileSync(new URL(`../golden/tidegate/${name}`, import.meta.url), 'utf8');
}

test('what tidegate writes is read and written the same, to the byte', () => {
  const text = goldenText('full-manifest-2.json');

  expect(parseManifest(text)).toEqual(fullManifest);
  expect(serializeManifest(fullManifest)).toBe(text);
});

test('what tidegate wrote before 0.2 is read, and fields that are gone survive a re-save', () => {
  const read = parseManifest(goldenText('full-manifest.json'));

  const unknownFields = new Map<string, unknown>([
    ['attempt', '0192a3b4-0000-7000-8000-000000000002'],
    ['sink_digests', new Map([['warehouse', 'sha256:00']])],
  ]);
  const tidegate = { ...fullManifest.tidegate, supersedes: 16_777_216, unknownFields };
  expect(read).toEqual({ ...fullManifest, tidegate });
  expect(manifestIntegrity(read)).toBe('verified');
  expect(parseManifest(serializeManifest(read))).toEqual(read);
});
