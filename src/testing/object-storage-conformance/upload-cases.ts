// Multipart uploads: invisible until they are completed, found until they are over.

import { deepEqual, equal, ok } from 'node:assert/strict';
import type { ObjectStorageCase } from './storage-bench.js';
import { assertFails, calmly, readBytes, text } from './storage-bench.js';

const partBytes = 5 * 2 ** 20;

export const uploadCases: readonly ObjectStorageCase[] = [
  {
    title: 'an upload becomes an object when it is completed, and not before',
    async run(system) {
      const storage = await system.connect();
      const upload = { key: 'large', uploadId: await storage.createUpload('large', calmly) };
      const first = Uint8Array.from({ length: partBytes }, (_, index) => index % 253);
      const second = text('the last part may be short');
      const parts = [
        await storage.uploadPart({ ...upload, partNumber: 1, body: first }, calmly),
        await storage.uploadPart({ ...upload, partNumber: 2, body: second }, calmly),
      ];
      deepEqual(
        parts.map(({ partNumber }) => partNumber),
        [1, 2],
      );
      equal(await storage.head('large', calmly), undefined);
      const etag = await storage.completeUpload({ ...upload, parts }, calmly);
      const facts = await storage.head('large', calmly);
      deepEqual([facts?.size, facts?.etag], [first.byteLength + second.byteLength, etag]);
      const bytes = await readBytes(storage, 'large');
      ok(Buffer.from(bytes ?? []).equals(Buffer.concat([first, second])));
    },
  },
  {
    title: 'a part that is sent again replaces the one before',
    async run(system) {
      const storage = await system.connect();
      const upload = { key: 'a', uploadId: await storage.createUpload('a', calmly) };
      const send = (body: string) =>
        storage.uploadPart({ ...upload, partNumber: 1, body: text(body) }, calmly);
      await send('older');
      await storage.completeUpload({ ...upload, parts: [await send('newer')] }, calmly);
      deepEqual(await readBytes(storage, 'a'), text('newer'));
    },
  },
  {
    title: 'uploads under way are listed by prefix, until they are completed or aborted',
    async run(system) {
      const storage = await system.connect();
      const begin = async (key: string) => ({
        key,
        uploadId: await storage.createUpload(key, calmly),
      });
      const uploads = [await begin('u/1'), await begin('u/1'), await begin('u/2')];
      await begin('v/1');
      const idsOf = (names: readonly { readonly uploadId: string }[]): readonly string[] =>
        names.map(({ uploadId }) => uploadId).sort();
      deepEqual(idsOf(await storage.listUploads('u/', calmly)), idsOf(uploads));
      const [first, second, third] = uploads;
      ok(first !== undefined && second !== undefined && third !== undefined);
      await storage.abortUpload(first, calmly);
      const part = { ...second, partNumber: 1, body: text('x') };
      const parts = [await storage.uploadPart(part, calmly)];
      await storage.completeUpload({ ...second, parts }, calmly);
      deepEqual(await storage.listUploads('u/', calmly), [third]);
    },
  },
  {
    title: 'an upload that is gone takes no part and is not completed, and aborting it is no error',
    async run(system) {
      const storage = await system.connect();
      const upload = { key: 'a', uploadId: await storage.createUpload('a', calmly) };
      const part = { ...upload, partNumber: 1, body: text('x') };
      const parts = [await storage.uploadPart(part, calmly)];
      await storage.abortUpload(upload, calmly);
      await storage.abortUpload(upload, calmly);
      await assertFails(storage.uploadPart(part, calmly), 'upload-gone');
      await assertFails(storage.completeUpload({ ...upload, parts }, calmly), 'upload-gone');
      equal(await storage.head('a', calmly), undefined);
    },
  },
];
