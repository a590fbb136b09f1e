// The object sink on real servers: its obligations, and kills of the writer and of the server in the middle.

import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { seededRandom } from 'tidegate/extend';
import type { ObjectStorage } from 'tidegate/extend';
import { committedObjects, objectSink, s3Storage } from 'tidegate/s3';
import { describeTwoPhaseSink } from 'tidegate/testing';
import { S3Server, services, signerOf, type S3Service } from './server.js';

const isOwn = services().some(({ name }) => name === 'versitygw');
const testOfOwn = isOwn ? test : test.skip;
let server: S3Server;

beforeAll(async () => {
  if (isOwn) server = await S3Server.versitygw();
});

afterAll(() => {
  if (isOwn) server.remove();
});

function storageOf(service: S3Service, prefix: string): ObjectStorage {
  const { endpoint, bucket } = service;
  return s3Storage({ client: signerOf(service), endpoint, bucket, prefix });
}

for (const service of services()) {
  describeTwoPhaseSink<number>(
    {
      name: `the object sink on ${service.name}`,
      record: (number) => number,
      create() {
        const storage = storageOf(service, `tests/${randomUUID()}`);
        return {
          connect: () => objectSink<number>({ storage, prefix: 'out' }),
          visible: () => numbersIn(storage, 'out'),
        };
      },
    },
    { describe, test },
  );
}

async function numbersIn(storage: ObjectStorage, prefix: string): Promise<number[]> {
  const { signal } = new AbortController();
  const numbers: number[] = [];
  for await (const { key, size } of committedObjects(storage, { prefix })) {
    const object = await storage.get(key, { signal });
    expect([key, object?.size]).toEqual([key, size]);
    const pieces: Uint8Array[] = [];
    for await (const piece of object?.body ?? []) pieces.push(piece);
    const lines = Buffer.concat(pieces).toString('utf8').split('\n').slice(0, -1);
    numbers.push(...lines.map(Number));
  }
  return numbers;
}

const writer = fileURLToPath(new URL('sink-writer.ts', import.meta.url));

/** Writes up to `end`, or until it is killed; whether it has come to the end. */
async function write(prefix: string, end: number, killAfterMs: number): Promise<boolean> {
  const env = { ...process.env, TIDEGATE_S3_SERVERS: JSON.stringify([server.service]) };
  const nodeArguments = ['--import', 'tsx', writer, prefix, String(end)];
  const child = spawn(process.execPath, nodeArguments, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (text: Buffer) => (said += text.toString()));
  child.stderr.on('data', (text: Buffer) => (said += text.toString()));
  const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  const [code] = (await once(child, 'exit')) as [number | null];
  clearTimeout(timer);
  if (code !== null && code !== 0) throw new Error(`the writer failed: ${said}`);
  return code === 0;
}

testOfOwn(
  'kill -9 of the writer and of the server leaves every record once, in order, and no upload',
  async () => {
    const seed = Number(process.env.TIDEGATE_SEED ?? 18);
    const random = seededRandom(seed);
    const prefix = `chaos/${seed}`;
    const end = 300;
    const killTimeMs = (life: number): number =>
      life <= 10 ? 1_500 + random.next() * 2_000 : 60_000;
    const trouble = { isOver: false, kills: 0 };
    const troubling = (async () => {
      while (!trouble.isOver) {
        await delay(1_000 + random.next() * 2_000);
        await server.kill();
        trouble.kills += 1;
        await delay(random.next() * 400);
        await server.start();
      }
    })();
    let lives = 1;
    for (; !(await write(prefix, end, killTimeMs(lives))); lives += 1);
    trouble.isOver = true;
    await troubling;
    // What the last life left, such as an upload whose beginning lost its answer, the next one ends.
    expect(await write(prefix, end, 60_000)).toBe(true);
    expect(lives).toBeGreaterThan(2);
    process.stdout.write(
      `object sink: ${lives} lives of the writer, ${trouble.kills} of the server\n`,
    );
    const storage = storageOf(server.service, prefix);
    expect(await storage.listUploads('', { signal: new AbortController().signal })).toEqual([]);
    const numbers = Array.from({ length: end }, (_, index) => index + 1);
    for (const name of ['small', 'large']) {
      expect({ seed, name, numbers: await numbersIn(storage, name) }).toEqual({
        ...{ seed, name, numbers },
      });
    }
  },
  300_000,
);
