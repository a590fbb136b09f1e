// Objects and lists: what was written is what is read, at once, and under exactly its key.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { forEachBounded } from '../../runtime/for-each-bounded.js';
import type { ObjectStorageCase } from './storage-bench.js';
import { calmly, listAll, readBytes, readText, text } from './storage-bench.js';

export const objectCases: readonly ObjectStorageCase[] = [
  {
    title: '1: what is written is read by another process, with its size, tag and time',
    async run(system) {
      const one = await system.connect();
      const other = await system.connect();
      const etag = await one.put('a/b', text('first'), calmly);
      equal(await readText(other, 'a/b'), 'first');
      const facts = await other.head('a/b', calmly);
      deepEqual({ ...facts, lastModifiedMs: 0 }, { key: 'a/b', etag, size: 5, lastModifiedMs: 0 });
      ok((facts?.lastModifiedMs ?? 0) > 0);
      ok(/^".+"$/.test(etag), `the tag ${etag} has no quotes`);
      const object = await other.get('a/b', calmly);
      ok(object !== undefined);
      deepEqual([object.key, object.etag, object.size], ['a/b', etag, 5]);
      for await (const piece of object.body) ok(piece.byteLength > 0);
    },
  },
  {
    title: '1: an object is replaced as a whole, and its tag is another one',
    async run(system) {
      const storage = await system.connect();
      const before = await storage.put('a', text('a longer text'), calmly);
      const after = await storage.put('a', text('short'), calmly);
      ok(before !== after);
      equal(await readText(storage, 'a'), 'short');
    },
  },
  {
    title: 'there is nothing to read where nothing was written, and nothing to delete',
    async run(system) {
      const storage = await system.connect();
      equal(await storage.get('missing', calmly), undefined);
      equal(await storage.head('missing', calmly), undefined);
      await storage.delete('missing', calmly);
      deepEqual(await listAll(storage, ''), []);
    },
  },
  {
    title: '1: what is deleted is gone',
    async run(system) {
      const storage = await system.connect();
      await storage.put('a', text('1'), calmly);
      await storage.delete('a', calmly);
      equal(await storage.get('a', calmly), undefined);
      equal(await storage.head('a', calmly), undefined);
      deepEqual(await listAll(storage, ''), []);
    },
  },
  {
    title: 'an object may be empty',
    async run(system) {
      const storage = await system.connect();
      await storage.put('empty', new Uint8Array(), calmly);
      equal(await readText(storage, 'empty'), '');
      equal((await storage.head('empty', calmly))?.size, 0);
    },
  },
  {
    title: 'a range is read without the rest, and the size is that of the whole',
    async run(system) {
      const storage = await system.connect();
      const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251);
      await storage.put('large', bytes, calmly);
      const range = { start: 100_001, end: 200_003 };
      deepEqual(await readBytes(storage, 'large', range), bytes.slice(range.start, range.end));
      const first = { start: 0, end: 1 };
      const object = await storage.get('large', { ...calmly, range: first });
      ok(object !== undefined);
      equal(object.size, bytes.byteLength);
      for await (const piece of object.body) deepEqual([...piece], [0]);
    },
  },
  {
    title: 'a key means itself, whatever stands in it',
    async run(system) {
      const storage = await system.connect();
      for (const key of awkwardKeys) await storage.put(key, text(key), calmly);
      for (const key of awkwardKeys) equal(await readText(storage, key), key);
      const listed = (await listAll(storage, '')).map(({ key }) => key);
      deepEqual([...listed].sort(), [...awkwardKeys].sort());
      for (const key of awkwardKeys) await storage.delete(key, calmly);
      deepEqual(await listAll(storage, ''), []);
    },
  },
  {
    title: 'a list begins with its prefix, goes on behind a key, and is in the order of the bytes',
    async run(system) {
      const storage = await system.connect();
      for (const key of ['b/2', 'b/10', 'a/1', 'b/1', 'c/1', 'b/é', 'b/z']) {
        await storage.put(key, text('x'), calmly);
      }
      const keys = async (prefix: string, after?: string): Promise<readonly string[]> =>
        (await storage.list({ prefix, after }, calmly)).objects.map(({ key }) => key);
      deepEqual(await keys('b/'), ['b/1', 'b/10', 'b/2', 'b/z', 'b/é']);
      deepEqual(await keys('b/', 'b/10'), ['b/2', 'b/z', 'b/é']);
      deepEqual(await keys('b/', 'b/3'), ['b/z', 'b/é']);
      deepEqual(await keys('d'), []);
    },
  },
  {
    title: 'a list of more than a thousand objects comes in pages',
    async run(system) {
      const storage = await system.connect();
      const keys = Array.from({ length: 1_005 }, (_, index) => `p/${String(index + 1_000)}`);
      await forEachBounded(keys, { ...calmly, concurrency: 16 }, async (key) => {
        await storage.put(key, text(key), calmly);
      });
      const listed = await listAll(storage, 'p/');
      deepEqual(
        listed.map(({ key }) => key),
        keys,
      );
      ok(listed.every(({ size, etag }) => size === 6 && etag.startsWith('"')));
    },
  },
  {
    title: 'a call whose signal is aborted before it begins does nothing',
    async run(system) {
      const storage = await system.connect();
      const signal = AbortSignal.abort(new Error('not now'));
      const thrown = await storage.put('a', text('1'), { signal }).catch((error: unknown) => error);
      equal(thrown, signal.reason);
      equal(await storage.head('a', calmly), undefined);
    },
  },
];

const awkwardKeys = [
  'with a blank',
  'plus+and&and=',
  'percent%20',
  'question?mark#hash',
  'ümläut/日本',
  "quotes'()*!~",
  'colon:semi;comma,at@dollar$',
];
