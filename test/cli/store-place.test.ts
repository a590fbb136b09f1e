// What `--store` may name.

import { expect, test } from '@jest/globals';
import { shownPlace, storeAt } from '../../src/cli/store-place.js';
import { ObjectCheckpointStore } from '../../src/store/object/object-store.js';

test.each(['gs://bucket/prefix', 's3://', 's3://key:secret@bucket/prefix', 's3://bucket?region=x'])(
  '%s is no place for a store, and is not repeated',
  async (place) => {
    await expect(storeAt(place)).rejects.toThrow(/^--store takes a directory, s3:/);
    await expect(storeAt(place)).rejects.not.toThrow('secret');
  },
);

test.each(['s3://bucket', 's3://bucket/', 's3://bucket/a/b'])('%s is a store', async (place) => {
  expect(await storeAt(place)).toBeInstanceOf(ObjectCheckpointStore);
});

test('a database is a store, and its address is shown without user, password and settings', async () => {
  const place = 'postgres://user:secret@host:5432/db?schema=s&name=orders%233&sslmode=require';
  expect(await storeAt(place)).toBeInstanceOf(ObjectCheckpointStore);
  expect(shownPlace(place)).toBe('postgres://host:5432/db');
  expect(shownPlace('./stores?x')).toBe('./stores?x');
  expect(shownPlace('s3://bucket/a/b')).toBe('s3://bucket/a/b');
  await expect(storeAt('postgres://user:secret@host:x/db')).rejects.not.toThrow('secret');
});

test.each([
  'POSTGRES://user:secret@host/db',
  'postgres://user:sec/ret@host/db',
  'postgres://user:sec#ret@host/db',
  'postgres://user:sec?ret@host/db',
  'postgres://user:secret',
  'postgres://host/db?password=secret',
  'postgres://host/db#secret',
  'postgres://user:secret@one,two@host/db',
])('%s is shown without the password', (place) => {
  expect(shownPlace(place)).not.toMatch(/sec|ret/);
});
