// The adapters against a server that answers what a test tells it to: kinds of failures, and what stands in them.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { S3 } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { AwsClient } from 'aws4fetch';
import { ObjectStorageFailure } from 'tidegate/extend';
import type { ObjectStorage } from 'tidegate/extend';
import { s3Storage } from 'tidegate/s3';

const secret = 'SecretOfTheTest';
const calmly = { signal: new AbortController().signal };

let server: Server;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let requests: string[];
let sdk: S3;

beforeEach(async () => {
  requests = [];
  server = createServer((request, response) => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    request.resume().on('end', () => answer(request, response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const credentials = { accessKeyId: 'key-id', secretAccessKey: secret };
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  sdk = new S3({ endpoint, region: 'r', credentials, forcePathStyle: true, maxAttempts: 1 });
});

afterEach(() => {
  sdk.destroy();
  server.closeAllConnections();
  server.close();
});

function storages(): readonly ObjectStorage[] {
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const signer = new AwsClient({ accessKeyId: 'key-id', secretAccessKey: secret, region: 'r' });
  return [
    s3Storage({ client: sdk, bucket: 'b', prefix: '/p/' }),
    s3Storage({ client: signer, endpoint, bucket: 'b', prefix: 'p' }),
  ];
}

function refusing(status: number, code: string): typeof answer {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/xml' });
    response.end(
      `<Error><Code>${code}</Code><Message>said &lt;so&gt;</Message>` +
        '<AWSAccessKeyId>key-id</AWSAccessKeyId><SignatureProvided>0123abc</SignatureProvided></Error>',
    );
  };
}

async function failureOf(call: Promise<unknown>): Promise<ObjectStorageFailure> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof ObjectStorageFailure) return error;
  throw new Error(`no failure of the storage: ${inspect(error)}`);
}

test.each([
  [412, 'PreconditionFailed', 'condition-failed'],
  [409, 'ConditionalRequestConflict', 'unknown'],
  [409, 'OperationAborted', 'unknown'],
  [500, 'InternalError', 'unknown'],
  [502, 'BadGateway', 'unknown'],
  [503, 'ServiceUnavailable', 'unknown'],
  [503, 'SlowDown', 'throttled'],
  [429, 'TooManyRequests', 'throttled'],
  [400, 'RequestTimeout', 'unknown'],
  [403, 'AccessDenied', 'denied'],
  [403, 'SignatureDoesNotMatch', 'denied'],
  [400, 'ExpiredToken', 'denied'],
  [404, 'NoSuchBucket', 'missing-bucket'],
  [400, 'InvalidArgument', 'invalid'],
  [501, 'NotImplemented', 'invalid'],
] as const)('%d %s of a PUT is %s, and names no credential', async (status, code, kind) => {
  answer = refusing(status, code);
  for (const storage of storages()) {
    const failure = await failureOf(storage.put('k', Buffer.from('x'), calmly));
    expect(failure.kind).toBe(kind);
    expect(failure.message).toContain(`failed with ${status} ${code}: said <so>`);
    expect(failure.message).toContain('s3://b/p');
    const shown = inspect(failure, { depth: 9, showHidden: true }) + JSON.stringify(failure);
    expect(shown).not.toMatch(/key-id|0123abc|SecretOf|Credential=/);
  }
  expect(requests).toEqual([expect.stringMatching(/^PUT \/b\/p\/k/), 'PUT /b/p/k']);
});

test('an object that is not there is no failure of reading, and fails a condition', async () => {
  answer = refusing(404, 'NoSuchKey');
  for (const storage of storages()) {
    expect(await storage.get('k', calmly)).toBeUndefined();
    await storage.delete('k', calmly);
    const putting = storage.put('k', Buffer.from('x'), {
      ...calmly,
      condition: { ifMatch: '"1"' },
    });
    expect((await failureOf(putting)).kind).toBe('condition-failed');
    await storage.abortUpload({ key: 'k', uploadId: 'u' }, calmly).catch(() => undefined);
  }
});

test('a HEAD without a body is missing at 404 and denied at 403', async () => {
  for (const [status, expected] of [
    [404, 'missing'],
    [403, 'denied'],
  ] as const) {
    answer = (_, response) => response.writeHead(status).end();
    for (const storage of storages()) {
      const outcome = await storage.head('k', calmly).then(
        (facts) => (facts === undefined ? 'missing' : 'there'),
        (error: unknown) => (error as ObjectStorageFailure).kind,
      );
      expect(outcome).toBe(expected);
    }
  }
});

test('an upload that is gone is known by its name, and aborting it is no failure', async () => {
  answer = refusing(404, 'NoSuchUpload');
  const upload = { key: 'k', uploadId: 'u' };
  for (const storage of storages()) {
    const completing = storage.completeUpload(
      { ...upload, parts: [{ partNumber: 1, etag: '"1"' }] },
      calmly,
    );
    expect((await failureOf(completing)).kind).toBe('upload-gone');
    await storage.abortUpload(upload, calmly);
  }
});

test('an answer that begins with 200 and ends as an error is one', async () => {
  answer = (_, response) => {
    response.writeHead(200, { 'content-type': 'application/xml' });
    response.end(
      '<?xml version="1.0"?>\n<Error><Code>InternalError</Code><Message>late</Message></Error>',
    );
  };
  for (const storage of storages()) {
    const parts = [{ partNumber: 1, etag: '"1"' }];
    const completing = storage.completeUpload({ key: 'k', uploadId: 'u', parts }, calmly);
    expect((await failureOf(completing)).kind).toBe('unknown');
  }
});

test('a connection that ends without an answer, or in a body, leaves the outcome open', async () => {
  answer = (_, response) => void response.destroy();
  for (const storage of storages()) {
    expect((await failureOf(storage.put('k', Buffer.from('x'), calmly))).kind).toBe('unknown');
  }
  answer = (_, response) => {
    response.writeHead(200, {
      'content-length': '100',
      etag: '"1"',
      'last-modified': new Date(0).toUTCString(),
    });
    response.write('half');
    setTimeout(() => response.destroy(), 20);
  };
  for (const storage of storages()) {
    const object = await storage.get('k', calmly);
    expect(object?.size).toBe(100);
    const reading = (async () => {
      for await (const piece of object?.body ?? []) expect(piece.byteLength).toBeLessThan(100);
    })();
    expect((await failureOf(reading)).kind).toBe('unknown');
  }
});

test('a call that is aborted rejects with the reason of its signal', async () => {
  answer = () => undefined;
  for (const storage of storages()) {
    const abort = new AbortController();
    const reason = new Error('too slow');
    const putting = storage.put('k', Buffer.from('x'), { signal: abort.signal });
    setTimeout(() => abort.abort(reason), 20);
    await expect(putting).rejects.toBe(reason);
  }
});

test('what fails before anything is sent is refused at once, and not tried again and again', async () => {
  const credentials = { accessKeyId: 'key-id', secretAccessKey: secret };
  const region = (): Promise<string> => Promise.reject(new Error('Region is missing'));
  const unready = new S3({ region, credentials, endpoint: 'http://127.0.0.1:2' });
  const client = { sign: () => Promise.reject(new TypeError('no key')) };
  for (const storage of [
    s3Storage({ client: unready, bucket: 'b' }),
    s3Storage({ client, endpoint: 'http://127.0.0.1:2', bucket: 'b' }),
  ]) {
    const failure = await failureOf(storage.put('k', Buffer.from('x'), calmly));
    expect(failure.kind).toBe('invalid');
    expect(failure.message).toMatch(/Region is missing|no key/);
  }
  unready.destroy();
});

test('a completion that wants the checksums of the parts gets those that the service has', async () => {
  const bodies: string[] = [];
  answer = (request, response) => {
    response.setHeader('content-type', 'application/xml');
    if (request.method === 'GET') {
      const part =
        '<Part><PartNumber>1</PartNumber><ETag>"1"</ETag><ChecksumCRC32>abcd</ChecksumCRC32></Part>';
      return void response.end(`<ListPartsResult>${part}</ListPartsResult>`);
    }
    if (bodies.at(-1)?.includes('abcd') === true) {
      return void response.end(
        '<CompleteMultipartUploadResult><ETag>"9-1"</ETag></CompleteMultipartUploadResult>',
      );
    }
    refusing(400, 'InvalidRequest')(request, response);
  };
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    request.on('data', (piece: Buffer) => (body += piece.toString()));
    request.on('end', () => {
      bodies.push(body);
      if (request.method === 'POST' && !body.includes('abcd')) {
        response.writeHead(400, { 'content-type': 'application/xml' });
        return void response.end(
          '<Error><Code>InvalidRequest</Code><Message>The upload was created using a crc32 checksum. ' +
            'The complete request must include the checksum for each part.</Message></Error>',
        );
      }
      answer(request, response);
    });
  });
  const storage = s3Storage({ client: sdk, bucket: 'b' });
  const parts = [{ partNumber: 1, etag: '"1"' }];
  expect(await storage.completeUpload({ key: 'k', uploadId: 'u', parts }, calmly)).toBe('"9-1"');
});

test('lists come without the prefix, in pages, with entities read', async () => {
  answer = (_, response) => {
    response.setHeader('content-type', 'application/xml');
    response.end(
      '<ListBucketResult><IsTruncated>true</IsTruncated>' +
        '<Contents><Key>p/a&amp;b</Key><ETag>&quot;1&quot;</ETag><Size>7</Size>' +
        '<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>' +
        '<Contents><Key>p/c&#xE9;</Key><ETag>"2"</ETag><Size>8</Size>' +
        '<LastModified>2026-01-01T00:00:01.000Z</LastModified></Contents></ListBucketResult>',
    );
  };
  for (const storage of storages()) {
    const page = await storage.list({ prefix: 'x/', after: 'x/1' }, calmly);
    expect(page).toEqual({
      next: 'cé',
      objects: [
        { key: 'a&b', etag: '"1"', size: 7, lastModifiedMs: Date.UTC(2026, 0, 1) },
        { key: 'cé', etag: '"2"', size: 8, lastModifiedMs: Date.UTC(2026, 0, 1, 0, 0, 1) },
      ],
    });
  }
  for (const url of requests.map((request) => new URL(request.slice(4), 'http://x'))) {
    expect(url.searchParams.get('prefix')).toBe('p/x/');
    expect(url.searchParams.get('start-after')).toBe('p/x/1');
  }
});

describe('options that are wrong are named, and no value of theirs is shown', () => {
  const signer = new AwsClient({ accessKeyId: 'key-id', secretAccessKey: secret });
  test.each([
    [{ client: signer, bucket: 'b' }, /endpoint goes with a client of aws4fetch/],
    [{ client: {}, bucket: 'b' }, /new S3\({ … }\) of @aws-sdk\/client-s3, or new AwsClient/],
    [{ client: signer, endpoint: `https://user:${secret}@host`, bucket: 'b' }, /credentials in it/],
    [{ client: signer, endpoint: secret, bucket: 'b' }, /endpoint is no URL/],
    [{ client: signer, endpoint: 'https://host' }, /bucket is missing/],
    [
      { client: signer, endpoint: 'https://host', bucket: 'b', secretAccessKey: secret },
      /there is no option secretAccessKey/,
    ],
  ])('%#', (options, message) => {
    const making = (): unknown => s3Storage(options as never);
    expect(making).toThrow(message);
    expect(making).not.toThrow(secret);
  });
});
