// What a scan says about each checkpoint.

import { expect, test } from '@jest/globals';
import { checkpointId } from '../../src/ids.js';
import { createManifest } from 'tidegate/manifest';
import type { CheckpointManifest, TidegateFields } from 'tidegate/manifest';
import { listCheckpoints, type FoundCheckpoint } from '../../src/store/listing.js';
import { ownFields } from './own-fields.js';

const damage = new Error('its sidecar is missing');

function found(
  id: number,
  ours: Partial<TidegateFields> = {},
  change: Partial<CheckpointManifest> = {},
  problem?: Error,
): FoundCheckpoint {
  const tidegate = { ...ownFields, ...ours };
  const manifest = { ...createManifest(id, 1, { clock: { now: () => 1 } }), tidegate, ...change };
  const content = { kind: 'readable', manifest, problem } as const;
  return { id: checkpointId(id), byteLength: 1, content };
}

const pending: Partial<CheckpointManifest> = {
  sinkNames: ['archive'],
  sinkCommitStatuses: new Map([['archive', { kind: 'pending' }]]),
};
const rolledBack: Partial<TidegateFields> = { rolledBack: { generation: 1, reason: 'r' } };

const statesOf = (...checkpoints: readonly FoundCheckpoint[]): unknown =>
  Object.fromEntries(listCheckpoints(checkpoints).map(({ id, state }) => [id, state]));

test('a checkpoint is complete once all its sinks have committed', () => {
  const named: Partial<CheckpointManifest> = { sinkNames: ['archive'] };

  expect(statesOf(found(1), found(2, {}, pending), found(3, {}, named))).toEqual({
    1: 'complete',
    2: 'in-doubt',
    3: 'in-doubt',
  });
});

test('one that was discarded stays that, also when it is damaged', () => {
  expect(
    statesOf(
      found(1, rolledBack),
      found(2, rolledBack, pending),
      found(3, rolledBack, pending, damage),
      found(4, {}, pending, damage),
    ),
  ).toEqual({ 1: 'rolled-back', 2: 'rolled-back', 3: 'rolled-back', 4: 'corrupt' });
});

test('the newest comes first, with its problem', () => {
  const listings = listCheckpoints([found(1), found(3, {}, {}, damage), found(2)]);

  expect(listings.map(({ id }) => id)).toEqual([3, 2, 1]);
  expect(listings[0]?.problem).toBe(damage);
  expect(listings[1]).not.toHaveProperty('problem');
});
