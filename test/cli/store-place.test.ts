// What `--store` may name.

import { expect, test } from '@jest/globals';
import { storeAt } from '../../src/cli/store-place.js';
import { ObjectCheckpointStore } from '../../src/store/object/object-store.js';

test.each(['gs://bucket/prefix', 's3://', 's3://key:secret@bucket/prefix', 's3://bucket?region=x'])(
  '%s is no place for a store, and is not repeated',
  async (place) => {
    await expect(storeAt(place)).rejects.toThrow(/^--store takes a directory, or s3:/);
    await expect(storeAt(place)).rejects.not.toThrow('secret');
  },
);

test.each(['s3://bucket', 's3://bucket/', 's3://bucket/a/b'])('%s is a store', async (place) => {
  expect(await storeAt(place)).toBeInstanceOf(ObjectCheckpointStore);
});
