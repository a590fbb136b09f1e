// Every durable name: how it is written, and that nothing else is read as one.

import { expect, test } from '@jest/globals';
import { checkpointIdsPerGeneration, generation, highestGeneration } from '../../src/ids.js';
import { CheckpointIds } from '../../src/store/checkpoint-ids.js';
import {
  generationOfName,
  idOfCheckpointName,
  idOfQuarantinedName,
  isStagingName,
  retiredOfName,
  stagingName,
  StoreLayout,
} from '../../src/store/layout.js';

test('the names of a store are those of LaminarDB, and our own folder beside them', () => {
  const layout = new StoreLayout('/data/store');

  expect(layout.checkpoint(42)).toBe('/data/store/checkpoint_000042');
  expect(layout.checkpoint(12_345_678)).toBe('/data/store/checkpoint_12345678');
  expect(layout.manifest(42)).toBe('/data/store/checkpoint_000042/manifest.json');
  expect(layout.sidecar(42)).toBe('/data/store/checkpoint_000042/state.bin');
  expect(layout.quarantined(42)).toBe('/data/store/corrupt_checkpoint_000042');
  expect(layout.latestPointer).toBe('/data/store/latest.txt');
  expect(layout.ownFolder).toBe('/data/store/tidegate');
  expect(layout.identity).toBe('/data/store/tidegate/store.json');
  expect(layout.generation(3)).toBe('/data/store/tidegate/generation_000003');
  expect(layout.retired(2, 3)).toBe('/data/store/tidegate/retired_000002_000003');
  expect(stagingName('ab12')).toBe('staging_ab12');
});

test('an id is read from a name only when it is spelled as we spell it', () => {
  const largest = Number.MAX_SAFE_INTEGER;

  expect(idOfCheckpointName('checkpoint_000042')).toBe(42);
  expect(idOfCheckpointName('checkpoint_1234567')).toBe(1_234_567);
  expect(idOfCheckpointName(`checkpoint_${largest}`)).toBe(largest);
  expect(idOfQuarantinedName('corrupt_checkpoint_000042')).toBe(42);
  for (const name of [
    'checkpoint_',
    'checkpoint_42',
    'checkpoint_00042',
    'checkpoint_0000042',
    'checkpoint_000000',
    'checkpoint_-00042',
    'checkpoint_000042x',
    'checkpoint_x000042',
    'checkpoint_000042\n',
    'checkpoint_1e0006',
    `checkpoint_${largest + 1}`,
    'checkpoint_12345678901234567',
    'Checkpoint_000042',
    'xcheckpoint_000042',
    'old_checkpoint_000042',
    'corrupt_checkpoint_000042',
    '000042',
  ]) {
    expect([name, idOfCheckpointName(name)]).toEqual([name, undefined]);
  }
  for (const name of ['corrupt_checkpoint_42', 'corrupt_checkpoint_0000042', 'checkpoint_000042']) {
    expect([name, idOfQuarantinedName(name)]).toEqual([name, undefined]);
  }
});

test('a generation is read from a name up to the highest that there can be', () => {
  expect(generationOfName('generation_000001')).toBe(1);
  expect(generationOfName(`generation_${highestGeneration}`)).toBe(highestGeneration);
  expect(generationOfName(`generation_${highestGeneration + 1}`)).toBeUndefined();
  expect(generationOfName('generation_000000')).toBeUndefined();
  expect(generationOfName('generation_3')).toBeUndefined();
  expect(generationOfName('retired_000002_000003')).toBeUndefined();
});

test('a retired generation names itself and its successor', () => {
  expect(retiredOfName('retired_000002_000003')).toEqual({ number: 2, by: 3 });
  expect(retiredOfName(`retired_1234567_${highestGeneration}`)).toEqual({
    number: 1_234_567,
    by: highestGeneration,
  });
  for (const name of [
    'retired_000000_000003',
    'retired_000002_000000',
    'retired_2_000003',
    'retired_000002_3',
    'retired_000002',
    'retired_000002_000003_',
    'xretired_000002_000003',
    `retired_000002_${highestGeneration + 1}`,
    `retired_${highestGeneration + 1}_000002`,
    'generation_000002',
  ]) {
    expect([name, retiredOfName(name)]).toEqual([name, undefined]);
  }
});

test('a staging directory is known by how its name begins', () => {
  expect(isStagingName('staging_00ff')).toBe(true);
  expect(isStagingName('old_staging_00ff')).toBe(false);
  expect(isStagingName('stagin')).toBe(false);
});

test('ids count up within their generation, and only those that were given out count as its own', () => {
  const ids = new CheckpointIds(generation(3));
  const first = ids.allocate();
  const second = ids.allocate();

  expect([first, second]).toEqual([
    3 * checkpointIdsPerGeneration + 1,
    3 * checkpointIdsPerGeneration + 2,
  ]);
  expect(() => ids.checkAllocated(second)).not.toThrow();
  for (const foreign of [second + 1, first - checkpointIdsPerGeneration, 1]) {
    expect(() => ids.checkAllocated(foreign)).toThrow(
      expect.objectContaining({
        code: 'TIDEGATE_CHECKPOINT_ID',
        message: `checkpoint id ${foreign} was not allocated by generation 3`,
      }),
    );
  }
});

test('a generation gives out all its ids and then refuses: the next id would be of another', () => {
  const ids = new CheckpointIds(generation(1), checkpointIdsPerGeneration - 1);

  expect(ids.allocate()).toBe(2 * checkpointIdsPerGeneration - 1);
  expect(() => ids.allocate()).toThrow(
    expect.objectContaining({
      code: 'TIDEGATE_SEQUENCE_EXHAUSTED',
      message: 'generation 1 has allocated all its 16777215 ids',
    }),
  );
});
