// Any manifest survives the disk, and no single damaged byte goes unnoticed.

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { seededRandom } from 'tidegate/extend';
import { ManifestError, manifestsEqual, parseManifest, serializeManifest } from 'tidegate/manifest';
import { anyManifest, anyOwnManifest } from './arbitrary.js';
import { fullManifest } from './manifests.js';

// fast-check prints the seed and the shrunk example of a failure by itself.
const runs = (count: number): { seed: number; numRuns: number } => ({
  seed: 20_260_401,
  numRuns: count,
});

describe('serialize then parse', () => {
  test('gives every manifest back exactly', () => {
    fc.assert(
      fc.property(anyManifest, (manifest) => {
        expect(parseManifest(serializeManifest(manifest))).toEqual(manifest);
      }),
      runs(500),
    );
  });

  test('gives the same text again, from bytes as from a string', () => {
    fc.assert(
      fc.property(anyManifest, (manifest) => {
        const text = serializeManifest(manifest);
        expect(serializeManifest(parseManifest(Buffer.from(text)))).toBe(text);
      }),
      runs(300),
    );
  });
});

describe('one damaged byte', () => {
  test('is noticed or harmless in any manifest of ours', () => {
    fc.assert(
      fc.property(
        anyOwnManifest,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (manifest, at, flip) => {
          const bytes = Buffer.from(serializeManifest(manifest));
          const offset = at % bytes.length;
          bytes[offset] = bytes[offset]! ^ flip;
          expectNoticedOrHarmless(bytes, manifest);
        },
      ),
      runs(3_000),
    );
  });

  test('is noticed or harmless at every offset of a full manifest, for every bit and likely byte', () => {
    const intact = Buffer.from(
      serializeManifest({
        ...fullManifest,
        unknownFields: new Map([['later', { numberText: '1e5' }]]),
      }),
    );
    const manifest = parseManifest(intact);
    const random = seededRandom(7);
    const likely = [...Buffer.from('"\\,}0 ')];
    let noticed = 0;
    for (let offset = 0; offset < intact.length; offset++) {
      const original = intact[offset]!;
      const bits = Array.from({ length: 8 }, (_, bit) => original ^ (1 << bit));
      for (const byte of [...bits, ...likely, Math.floor(random.next() * 256)]) {
        if (byte === original) continue;
        intact[offset] = byte;
        if (expectNoticedOrHarmless(intact, manifest)) noticed++;
      }
      intact[offset] = original;
    }
    expect(noticed).toBeGreaterThan(intact.length * 8);
  });
});

/** Whether the damage was noticed; fails when it changed the meaning unnoticed. */
function expectNoticedOrHarmless(
  bytes: Uint8Array,
  intact: Parameters<typeof manifestsEqual>[0],
): boolean {
  try {
    const parsed = parseManifest(bytes);
    if (manifestsEqual(parsed, intact)) return false;
  } catch (error) {
    if (error instanceof ManifestError) return true;
    throw error;
  }
  throw new Error(`damage went unnoticed:\n${Buffer.from(bytes).toString('latin1')}`);
}
