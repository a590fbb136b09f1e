// Which checkpoint is N, what its base is, and where a sink stands.

import { describe, expect, test } from '@jest/globals';
import { baseOf, newestOf, standingsOf } from '../../src/recovery/candidates.js';
import type { StoredCheckpoint } from '../../src/recovery/facts.js';
import { factsOf, sink, stored, unreadable, type ManifestSpec } from './facts-kit.js';

const complete = (id: number): StoredCheckpoint => stored('complete', { id });
const ids = (...checkpoints: readonly (StoredCheckpoint | undefined)[]) =>
  checkpoints.map((found) => found?.id);

describe('the base', () => {
  test('is the newest complete and intact one below N', () => {
    const checkpoints = [
      stored('in-doubt', { id: 50 }),
      { ...complete(40), isIntact: false },
      stored('rolled-back', { id: 35 }),
      unreadable(30, 'corrupt'),
      complete(20),
      complete(10),
    ];

    expect(ids(newestOf(checkpoints), baseOf(checkpoints))).toEqual([50, 20]);
  });

  test('lies below N: what is discarded or replaced above N is neither', () => {
    const checkpoints = [
      stored('rolled-back', { id: 50 }),
      stored('rolled-back', { id: 40 }),
      complete(30),
      complete(20),
    ];

    expect(ids(newestOf(checkpoints), baseOf(checkpoints))).toEqual([30, 20]);
    expect(ids(baseOf([complete(30)]), baseOf([]), newestOf([]))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('where a sink stands', () => {
  test('that was removed: what another program says of it counts, as it had no handles to give', () => {
    const sinks = { gone: 'committed' } as const;
    const ours = stored('complete', { id: 20, sinks, handles: [] });
    const foreign = stored('complete', { id: 20, sinks, ours: 'foreign' });

    expect([...standingsOf(factsOf([ours]), ours)]).toEqual([]);
    expect([...standingsOf(factsOf([foreign]), foreign)]).toEqual([['gone', 'committed']]);
  });

  const standing = (
    spec: Partial<ManifestSpec>,
    answer?: 'prepared' | 'absent' | 'unsupported',
  ) => {
    const newest = stored(
      'in-doubt',
      { id: 20, sinks: { archive: 'pending' }, ...spec },
      answer === undefined ? {} : { archive: answer },
    );
    return standingsOf(factsOf([newest], { archive: sink() }), newest).get('archive');
  };

  test('is what the manifest says where that is committed, and its own answer otherwise', () => {
    expect(standing({ sinks: { archive: 'committed' } }, 'absent')).toBe('committed');
    expect(standing({}, 'absent')).toBe('absent');
    expect(standing({ sinks: { archive: 'failed' } }, 'prepared')).toBe('prepared');
    expect(standing({ sinks: { archive: 'missing' } }, 'prepared')).toBe('prepared');
  });

  test('is not known without an answer, or when it is prepared without a handle', () => {
    expect(standing({})).toBe('cannot-tell');
    expect(standing({}, 'unsupported')).toBe('cannot-tell');
    expect(standing({ handles: [] }, 'prepared')).toBe('cannot-tell');
    expect(standing({ handles: [] }, 'absent')).toBe('absent');
  });

  test('is left out where it has no second phase, unless it has a handle from when it had', () => {
    const oneStep = { archive: sink(undefined, { twoPhase: false }) };
    const withHandle = stored('in-doubt', { id: 20, sinks: { archive: 'pending' } });
    const without = stored('in-doubt', { id: 20, sinks: { archive: 'pending' }, handles: [] });

    expect([...standingsOf(factsOf([], oneStep), without)]).toEqual([]);
    expect([...standingsOf(factsOf([], oneStep), withHandle)]).toEqual([
      ['archive', 'cannot-tell'],
    ]);
  });
});

test('a sink that was flushed and is no longer registered does not count as committed', () => {
  const sinks = { archive: 'pending', log: 'committed' } as const;
  const newest = stored('in-doubt', { id: 20, sinks, handles: ['archive'] }, { archive: 'absent' });
  const facts = factsOf([newest], { archive: sink() });

  expect([...standingsOf(facts, newest)]).toEqual([['archive', 'absent']]);
  // Where it has a handle it had two phases, and has the epoch.
  const handled = stored('in-doubt', { id: 20, sinks }, { archive: 'absent' });
  expect(standingsOf(facts, handled).get('log')).toBe('committed');
});
