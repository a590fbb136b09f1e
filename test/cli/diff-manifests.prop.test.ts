// Whatever changes in a manifest, diff says so.

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { diffManifests } from '../../src/cli/diff-manifests.js';
import { manifestsEqual } from 'tidegate/manifest';
import type { CheckpointManifest } from 'tidegate/manifest';
import { anyManifest, anyOwnManifest } from '../manifest/arbitrary.js';
import { fullManifest } from '../manifest/manifests.js';

const seeds = fc.tuple(anyOwnManifest, anyOwnManifest);

/** One field of a generated manifest put into another one, at any depth. */
const oneFieldChanged = seeds.chain(([manifest, donor]) => {
  const names = [...new Set([...Object.keys(manifest), ...Object.keys(donor)])];
  const own = Object.keys({ ...manifest.tidegate, ...donor.tidegate });
  const places = [
    ...names.map((name) => (target: CheckpointManifest) => withField(target, donor, name)),
    ...own.map((name) => (target: CheckpointManifest) => ({
      ...target,
      tidegate: withField(target.tidegate!, donor.tidegate!, name),
    })),
    ...(['sourceOffsets', 'tableOffsets', 'operatorStates', 'sinkCommitStatuses'] as const).map(
      (map) => (target: CheckpointManifest) => withOneEntry(target, donor, map),
    ),
  ];
  return fc.constantFrom(...places).map((change) => [manifest, change(manifest)] as const);
});

function withField<Value extends object>(target: Value, donor: Value, name: string): Value {
  return { ...target, [name]: (donor as Record<string, unknown>)[name] };
}

/** One entry more, or one member of an entry that is there. */
function withOneEntry(
  target: CheckpointManifest,
  donor: CheckpointManifest,
  map: 'sourceOffsets' | 'tableOffsets' | 'operatorStates' | 'sinkCommitStatuses',
): CheckpointManifest {
  const [given] = donor[map] as ReadonlyMap<string, object>;
  const [kept] = target[map] as ReadonlyMap<string, object>;
  if (given === undefined) return target;
  const [member] = Object.entries(given[1]);
  const entry =
    kept === undefined || member === undefined || map === 'sinkCommitStatuses'
      ? given
      : ([kept[0], { ...kept[1], [member[0]]: member[1] as unknown }] as const);
  return { ...target, [map]: new Map<string, object>([...target[map], entry]) };
}

test('any single field that is changed shows, and nothing that is the same', () => {
  fc.assert(
    fc.property(oneFieldChanged, ([before, after]) => {
      const isSame = manifestsEqual(before, after);
      expect(diffManifests(before, after).length === 0).toBe(isSame);
      expect(diffManifests(after, before).length === 0).toBe(isSame);
      expect(diffManifests(before, before)).toEqual([]);
    }),
    { numRuns: 1_000 },
  );
});

test('any two manifests that differ have a difference', () => {
  fc.assert(
    fc.property(anyManifest, anyManifest, (before, after) => {
      expect(diffManifests(before, after).length === 0).toBe(manifestsEqual(before, after));
    }),
  );
});

const [source] = fullManifest.sourceOffsets.keys();
const position = fullManifest.sourceOffsets.get(source!)!;
const [operator] = fullManifest.operatorStates.keys();
const state = fullManifest.operatorStates.get(operator!)!;
const withPosition = (change: object): CheckpointManifest => ({
  ...fullManifest,
  sourceOffsets: new Map([...fullManifest.sourceOffsets, [source!, { ...position, ...change }]]),
});
const failed = (message: string): CheckpointManifest => ({
  ...fullManifest,
  sinkCommitStatuses: new Map([['archive', { kind: 'failed', message }]]),
});

test.each<readonly [string, CheckpointManifest, CheckpointManifest, string]>([
  ['a version', fullManifest, { ...fullManifest, version: 2 }, 'version'],
  ['a time', fullManifest, { ...fullManifest, timestampMs: 7 }, 'timestamp_ms'],
  ['an epoch of a position', fullManifest, withPosition({ epoch: 99 }), '.epoch'],
  [
    'metadata of a position',
    fullManifest,
    withPosition({ metadata: new Map([['topic', 'x']]) }),
    '.metadata',
  ],
  [
    'a source without offsets',
    { ...fullManifest, sourceOffsets: new Map() },
    {
      ...fullManifest,
      sourceOffsets: new Map([['bare', { ...position, offsets: new Map() }]]),
    },
    'bare',
  ],
  ['the text of a failure', failed('EIO'), failed('ENOSPC'), 'archive'],
  [
    'an external offset',
    fullManifest,
    {
      ...fullManifest,
      operatorStates: new Map([
        ...fullManifest.operatorStates,
        [operator!, { ...state, externalOffset: state.externalOffset + 1 }],
      ]),
    },
    'external_offset',
  ],
  [
    'an unknown member',
    fullManifest,
    { ...fullManifest, unknownFields: new Map([['x-new', true]]) },
    'x-new',
  ],
])('%s is named', (_what, before, after, name) => {
  const names = diffManifests(before, after).map((change) => change.name);
  expect(names.filter((one) => one.includes(name))).not.toEqual([]);
});
