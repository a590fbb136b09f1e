// What verify and list say across the checkpoints of a store.

import { expect, test } from '@jest/globals';
import {
  idsWithoutOwnFields,
  manifestFindings,
  storeFindings,
} from '../../src/cli/verify-rules.js';
import { checkpointId, checkpointIdOf, generation } from '../../src/ids.js';
import type { CheckpointListing } from 'tidegate/extend';
import type { CheckpointManifest } from 'tidegate/manifest';
import { manifestOf } from '../recovery/facts-kit.js';

const own = checkpointIdOf(generation(1), 1);
const next = checkpointIdOf(generation(1), 2);
const listing = (manifest: CheckpointManifest): CheckpointListing => ({
  id: checkpointId(manifest.checkpointId),
  state: 'complete',
  manifest,
  byteLength: 1,
});
const ours = listing(manifestOf({ id: own }));
const dropped = listing(manifestOf({ id: next, ours: 'foreign' }));
const foreign = listing(manifestOf({ id: 5, ours: 'foreign' }));

test('a checkpoint that another program saved again is named, by its neighbours or the identity', () => {
  expect([...idsWithoutOwnFields([dropped, ours, foreign], undefined)]).toEqual([next]);
  expect([...idsWithoutOwnFields([dropped, foreign], 'store')]).toEqual([next]);
  expect([...idsWithoutOwnFields([dropped, foreign], undefined)]).toEqual([]);
  expect(storeFindings([dropped, ours], 'store')).toEqual([
    { checkpointId: next, message: expect.stringContaining('object is gone from it') as unknown },
  ]);
});

test('a foreign sink with an epoch and no status is no finding, one of ours is', () => {
  const change = { sinkEpochs: new Map([['delta', 1]]) };
  const sinks = { pg: 'committed' } as const;
  expect(manifestFindings(manifestOf({ id: 5, ours: 'foreign', sinks, change }), 256)).toEqual([]);
  expect(manifestFindings(manifestOf({ id: own, sinks, change }), 256)).toHaveLength(1);
});
