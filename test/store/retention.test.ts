// Which checkpoints may go.

import { expect, test } from '@jest/globals';
import { checkpointId } from '../../src/ids.js';
import type { CheckpointListing, CheckpointState } from 'tidegate/extend';
import { createManifest } from 'tidegate/manifest';
import { checkpointsToPrune } from '../../src/store/retention.js';
import { ownFields } from './own-fields.js';

function listing(id: number, state: CheckpointState): CheckpointListing {
  const manifest = { ...createManifest(id, 1), tidegate: ownFields };
  return { id: checkpointId(id), state, manifest, kind: 'checkpoint', byteLength: 1 };
}

const savepoint = (id: number, state: CheckpointState): CheckpointListing => ({
  ...listing(id, state),
  kind: 'savepoint',
});

test.each<[string, CheckpointListing[], number, number[]]>([
  ['nothing is deleted from nothing', [], 1, []],
  [
    'without a complete one nothing goes',
    [listing(1, 'rolled-back'), listing(2, 'in-doubt')],
    1,
    [],
  ],
  [
    'failed attempts evict nothing',
    [listing(1, 'complete'), listing(2, 'rolled-back'), listing(3, 'rolled-back')],
    1,
    [],
  ],
  [
    'the oldest complete go first',
    [listing(3, 'complete'), listing(1, 'complete'), listing(2, 'complete')],
    1,
    [1, 2],
  ],
  [
    'discarded ones go with what they lie below',
    [listing(1, 'rolled-back'), listing(2, 'rolled-back'), listing(3, 'complete')],
    1,
    [1, 2],
  ],
  [
    'what is in doubt or unreadable is evidence',
    [listing(1, 'in-doubt'), listing(2, 'corrupt'), listing(3, 'orphan'), listing(4, 'complete')],
    1,
    [],
  ],
  [
    'complete savepoints stay and are not counted',
    [
      savepoint(1, 'complete'),
      listing(2, 'complete'),
      savepoint(3, 'complete'),
      listing(4, 'complete'),
    ],
    1,
    [2],
  ],
  [
    'a savepoint that was rolled back goes',
    [savepoint(1, 'rolled-back'), listing(2, 'complete')],
    1,
    [1],
  ],
  [
    'a newest complete savepoint protects what is newer',
    [listing(1, 'complete'), savepoint(2, 'complete'), listing(3, 'in-doubt')],
    1,
    [],
  ],
])('%s', (_, listings, retained, expected) => {
  expect(checkpointsToPrune(listings, retained)).toEqual(expected);
});

test('keeping none is a mistake of ours', () => {
  expect(() => checkpointsToPrune([], 0)).toThrow(/retained checkpoints 0/);
});
