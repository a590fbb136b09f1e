// The command line reads a store on object storage, and says what is wrong with its address.

import { expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { s3Storage } from '../../../src/connectors/s3/index.js';
import { ObjectCheckpointStore } from '../../../src/store/object/object-store.js';
import { saveNew } from '../../../src/testing/store-conformance/store-bench.js';
import { services, signerOf, type S3Service } from './server.js';

const [service] = services();

async function run(
  args: readonly string[],
  { endpoint, accessKeyId, secretAccessKey, region }: S3Service,
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const env = {
    ...process.env,
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_REGION: region,
  };
  const command = ['--import', 'tsx', 'src/cli/main.ts', ...args];
  try {
    return { code: 0, ...(await promisify(execFile)(process.execPath, command, { env })) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

test('list, verify and prune work on s3://bucket/prefix', async () => {
  if (service === undefined) return;
  const { endpoint, bucket } = service;
  const prefix = `cli/${randomUUID()}`;
  const storage = s3Storage({ client: signerOf(service), endpoint, bucket, prefix });
  const owner = await new ObjectCheckpointStore({ storage }).open({ pipeline: 'orders' });
  const saved = [await saveNew(owner), await saveNew(owner), await saveNew(owner)];
  const ids = saved.map(({ manifest }) => manifest.checkpointId).reverse();
  await owner.close();
  const place = ['--store', `s3://${bucket}/${prefix}`, '--json'];
  const listed = JSON.parse((await run(['list', ...place], service)).stdout) as {
    readonly checkpoints: readonly { readonly id: number; readonly state: string }[];
  };
  expect(listed.checkpoints.map(({ id, state }) => [id, state])).toEqual(
    ids.map((id) => [id, 'complete']),
  );
  expect((await run(['verify', ...place], service)).code).toBe(0);
  expect((await run(['prune', '--keep', '1', ...place], service)).code).toBe(0);
  const reader = await new ObjectCheckpointStore({ storage }).openReadOnly();
  expect((await reader.list()).map(({ id }) => id)).toEqual([ids[0]]);
});

test('an address that is none, and a bucket that is not there, are named', async () => {
  if (service === undefined) return;
  const odd = await run(['list', '--store', 'gs://bucket/prefix'], service);
  expect(odd.stderr).toContain('--store takes a directory, s3://bucket/prefix');
  const missing = await run(['list', '--store', 's3://no-such-bucket/p'], service);
  expect([missing.code === 0, missing.stderr]).toEqual([
    false,
    expect.stringContaining('NoSuchBucket'),
  ]);
  expect(missing.stderr).not.toContain(service.secretAccessKey);
});
