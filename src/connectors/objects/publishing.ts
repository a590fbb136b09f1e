// What follows from a decision, and may be done any number of times: output is completed, or taken away.

import type { CallOptions } from '../../contracts/source.js';
import { TidegateError } from '../../errors.js';
import { forEachBounded } from '../../runtime/for-each-bounded.js';
import { isFailure } from '../../store/object/storage-calls.js';
import { partsOf, type EpochObject, type EpochRecord } from './epoch-record.js';
import { concurrency } from './epochs.js';
import { pagesOf, type ObjectSinkPorts } from './ports.js';

/**
 * Asks whether all output of an epoch is still there as it was prepared: an object by its tag, an upload by
 * its name. Parts of an upload cannot be looked at; completing compares their tags.
 *
 * @throws TidegateError `TIDEGATE_OBJECTS_CORRUPT`.
 */
export async function requireWhole(
  ports: ObjectSinkPorts,
  { objects }: Pick<EpochRecord, 'objects'>,
  signal: AbortSignal,
): Promise<void> {
  const { calls, layout, storage } = ports;
  const uploads = objects.some(({ upload }) => upload !== undefined)
    ? await calls.repeat(signal, (options) => storage.listUploads(layout.parts, options))
    : [];
  const underWay = new Set(uploads.map(({ uploadId }) => uploadId));
  await forEachBounded(objects, { concurrency, signal }, async (object) => {
    if (object.upload !== undefined && underWay.has(object.upload.id)) return;
    const key = keyOf(ports, object);
    const found = await calls.repeat(signal, (options) => storage.head(key, options));
    const isAsPut = object.etag === undefined || object.etag === found?.etag;
    if (found?.size !== object.size || !isAsPut) {
      throw lost(ports, object, found === undefined ? 'is gone' : 'is another object now');
    }
  });
}

/** Completes the uploads of a committed epoch. One that is gone was completed, if its object is there. */
export async function publish(
  ports: ObjectSinkPorts,
  { objects }: Pick<EpochRecord, 'objects'>,
  signal: AbortSignal,
): Promise<void> {
  const { calls, storage } = ports;
  await forEachBounded(objects, { concurrency, signal }, async (object) => {
    const { upload } = object;
    if (upload === undefined) return;
    const key = keyOf(ports, object);
    const completed = { key, uploadId: upload.id, parts: partsOf(upload.etags) };
    await calls.repeat(signal, async (options) => {
      try {
        await storage.completeUpload(completed, options);
      } catch (error) {
        if (!isFailure(error, 'upload-gone')) throw error;
        const found = await storage.head(key, options);
        if (found?.size !== object.size) throw lost(ports, object, 'was lost behind its commit');
      }
    });
  });
}

/** Takes away the output of a discarded epoch. Only behind its record: what may be committed stays. */
export async function clear(
  ports: ObjectSinkPorts,
  { objects }: Pick<EpochRecord, 'objects'>,
  signal: AbortSignal,
): Promise<void> {
  const { calls, storage } = ports;
  await forEachBounded(objects, { concurrency, signal }, async (object) => {
    const key = keyOf(ports, object);
    const uploadId = object.upload?.id;
    const takeAway = (options: CallOptions): Promise<void> =>
      uploadId === undefined
        ? storage.delete(key, options)
        : storage.abortUpload({ key, uploadId }, options);
    await calls.repeat(signal, takeAway);
  });
}

/**
 * Ends what crashed owners left without a record: uploads, and objects behind what is settled.
 *
 * @param known Records behind what is settled: what they name stays.
 */
export async function sweep(
  ports: ObjectSinkPorts,
  known: readonly EpochRecord[],
  { generation, behind }: { readonly generation: number; readonly behind: string },
  signal: AbortSignal,
): Promise<void> {
  const { calls, layout, storage } = ports;
  const named = new Set<string>();
  for (const { objects } of known) {
    for (const { name, upload } of objects) named.add(upload?.id ?? '').add(name);
  }
  const isLeft = (key: string): boolean => {
    const writer = layout.generationOf(key);
    return writer !== undefined && writer < generation;
  };
  const uploads = await calls.repeat(signal, (options) =>
    storage.listUploads(layout.parts, options),
  );
  const ended = uploads.filter(({ key, uploadId }) => isLeft(key) && !named.has(uploadId));
  await forEachBounded(ended, { concurrency, signal }, async (upload) =>
    calls.repeat(signal, (options) => storage.abortUpload(upload, options)),
  );
  const query = { prefix: layout.parts, behind: behind === '' ? '' : `${layout.prefix}${behind}` };
  for await (const page of pagesOf(ports, query, signal)) {
    const left = page.filter(
      ({ key }) => isLeft(key) && !named.has(key.slice(layout.prefix.length)),
    );
    await forEachBounded(left, { concurrency, signal }, async ({ key }) =>
      calls.repeat(signal, (options) => storage.delete(key, options)),
    );
  }
}

export function keyOf({ layout }: ObjectSinkPorts, { name }: EpochObject): string {
  return `${layout.prefix}${name}`;
}

function lost(ports: ObjectSinkPorts, object: EpochObject, what: string): TidegateError {
  return new TidegateError(
    'TIDEGATE_OBJECTS_CORRUPT',
    `${ports.address}: ${object.name}, ${object.size} bytes with SHA-256 ${object.sha256}, ${what}. ` +
      'A rule of the bucket, or another program, has taken it away: bring it back from a copy, or, ' +
      "where it is not committed yet, start with inDoubtPolicy 'roll-back', which reads its input again",
    { details: { object: object.name, expected: object.sha256 } },
  );
}
