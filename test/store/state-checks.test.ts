// A manifest against its sidecar, and streams against their bounds: each refusal in its words.

import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { checkpointIdOf, generation } from '../../src/ids.js';
import { TidegateError } from 'tidegate';
import { createManifest, externalOperatorState, inlineOperatorState } from 'tidegate/manifest';
import type { CheckpointManifest, OperatorCheckpoint } from 'tidegate/manifest';
import { checkStatedSidecar, consumeChunks } from '../../src/store/save-rules.js';
import { sidecarProblem, sidecarRange, StateChecksum } from '../../src/store/state-checks.js';
import { storeFailure, toStoreError } from '../../src/store/store-error.js';
import { ownFields } from './own-fields.js';

const ownId = checkpointIdOf(generation(1), 1);
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

function manifestWith(
  states: Record<string, OperatorCheckpoint>,
  stateChecksum?: string,
  { isForeign = false } = {},
): CheckpointManifest {
  const manifest: CheckpointManifest = {
    ...createManifest(isForeign ? 7 : ownId, 1, { clock: { now: () => 1 } }),
    operatorStates: new Map(Object.entries(states)),
    stateChecksum,
  };
  if (isForeign) return manifest;
  return { ...manifest, tidegate: ownFields };
}

const foreign = (states: Record<string, OperatorCheckpoint>, checksum?: string) =>
  manifestWith(states, checksum, { isForeign: true });
const at = externalOperatorState;
const inline = inlineOperatorState(Buffer.from('A'));

describe('lengths and ranges', () => {
  const cases: readonly [string, CheckpointManifest, number | undefined, string | undefined][] = [
    ['a manifest without a sidecar needs none', manifestWith({ inline }), undefined, undefined],
    ['one that no manifest states is no problem', manifestWith({ inline }), 3, undefined],
    ['exact ranges fit', manifestWith({ a: at(0, 4), b: at(4, 2) }, 'x'), 6, undefined],
    ['in any order', manifestWith({ b: at(4, 2), a: at(0, 4) }, 'x'), 6, undefined],
    ['a missing one', manifestWith({ a: at(0, 4) }, 'x'), undefined, 'its sidecar is missing'],
    [
      'a missing one that only the checksum states',
      manifestWith({}, 'x'),
      undefined,
      'its sidecar is missing',
    ],
    [
      'no checksum in a manifest of ours',
      manifestWith({ a: at(0, 4) }),
      4,
      'its state checksum is missing',
    ],
    ['no checksum in a foreign one', foreign({ a: at(0, 4) }), 4, undefined],
    ['a foreign checksum alone, of inline states', foreign({ inline }, 'x'), undefined, undefined],
    [
      'a range that leaves it',
      manifestWith({ a: at(0, 5) }, 'x'),
      4,
      'operator "a" has bytes 0 to 5 of a sidecar of 4',
    ],
    [
      'a range beyond what is exact',
      foreign({ a: at(Number.MAX_SAFE_INTEGER, 1) }),
      Number.MAX_VALUE,
      'operator "a" has bytes 9007199254740991 to 9007199254740992 of a sidecar of ' +
        `${Number.MAX_VALUE}`,
    ],
    [
      'ranges that overlap',
      manifestWith({ a: at(0, 4), b: at(3, 3) }, 'x'),
      6,
      'operator "b" overlaps another in the sidecar',
    ],
    [
      'a range inside an earlier, longer one',
      foreign({ long: at(0, 9), short: at(1, 2), late: at(5, 1) }),
      9,
      'operator "short" overlaps another in the sidecar',
    ],
    ['an empty range overlaps nothing', foreign({ a: at(0, 4), none: at(2, 0) }), 4, undefined],
    [
      'two of one start: the empty one goes first',
      manifestWith({ a: at(0, 4), none: at(0, 0) }, 'x'),
      4,
      undefined,
    ],
    [
      'two of one start: the longer one is named, in any order',
      foreign({ long: at(0, 9), short: at(0, 2) }),
      9,
      'operator "long" overlaps another in the sidecar',
    ],
    [
      'bytes that no manifest states',
      manifestWith({ a: at(0, 4) }, 'x'),
      6,
      'its sidecar has 6 bytes where 4 are stated',
    ],
    ['bytes that no manifest states in a foreign one', foreign({ a: at(1, 2) }), 6, undefined],
  ];

  test.each(cases)('%s', (_what, manifest, sidecarByteLength, problem) => {
    const found = sidecarProblem(manifest, sidecarByteLength);

    expect(found?.message).toBe(
      problem && `checkpoint ${manifest.checkpointId} cannot be trusted: ${problem}`,
    );
    if (problem === undefined) return;
    expect(found).toMatchObject({
      code: 'TIDEGATE_STATE_CORRUPT',
      details: { checkpointId: manifest.checkpointId },
    });
  });

  test('the range of an operator is known by its name, and only when it is in the sidecar', () => {
    const manifest = manifestWith({ inline, a: at(0, 4), b: at(4, 2) }, 'x');

    expect(sidecarRange(manifest, 'b')).toMatchObject({ start: 4, end: 6 });
    expect(sidecarRange(manifest, 'inline')).toBeUndefined();
    expect(sidecarRange(manifest, 'c')).toBeUndefined();
  });
});

describe('the state checksum', () => {
  function problemOf(manifest: CheckpointManifest, sidecar?: string): string | undefined {
    const checksum = new StateChecksum(manifest, sidecar !== undefined);
    if (sidecar !== undefined && checksum.needsBytes) {
      for (const character of sidecar) checksum.update(Buffer.from(character));
    }
    return checksum.problem()?.message;
  }
  const digest = sha256(`inline\0${inline.stateB64!}\0`);

  test('of ours is that of the sidecar, in any case of letters', () => {
    const stated = { a: at(0, 4) };

    expect(problemOf(manifestWith(stated, sha256('abcd')), 'abcd')).toBeUndefined();
    expect(problemOf(manifestWith(stated, sha256('abcd').toUpperCase()), 'abcd')).toBeUndefined();
    expect(problemOf(manifestWith(stated, sha256('abce')), 'abcd')).toBe(
      `checkpoint ${ownId} cannot be trusted: its state checksum is ${sha256('abce')}, ` +
        `but the state has ${sha256('abcd')}`,
    );
  });

  test('of ours is that of the inline states where there are no others', () => {
    expect(problemOf(manifestWith({ inline }, digest))).toBeUndefined();
    expect(problemOf(manifestWith({ inline }, sha256('')), '')).toContain('but the state has');
  });

  test('of ours with both is that of the digest and the sidecar, or of the sidecar as once written', () => {
    const both = { inline, a: at(0, 4) };

    expect(problemOf(manifestWith(both, sha256(`${digest}abcd`)), 'abcd')).toBeUndefined();
    expect(problemOf(manifestWith(both, sha256('abcd')), 'abcd')).toBeUndefined();
    expect(problemOf(manifestWith(both, digest), 'abcd')).toContain('but the state has');
  });

  test('is not looked at where none is stated, and its bytes are not read', () => {
    expect(problemOf(manifestWith({ a: at(0, 4) }), 'abcd')).toBeUndefined();
    expect(new StateChecksum(manifestWith({ a: at(0, 4) }), true).needsBytes).toBe(false);
    expect(new StateChecksum(foreign({ inline }, digest), false).needsBytes).toBe(false);
    expect(new StateChecksum(foreign({ inline }, digest), true).needsBytes).toBe(false);
  });

  test('of a foreign one is any of three kinds', () => {
    expect(problemOf(foreign({ inline }, digest))).toBeUndefined();
    expect(problemOf(foreign({ a: at(0, 4) }, sha256('abcd')), 'abcd')).toBeUndefined();
    expect(problemOf(foreign({ inline, a: at(0, 4) }, sha256(`${digest}abcd`)), 'abcd')).toBe(
      undefined,
    );
    const other = inlineOperatorState(Buffer.from('B'));
    const both = sha256(`a\0${other.stateB64}\0inline\0${inline.stateB64}\0`);
    expect(problemOf(foreign({ inline, a: other }, both))).toBeUndefined();
    const empty = { stateB64: undefined, external: false, externalOffset: 0, externalLength: 0 };
    const withEmpty = sha256(`a\0\0inline\0${inline.stateB64}\0`);
    expect(problemOf(foreign({ inline, a: empty }, withEmpty))).toBeUndefined();
    const twice = { ...at(0, 4), stateB64: other.stateB64 };
    expect(problemOf(foreign({ inline, a: twice }, both), 'abcd')).toBeUndefined();
    expect(problemOf(foreign({ inline, a: twice }, sha256(`${both}abcd`)), 'abcd')).toBe(undefined);
    expect(problemOf(foreign({ inline }, digest), 'left by a crash')).toBeUndefined();
    expect(problemOf(foreign({}, sha256('abcd')), 'abcd')).toBeUndefined();
    expect(problemOf(foreign({ inline }, 'ff'))).toBe(
      `checkpoint 7 cannot be trusted: its state checksum is ff, but the state has ${digest}`,
    );
  });
});

describe('what is stated before a save', () => {
  const receipt = { byteLength: 4, sha256: sha256('abcd') };
  const written = { receipt, inlineDigest: undefined };
  const mismatch = (message: string): unknown =>
    expect.objectContaining({
      code: 'TIDEGATE_STATE_MISMATCH',
      message: `checkpoint ${ownId}: ${message}`,
    });

  test('is the sidecar that was written, or none', () => {
    const stated = manifestWith({ a: at(0, 4) }, receipt.sha256);

    expect(() => checkStatedSidecar(stated, written)).not.toThrow();
    expect(() => checkStatedSidecar(manifestWith({ inline }), undefined)).not.toThrow();
    expect(() => checkStatedSidecar(manifestWith({ a: at(0, 4) }, 'ff'), written)).toThrow(
      mismatch(
        `the manifest states the checksum ff, but the sidecar written for it has ${receipt.sha256}`,
      ),
    );
    expect(() => checkStatedSidecar(manifestWith({ inline }), written)).toThrow(
      mismatch(
        `the manifest states the checksum none, but the sidecar written for it has ${receipt.sha256}`,
      ),
    );
    expect(() => checkStatedSidecar(foreignInline, undefined)).toThrow(
      'the manifest states the checksum ff, but the sidecar written for it has none, because none was written',
    );
  });
  const foreignInline = foreign({ inline }, 'ff');

  test('may be the digest of inline states alone, or that before the sidecar', () => {
    const digest = sha256(`inline\0${inline.stateB64!}\0`);
    expect(() => checkStatedSidecar(manifestWith({ inline }, digest), undefined)).not.toThrow();
    const both = { byteLength: 4, sha256: sha256(`${digest}abcd`) };
    const stated = manifestWith({ inline, a: at(0, 4) }, both.sha256);
    expect(() => checkStatedSidecar(stated, { receipt: both, inlineDigest: digest })).not.toThrow();
    expect(() => checkStatedSidecar(stated, { receipt: both, inlineDigest: 'ff' })).toThrow(
      mismatch(
        'its sidecar was written with the inline digest ff, ' +
          `but the states in the manifest have ${digest}`,
      ),
    );
  });

  test('keeps the problem of its lengths as the cause', () => {
    const stated = manifestWith({ a: at(0, 5) }, receipt.sha256);

    expect(() => checkStatedSidecar(stated, written)).toThrow(
      expect.objectContaining({
        code: 'TIDEGATE_STATE_MISMATCH',
        cause: expect.objectContaining({ code: 'TIDEGATE_STATE_CORRUPT' }) as unknown,
      }),
    );
  });
});

describe('a stream', () => {
  function source(...chunks: readonly number[]) {
    const seen = { asked: 0, dismissed: 0 };
    const iterable: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          const byteLength = chunks[seen.asked];
          seen.asked += 1;
          return Promise.resolve(
            byteLength === undefined
              ? { done: true as const, value: undefined }
              : { done: false as const, value: new Uint8Array(byteLength) },
          );
        },
        return: () => {
          seen.dismissed += 1;
          return Promise.resolve({ done: true as const, value: undefined });
        },
      }),
    };
    return { seen, iterable };
  }

  test('may have exactly as many bytes as allowed, and is asked piece by piece', async () => {
    const { seen, iterable } = source(3, 4);
    const askedAt: number[] = [];

    const byteLength = await consumeChunks(iterable, { maxBytes: 7 }, () => {
      askedAt.push(seen.asked);
    });

    expect(byteLength).toBe(7);
    expect(askedAt).toEqual([1, 2]);
    expect(seen.dismissed).toBe(0);
  });

  test('with one byte more is refused before that chunk is taken, and its producer dismissed', async () => {
    const { seen, iterable } = source(3, 5, 1);
    const taken: number[] = [];

    await expect(
      consumeChunks(iterable, { maxBytes: 7 }, ({ byteLength }) => void taken.push(byteLength)),
    ).rejects.toMatchObject({
      code: 'TIDEGATE_STATE_TOO_LARGE',
      message: 'the operator state exceeds 7 bytes',
      details: { maxBytes: 7 },
    });
    expect(taken).toEqual([3]);
    expect(seen).toEqual({ asked: 2, dismissed: 1 });
  });

  test('whose producer cannot be dismissed, or fails at that, ends all the same', async () => {
    const withReturn = (end: (() => Promise<never>) | undefined): AsyncIterable<Uint8Array> => ({
      [Symbol.asyncIterator]: () => {
        const next = () => Promise.resolve({ done: false, value: new Uint8Array(9) });
        return end === undefined ? { next } : { next, return: end };
      },
    });

    for (const end of [undefined, () => Promise.reject(new Error('no'))]) {
      const consuming = consumeChunks(withReturn(end), { maxBytes: 1 }, () => undefined);
      await expect(consuming).rejects.toMatchObject({ code: 'TIDEGATE_STATE_TOO_LARGE' });
    }
  });
});

describe('what a file system throws', () => {
  const thrown = (code: string): Error => Object.assign(new Error(`${code}: no`), { code });

  test.each([
    ['ENOSPC', 'TIDEGATE_STORE_FULL'],
    ['EDQUOT', 'TIDEGATE_STORE_FULL'],
    ['EFBIG', 'TIDEGATE_STORE_FULL'],
    ['EACCES', 'TIDEGATE_STORE_PERMISSION'],
    ['EPERM', 'TIDEGATE_STORE_PERMISSION'],
    ['EROFS', 'TIDEGATE_STORE_PERMISSION'],
    ['EISDIR', 'TIDEGATE_STORE_CORRUPT'],
    ['ENOTDIR', 'TIDEGATE_STORE_CORRUPT'],
    ['ELOOP', 'TIDEGATE_STORE_CORRUPT'],
    ['ENOTEMPTY', 'TIDEGATE_STORE_CORRUPT'],
    ['EIO', 'TIDEGATE_STORE_IO'],
  ])('%s is %s, with what was being done', (errno, code) => {
    const error = thrown(errno);

    expect(toStoreError(error, 'listing /store')).toMatchObject({
      code,
      message: `listing /store failed: ${errno}: no`,
      cause: error,
    });
  });

  test('names the way out where all descriptors are taken', () => {
    expect(toStoreError(thrown('EMFILE'), 'listing /store')).toMatchObject({
      code: 'TIDEGATE_STORE_IO',
      message:
        'listing /store failed: EMFILE: no; raise the limit of open files (ulimit -n), or use fewer sinks',
    });
  });

  test('without a message is shown as it is, and an error of ours passes unchanged', () => {
    const ours = new TidegateError('TIDEGATE_FENCED', 'overtaken');

    expect(toStoreError('gone', 'saving').message).toBe('saving failed: gone');
    expect(toStoreError(null, 'saving').message).toBe('saving failed: null');
    expect(toStoreError({ message: 7 }, 'saving').message).toBe('saving failed: 7');
    expect(toStoreError({}, 'saving').message).toBe('saving failed: [object Object]');
    expect(toStoreError(ours, 'saving')).toBe(ours);
  });

  test('after an abort is the reason of the abort, unless the disk failed by itself', () => {
    const aborted = AbortSignal.abort(new Error('stop'));
    const reason: unknown = aborted.reason;

    expect(storeFailure(reason, 'saving', aborted)).toBe(reason);
    expect(storeFailure(thrown('EIO'), 'saving', aborted)).toMatchObject({
      code: 'TIDEGATE_STORE_IO',
    });
    const running = new AbortController().signal;
    expect(storeFailure(reason, 'saving', running)).toMatchObject({
      message: 'saving failed: stop',
    });
    expect(storeFailure(reason, 'saving')).toMatchObject({ message: 'saving failed: stop' });
  });
});
