// Which checkpoint is N, what its base is, and whether the range between them can be replayed.

import { describe, expect, test } from '@jest/globals';
import { connectorCheckpoint } from '../../src/manifest/create.js';
import { baseOf, newestOf, replayObstacle, standingsOf } from '../../src/recovery/candidates.js';
import type { RecoveryFacts, SinkFacts, StoredCheckpoint } from '../../src/recovery/facts.js';
import { factsOf, sink, stored, unreadable, type ManifestSpec } from './facts-kit.js';

const complete = (id: number): StoredCheckpoint => stored('complete', { id });
const ids = (...checkpoints: readonly (StoredCheckpoint | undefined)[]) =>
  checkpoints.map((found) => found?.id);

describe('the base', () => {
  test('is the newest complete and intact one below N', () => {
    const checkpoints = [
      stored('in-doubt', { id: 50 }),
      { ...complete(40), isIntact: false },
      stored('superseded', { id: 35 }),
      unreadable(30, 'corrupt'),
      complete(20),
      complete(10),
    ];

    expect(ids(newestOf(checkpoints), baseOf(checkpoints))).toEqual([50, 20]);
  });

  test('lies below N: what is discarded or replaced above N is neither', () => {
    const checkpoints = [
      stored('rolled-back', { id: 50 }),
      stored('superseded', { id: 40 }),
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

  test('is not known without an answer, or when it is prepared and nobody has a handle', () => {
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

test('a sink that was flushed and is not registered any more does not count as committed', () => {
  const sinks = { archive: 'pending', log: 'committed' } as const;
  const newest = stored('in-doubt', { id: 20, sinks, handles: ['archive'] }, { archive: 'absent' });
  const facts = factsOf([newest], { archive: sink() });

  expect([...standingsOf(facts, newest)]).toEqual([['archive', 'absent']]);
  // Where it has a handle it had two phases, and has the epoch.
  const handled = stored('in-doubt', { id: 20, sinks }, { archive: 'absent' });
  expect(standingsOf(facts, handled).get('log')).toBe('committed');
});

describe('a range cannot be replayed', () => {
  const both = { archive: 'committed', warehouse: 'pending' } as const;
  const registered: Record<string, SinkFacts> = { archive: sink(20), warehouse: sink(10) };
  const target = (spec: Partial<ManifestSpec> = {}) =>
    stored('in-doubt', { id: 20, epoch: 2, sinks: both, ...spec }, { warehouse: 'absent' });
  const base = stored('complete', { id: 10 });
  const offsetsOf = (...names: readonly string[]) =>
    new Map(names.map((name) => [name, connectorCheckpoint(1)]));
  const withTables = (tables: readonly string[]): Partial<RecoveryFacts> => {
    const { topology } = factsOf([]);
    return { topology: { ...topology, tables: new Set(tables) } };
  };

  test('by nothing here: the sink that lost it has a digest', () => {
    expect(replayObstacle(factsOf([target(), base], registered))).toBeUndefined();
    const digests = target({ digests: ['warehouse'] });
    expect(replayObstacle(factsOf([digests, base], registered))).toBeUndefined();
  });

  const cases: readonly [string, RecoveryFacts, string][] = [
    [
      'where the pipeline cannot',
      factsOf([target(), base], registered, { isReplayPossible: false }),
      'the pipeline cannot replay a range into its sinks',
    ],
    [
      'where the one in doubt cannot be read',
      factsOf([unreadable(20, 'corrupt'), base], registered),
      'the one in doubt cannot be read',
    ],
    ['where there is none', factsOf([], registered), 'the one in doubt cannot be read'],
    [
      'without a base',
      factsOf([target()], registered),
      'there is no intact checkpoint to replay from',
    ],
    [
      'when a source was added',
      factsOf([target({ change: { sourceOffsets: offsetsOf('lines', 'new') } }), base], registered),
      'its sources are not the ones that are registered',
    ],
    [
      'when the base knows another source',
      factsOf(
        [target(), stored('complete', { id: 10, change: { sourceOffsets: offsetsOf('other') } })],
        registered,
      ),
      'its sources are not the ones that are registered',
    ],
    [
      'when a table was added in between',
      factsOf(
        [target({ change: { tableOffsets: offsetsOf('rates') } }), base],
        registered,
        withTables(['rates']),
      ),
      'its tables are not the ones that are registered',
    ],
    [
      'when a sink was added',
      factsOf([target(), base], { ...registered, new: sink() }),
      'its sinks are not the ones that are registered',
    ],
    [
      'when a sink has no handle',
      factsOf([target({ handles: ['warehouse'] }), base], registered),
      'the output of sink archive was recorded without a handle',
    ],
    [
      'when the sink that gets it again has no digest',
      factsOf([target({ digests: ['archive'] }), base], registered),
      'the output of sink warehouse was recorded without a digest to compare with',
    ],
    [
      'for a foreign manifest',
      factsOf([target({ ours: 'foreign' }), base], registered),
      'the output of sink archive was recorded without a handle',
    ],
  ];

  test.each(cases)('%s', (_what, facts, obstacle) => {
    expect(replayObstacle(facts)).toBe(obstacle);
  });
});
