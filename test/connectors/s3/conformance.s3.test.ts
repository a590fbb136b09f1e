// The adapters and the store against real servers, through both clients.

import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { S3 } from '@aws-sdk/client-s3';
import { afterAll, describe, expect, test } from '@jest/globals';
import { ObjectCheckpointStore } from 'tidegate';
import { ObjectStorageFailure } from 'tidegate/extend';
import type { ObjectStorage } from 'tidegate/extend';
import { s3Storage } from 'tidegate/s3';
import { describeCheckpointStore, describeObjectStorage } from 'tidegate/testing';
import type { TestRunner } from 'tidegate/testing';
import { services, signerOf, type S3Service } from './server.js';

/** Cases that a server does not pass, and why. */
const knownFlaws: Readonly<Record<string, RegExp>> = {
  // It answers 500 to a part, or to the completion, of an upload that there is not.
  moto: /^an upload that is gone/,
};

function runnerFor(service: S3Service): TestRunner {
  const flaw = knownFlaws[service.name];
  return {
    describe,
    test: (title, body) => (flaw?.test(title) === true ? test.failing : test)(title, body),
  };
}
const sdks: S3[] = [];

afterAll(() => {
  for (const sdk of sdks) sdk.destroy();
});

function sdkOf({ endpoint, region, accessKeyId, secretAccessKey }: S3Service): S3 {
  const credentials = { accessKeyId, secretAccessKey };
  const sdk = new S3({ endpoint, region, credentials, forcePathStyle: true });
  sdks.push(sdk);
  return sdk;
}

const clients = {
  '@aws-sdk/client-s3': (service: S3Service, prefix: string) =>
    s3Storage({ client: sdkOf(service), bucket: service.bucket, prefix }),
  aws4fetch: (service: S3Service, prefix: string) =>
    s3Storage({
      client: signerOf(service),
      endpoint: service.endpoint,
      bucket: service.bucket,
      prefix,
    }),
} satisfies Record<string, (service: S3Service, prefix: string) => ObjectStorage>;

/** A port that the system gives to no server. */
const closedEndpoint = 'http://127.0.0.1:2';

const calmly = { signal: new AbortController().signal };

for (const service of services()) {
  const runner = runnerFor(service);
  for (const [client, storageOf] of Object.entries(clients)) {
    const name = `${service.name} through ${client}`;
    describeObjectStorage(
      {
        name,
        create() {
          const prefix = `tests/${randomUUID()}`;
          const storage = storageOf(service, prefix);
          return { connect: () => storage };
        },
      },
      runner,
    );
    describeCheckpointStore(
      {
        name: `the object store on ${name}`,
        create() {
          const storage = storageOf(service, `tests/${randomUUID()}`);
          return { connect: () => new ObjectCheckpointStore({ storage }) };
        },
      },
      runner,
    );

    test(`${name}: what is refused has its kind, and no credential in it`, async () => {
      const wrong = { ...service, secretAccessKey: 'WrongSecretOfTheTest' };
      const failures = [
        await failureOf(storageOf({ ...service, bucket: 'no-such-bucket' }, 'p')),
        await failureOf(storageOf({ ...service, endpoint: closedEndpoint }, 'p')),
      ];
      expect(failures[0]?.kind).toBe('missing-bucket');
      // The SDK wraps errors that are none of its own realm, and jest has one of its own.
      expect(failures[1]?.kind).toMatch(
        client === 'aws4fetch' ? /^unreachable$/ : /^unknown|unreachable$/,
      );
      const denied = await failureOf(storageOf(wrong, 'p')).catch(() => undefined);
      // moto checks no signatures.
      if (service.name !== 'moto') expect(denied?.kind).toBe('denied');
      for (const failure of [...failures, ...(denied === undefined ? [] : [denied])]) {
        const text = inspect(failure, { depth: 9, showHidden: true });
        expect(text).not.toMatch(/WrongSecretOfTheTest|tidegate-secret|Signature=/);
        expect(text).not.toContain(service.secretAccessKey);
      }
    });
  }
}

async function failureOf(storage: ObjectStorage): Promise<ObjectStorageFailure> {
  const error: unknown = await storage
    .put('key', Buffer.from('body'), calmly)
    .catch((thrown: unknown) => thrown);
  if (error instanceof ObjectStorageFailure) return error;
  throw new Error(`it should have failed: ${String(error)}`);
}
