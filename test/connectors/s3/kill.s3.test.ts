// The server is killed and frozen while checkpoints are saved: what was acknowledged is there, and one owner wrote it.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { ObjectCheckpointStore, hasErrorCode } from 'tidegate';
import { seededRandom } from 'tidegate/extend';
import type { OwnedStore } from 'tidegate/extend';
import { externalOperatorState } from 'tidegate/manifest';
import { s3Storage } from 'tidegate/s3';
import { checkpointId } from '../../../src/ids.js';
import {
  chunksOf,
  manifestOf,
  stateOf,
} from '../../../src/testing/store-conformance/store-bench.js';
import { S3Server, services, signerOf } from './server.js';

const isOwn = services().some(({ name }) => name === 'versitygw');
const testOfOwn = isOwn ? test : test.skip;
const partBytes = 5 * 2 ** 20;
let server: S3Server;

beforeAll(async () => {
  if (isOwn) server = await S3Server.versitygw();
});

afterAll(() => {
  if (isOwn) server.remove();
});

function connect(prefix: string): ObjectCheckpointStore {
  const { endpoint, bucket } = server.service;
  const storage = s3Storage({ client: signerOf(server.service), endpoint, bucket, prefix });
  const timeouts = { requestMs: 3_000, retryMs: 20_000 };
  return new ObjectCheckpointStore({
    storage,
    minBodyAgeMs: 0,
    partBytes,
    heartbeatMs: 0,
    timeouts,
  });
}

/** Each has a sidecar whose bytes follow from its id; some go up in parts. */
async function save(store: OwnedStore, count: number): Promise<number> {
  const id = store.allocateCheckpointId();
  const bytes = stateFor(id, count % 4 === 0 ? partBytes + 1_000 : 1_000);
  const { sha256, byteLength } = await store.writeSidecar(id, chunksOf(bytes, 2 ** 16), {
    maxBytes: 2 ** 25,
  });
  const operatorStates = new Map([['counts', externalOperatorState(0, byteLength)]]);
  const changes = { operatorStates, stateChecksum: sha256 };
  await store.saveManifest(manifestOf(store, id, { changes }));
  return id;
}

function stateFor(id: number, length: number): Uint8Array {
  return new Uint8Array(length).fill(id % 251);
}

testOfOwn(
  'twelve kills and freezes of the server lose no checkpoint that was acknowledged',
  async () => {
    const seed = Number(process.env.TIDEGATE_SEED ?? 18);
    const random = seededRandom(seed);
    const store = connect(`kills/${seed}`);
    let owner = await store.open({ pipeline: 'orders', liveOwner: 'take-over' });
    const saved = new Set<number>();
    const trouble = { isOver: false, count: 0 };
    const troubling = (async () => {
      for (; trouble.count < 12; trouble.count += 1) {
        await delay(100 + random.next() * 400);
        if (random.next() < 0.3) {
          server.freeze(true);
          await delay(random.next() < 0.5 ? 300 : 3_500);
          server.freeze(false);
          continue;
        }
        await server.kill();
        await delay(random.next() * 500);
        await server.start();
      }
      trouble.isOver = true;
    })();
    let takenOver = 0;
    let count = 0;
    for (; !trouble.isOver; count += 1) {
      try {
        saved.add(await save(owner, count));
        if (count % 3 !== 2) continue;
        // Whether it answers or not: these may go, and no others.
        for (const id of [...saved].slice(0, -3)) saved.delete(id);
        await owner.prune({ retainedCheckpoints: 3 });
      } catch (error) {
        // A call that was given up may have taken effect: another owner looks, as recovery does.
        if (!hasErrorCode(error, 'TIDEGATE_STORE_IO')) throw error;
        owner = await store.open({ pipeline: 'orders', liveOwner: 'take-over' });
        takenOver += 1;
      }
    }
    await troubling;
    process.stdout.write(
      `object store: ${count} saves, 12 kills and freezes, ${takenOver} openings anew\n`,
    );
    const last = await connect(`kills/${seed}`).open({
      pipeline: 'orders',
      liveOwner: 'take-over',
    });
    const listings = await last.list();
    const context = `seed ${seed}, ${saved.size} saved, ${takenOver} taken over`;
    expect([context, listings.every(({ state }) => state === 'complete')]).toEqual([context, true]);
    const there = listings.map(({ id }) => id as number);
    expect([context, [...saved].filter((id) => !there.includes(id))]).toEqual([context, []]);
    for (const id of there) {
      const bytes = await stateOf(last, checkpointId(id), 'counts');
      expect([context, id, bytes?.every((byte) => byte === id % 251)]).toEqual([context, id, true]);
    }
    await expect(save(owner, 1)).rejects.toMatchObject({ code: 'TIDEGATE_FENCED' });
  },
  180_000,
);

testOfOwn('what a killed owner left is swept by the next one, uploads included', async () => {
  const older = await connect('left').open({ pipeline: 'orders' });
  await save(older, 0);
  const abandoned = older.writeSidecar(older.allocateCheckpointId(), hanging(), {
    maxBytes: 2 ** 25,
    signal: AbortSignal.timeout(2_000),
  });
  await expect(abandoned).rejects.toBeDefined();
  const newer = await connect('left').open({ pipeline: 'orders', liveOwner: 'take-over' });
  await save(newer, 1);
  await newer.prune({ retainedCheckpoints: 1 });
  expect(await newer.list()).toHaveLength(1);
  const { endpoint, bucket } = server.service;
  const storage = s3Storage({ client: signerOf(server.service), endpoint, bucket, prefix: 'left' });
  const calmly = { signal: new AbortController().signal };
  const { objects } = await storage.list({ prefix: 'tidegate/bodies/' }, calmly);
  expect(objects).toHaveLength(2);
  expect(await storage.listUploads('', calmly)).toEqual([]);
});

testOfOwn(
  'kill -9 of the writing process loses nothing, and a stopped owner that goes on is fenced',
  async () => {
    const nodeArguments = ['--import', 'tsx', '--input-type=module', '--eval', rounds];
    const env = { ...process.env, TIDEGATE_S3_SERVERS: JSON.stringify([server.service]) };
    const { stdout } = await promisify(execFile)(process.execPath, nodeArguments, { env });
    expect(JSON.parse(stdout)).toEqual([]);
  },
  180_000,
);

const rounds = `
  import { killRounds, stopAndOvertake } from './scripts/store-kill-rounds.mjs';
  const library = new URL('./test/connectors/s3/library.ts', 'file://' + process.cwd() + '/').href;
  const sources = { library, nodeArguments: ['--import', 'tsx'] };
  const problems = [await killRounds({ ...sources, rounds: 8 }), await stopAndOvertake(sources)];
  console.log(JSON.stringify(problems.filter((problem) => problem !== undefined)));
`;

/** More than one part, and then nothing. */
async function* hanging(): AsyncIterable<Uint8Array> {
  for (let count = 0; count < 12; count += 1) yield new Uint8Array(2 ** 20);
  await new Promise(() => undefined);
}
