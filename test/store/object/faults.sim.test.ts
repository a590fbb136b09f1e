// Three processes that take the store from each other on a service that fails in every way, by seed.

import { expect, test } from '@jest/globals';
import { hasErrorCode, isTidegateError } from 'tidegate';
import { seededRandom } from 'tidegate/extend';
import type { OwnedStore, Random } from 'tidegate/extend';
import { externalOperatorState, serializeManifest } from 'tidegate/manifest';
import type { CheckpointManifest } from 'tidegate/manifest';
import { SimulatedObjectStorage } from 'tidegate/testing';
import { checkpointId } from '../../../src/ids.js';
import { chunksOf, manifestOf } from '../../../src/testing/store-conformance/store-bench.js';
import { forward } from '../crash/actions.js';
import { ObjectProcess } from './bench.js';

const seeds = Number(process.env.TIDEGATE_SEEDS ?? 50);
const firstSeed = Number(process.env.TIDEGATE_SEED ?? 1);

interface Member {
  readonly process: ObjectProcess;
  store: OwnedStore | undefined;
}

/** What was promised to any of them. */
class Promises {
  /** Texts that each checkpoint may have. */
  readonly texts = new Map<number, Set<string>>();
  readonly acknowledged = new Set<number>();
  /** Acknowledged as committed, which no checkpoint stops being. */
  readonly committed = new Set<number>();
  #newestMaybeComplete = 0;

  begin(manifest: CheckpointManifest): void {
    const { checkpointId: id } = manifest;
    this.texts.set(id, (this.texts.get(id) ?? new Set()).add(serializeManifest(manifest)));
    if (isCommitted(manifest)) this.#newestMaybeComplete = Math.max(this.#newestMaybeComplete, id);
  }

  acknowledge(manifest: CheckpointManifest): void {
    this.acknowledged.add(manifest.checkpointId);
    if (isCommitted(manifest)) this.committed.add(manifest.checkpointId);
  }

  /** What is older than the newest complete one may go; one whose save was not answered may be that. */
  prune(): void {
    for (const id of this.acknowledged) {
      if (id < this.#newestMaybeComplete) this.acknowledged.delete(id);
    }
  }
}

function isCommitted({ sinkCommitStatuses }: CheckpointManifest): boolean {
  return [...sinkCommitStatuses.values()].every(({ kind }) => kind === 'committed');
}

test('whatever fails and however late, nothing acknowledged is lost or goes back', async () => {
  let refused = 0;
  let fenced = 0;
  for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
    const random = seededRandom(seed);
    const service = new SimulatedObjectStorage({
      seed,
      minPartBytes: 8,
      listLag: Math.floor(random.next() * 4),
      skewMs: Math.floor((random.next() - 0.5) * 7_200_000),
    });
    const promises = new Promises();
    const share = random.next() * 0.35;
    const members = [1, 2, 3].map((number) => join(service, random, seed * 10 + number, share));
    for (let step = 0; step < 40; step += 1) {
      const at = Math.floor(random.next() * members.length);
      const member = members[at]!;
      const where = `seed ${seed}, step ${step}`;
      if (random.next() < 0.04) {
        member.process.connection.kill();
        members[at] = join(service, random, seed * 10_000 + step, share);
        continue;
      }
      try {
        await member.process.run(act(member, random, promises));
      } catch (error) {
        if (hasErrorCode(error, 'TIDEGATE_FENCED')) {
          member.store = undefined;
          fenced += 1;
          continue;
        }
        expect([where, isTidegateError(error) ? error.code : error]).toEqual([
          where,
          'TIDEGATE_STORE_IO',
        ]);
        refused += 1;
      }
      if (random.next() < 0.2) await check(service, promises, where);
    }
    service.deliverLate();
    await check(service, promises, `seed ${seed}, at the end`);
    const last = await new ObjectProcess(service, { seed }).open();
    promises.prune();
    for (let round = 0; round < 3; round += 1) await last.prune({ retainedCheckpoints: 1 });
    await check(service, promises, `seed ${seed}, after the sweep`);
  }
  process.stdout.write(
    `object store: ${seeds} seeds, ${refused} calls failed, ${fenced} were fenced\n`,
  );
  expect(refused).toBeGreaterThan(seeds / 10);
  expect(fenced).toBeGreaterThan(seeds / 10);
}, 300_000);

function join(
  service: SimulatedObjectStorage,
  random: Random,
  seed: number,
  share: number,
): Member {
  const process = new ObjectProcess(service, {
    seed,
    hooks: service.randomFaults(random, share),
    store: { partBytes: 8, timeouts: { requestMs: 1_000, retryMs: 400 } },
  });
  return { process, store: undefined };
}

async function act(member: Member, random: Random, promises: Promises): Promise<void> {
  const draw = random.next();
  const { store } = member;
  if (store === undefined || draw < 0.05) {
    member.store = await member.process.store().open({ pipeline: 'orders' });
    return;
  }
  if (draw < 0.12) {
    member.store = await store.takeNextGeneration();
    return;
  }
  if (draw < 0.6) {
    const manifest = await newManifest(store, random);
    promises.begin(manifest);
    await store.saveManifest(manifest);
    promises.acknowledge(manifest);
    return;
  }
  if (draw < 0.85) {
    const stored = (await store.list())[0]?.manifest;
    if (stored === undefined) return;
    const next = forward(stored);
    promises.begin(next);
    await store.updateManifest({ manifest: stored }, next);
    promises.acknowledge(next);
    return;
  }
  promises.prune();
  await store.prune({ retainedCheckpoints: 1 });
}

async function newManifest(store: OwnedStore, random: Random): Promise<CheckpointManifest> {
  const id = store.allocateCheckpointId();
  const sinks = { out: random.next() < 0.5 ? 'pending' : 'committed' } as const;
  if (random.next() < 0.5) return manifestOf(store, id, { sinks });
  const bytes = Uint8Array.from({ length: 20 }, (_, index) => (id + index) % 256);
  const { sha256 } = await store.writeSidecar(id, chunksOf(bytes, 7), { maxBytes: 100 });
  const operatorStates = new Map([['large', externalOperatorState(0, bytes.byteLength)]]);
  return manifestOf(store, id, { sinks, changes: { operatorStates, stateChecksum: sha256 } });
}

/** Reads as a process without a fault, which owns nothing. */
async function check(
  service: SimulatedObjectStorage,
  promises: Promises,
  where: string,
): Promise<void> {
  const reader = await new ObjectProcess(service).store().openReadOnly();
  const listings = await reader.list();
  const there = new Set(listings.map(({ id }) => id as number));
  const lost = [...promises.acknowledged].filter((id) => !there.has(id));
  expect([where, 'lost', lost]).toEqual([where, 'lost', []]);
  const complete = listings.filter(({ state }) => state === 'complete').length;
  if (promises.committed.size > 0) expect([where, complete > 0]).toEqual([where, true]);
  for (const { id, state, manifest, problem } of listings) {
    const about = `${where}, checkpoint ${id}: ${String(problem)}`;
    expect([about, state]).toEqual([about, expect.stringMatching(/^(complete|in-doubt)$/)]);
    const text = manifest === undefined ? '' : serializeManifest(manifest);
    expect([about, promises.texts.get(id)?.has(text)]).toEqual([about, true]);
    if (promises.committed.has(id)) expect([about, state]).toEqual([about, 'complete']);
    await reader.load(checkpointId(id));
  }
}
