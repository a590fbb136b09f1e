// What an owner of a store on object storage does about lost answers, late requests and what is left over.

import { beforeEach, expect, test } from '@jest/globals';
import { checkpointId } from '../../../src/ids.js';
import type { OwnedStore } from 'tidegate/extend';
import { externalOperatorState } from 'tidegate/manifest';
import { SimulatedObjectStorage } from 'tidegate/testing';
import type { ObjectFault, ObjectHooks, ObjectOperation } from 'tidegate/testing';
import {
  chunksOf,
  manifestOf,
  saveNew,
  saveWithSidecar,
  stateOf,
  statesOf,
} from '../../../src/testing/store-conformance/store-bench.js';
import { ObjectProcess } from './bench.js';

const currentKey = 'tidegate/current.json';
const hourMs = 3_600_000;

let service: SimulatedObjectStorage;
let nowMs: number;

beforeEach(() => {
  nowMs = 1_700_000_000_000;
  service = new SimulatedObjectStorage({ clock: { now: () => nowMs }, minPartBytes: 8 });
});

/** Fails the next request that fits, once. */
class OneFault {
  readonly seen: string[] = [];
  #fits: ((operation: ObjectOperation) => boolean) | undefined;
  #fault: ObjectFault | undefined;

  readonly hooks: ObjectHooks = {
    before: (operation) => {
      this.seen.push(`${operation.kind} ${operation.key}`);
      if (this.#fits?.(operation) !== true) return undefined;
      this.#fits = undefined;
      return this.#fault;
    },
  };

  next(kind: ObjectOperation['kind'], key: string, fault: ObjectFault): void {
    this.#fits = (operation) => operation.kind === kind && operation.key.includes(key);
    this.#fault = fault;
    this.seen.length = 0;
  }
}

function bodies(): readonly string[] {
  return [...service.objects().keys()].filter((key) => key.startsWith('tidegate/bodies/'));
}

function current(): { sequence: number; nonce: string; generation: number } {
  return JSON.parse(Buffer.from(service.objects().get(currentKey)!).toString()) as never;
}

async function advance(process: ObjectProcess, durationMs: number): Promise<void> {
  nowMs += durationMs;
  await process.clock.advance(durationMs);
}

test('a save is two writes, the body first, and reads nothing', async () => {
  const fault = new OneFault();
  const owner = await new ObjectProcess(service, { hooks: fault.hooks }).open();
  fault.seen.length = 0;
  await saveNew(owner);
  expect(fault.seen).toEqual([
    expect.stringMatching(/^put tidegate\/bodies\/000001-/),
    `put ${currentKey}`,
  ]);
});

test('once what others left is swept, a prune is a read, a write and the deletions', async () => {
  const fault = new OneFault();
  const owner = await new ObjectProcess(service, { hooks: fault.hooks }).open();
  await saveNew(owner);
  await owner.prune({ retainedCheckpoints: 1 });
  await saveNew(owner);
  fault.seen.length = 0;
  await owner.prune({ retainedCheckpoints: 1 });
  expect(fault.seen.map((seen) => seen.replace(/bodies.*/, 'bodies'))).toEqual([
    `get ${currentKey}`,
    `put ${currentKey}`,
    'delete tidegate/bodies',
  ]);
});

test.each([
  { kind: 'unknown', effect: 'done' },
  { kind: 'condition-failed', effect: 'done' },
  { kind: 'unknown', effect: 'none' },
  { kind: 'throttled', effect: 'none' },
  { kind: 'unknown', effect: 'twice' },
] as const)(
  'an answer to the visible change that is lost (%o) is settled by reading',
  async (fault) => {
    const one = new OneFault();
    const process = new ObjectProcess(service, { hooks: one.hooks });
    const owner = await process.open();
    const { sequence } = current();
    one.next('put', currentKey, fault);
    const { manifest } = await process.run(saveNew(owner));
    expect(current().sequence).toBe(sequence + 1);
    service.deliverLate();
    await process.run(saveNew(owner));
    expect((await statesOf(owner)).map(([id]) => id)).toContain(manifest.checkpointId);
    expect(await owner.list()).toHaveLength(2);
  },
);

test('a change that is late is gone on from, and nothing of it is lost', async () => {
  let puts = 0;
  const process = new ObjectProcess(service, {
    store: { timeouts: { retryMs: 0 } },
    hooks: {
      before: ({ kind, key }) => {
        if (kind !== 'put' || key !== currentKey) return undefined;
        puts += 1;
        if (puts === 2) return { kind: 'unknown', effect: 'late' };
        // Between the look of the next change and its own write.
        if (puts === 3) service.deliverLate();
        return undefined;
      },
    },
  });
  const owner = await process.open();
  const first = manifestOf(owner, owner.allocateCheckpointId());
  await expect(owner.saveManifest(first)).rejects.toMatchObject({ code: 'TIDEGATE_STORE_IO' });
  const second = await process.run(saveNew(owner));
  const ids = [second.manifest.checkpointId, first.checkpointId];
  expect((await owner.list()).map(({ id }) => id)).toEqual(ids);
  expect(puts).toBe(4);
});

test('an update that was late is held against the rules as what is stored', async () => {
  const one = new OneFault();
  const process = new ObjectProcess(service, {
    hooks: one.hooks,
    store: { timeouts: { retryMs: 0 } },
  });
  const owner = await process.open();
  const pending = await saveNew(owner, { sinks: { out: 'pending' } });
  const id = checkpointId(pending.manifest.checkpointId);
  one.next('put', currentKey, { kind: 'unknown', effect: 'late' });
  const committing = owner.updateManifest(
    pending,
    manifestOf(owner, id, { sinks: { out: 'committed' } }),
  );
  await expect(committing).rejects.toMatchObject({ code: 'TIDEGATE_STORE_IO' });
  service.deliverLate();
  const failing = owner.updateManifest(
    pending,
    manifestOf(owner, id, { sinks: { out: 'failed' } }),
  );
  await expect(failing).rejects.toMatchObject({ code: 'TIDEGATE_MANIFEST_UPDATE' });
  expect((await owner.list())[0]?.state).toBe('complete');
});

test('a checkpoint whose save was late can be set aside', async () => {
  const one = new OneFault();
  const process = new ObjectProcess(service, {
    hooks: one.hooks,
    store: { timeouts: { retryMs: 0 } },
  });
  const owner = await process.open();
  const manifest = manifestOf(owner, owner.allocateCheckpointId());
  one.next('put', currentKey, { kind: 'unknown', effect: 'late' });
  await expect(owner.saveManifest(manifest)).rejects.toMatchObject({ code: 'TIDEGATE_STORE_IO' });
  service.deliverLate();
  await owner.quarantine(checkpointId(manifest.checkpointId));
  expect(await owner.list()).toEqual([]);
});

test('a sidecar that waits for its manifest is not swept away', async () => {
  const owner = await new ObjectProcess(service).open();
  const id = owner.allocateCheckpointId();
  const receipt = await owner.writeSidecar(id, chunksOf(Uint8Array.of(5), 1), { maxBytes: 10 });
  await owner.prune({ retainedCheckpoints: 1 });
  const changes = {
    operatorStates: new Map([['large', externalOperatorState(0, 1)]]),
    stateChecksum: receipt.sha256,
  };
  await owner.saveManifest(manifestOf(owner, id, { changes }));
  expect(await stateOf(owner, id, 'large')).toEqual(Uint8Array.of(5));
});

test('no two versions have the same bytes, so that no late condition holds again', async () => {
  const owner = await new ObjectProcess(service).open();
  const saved = await saveNew(owner);
  const versions = new Set<string>();
  for (let count = 0; count < 5; count += 1) {
    await owner.saveManifest(saved.manifest);
    versions.add(Buffer.from(service.objects().get(currentKey)!).toString());
  }
  expect(versions.size).toBe(5);
  expect(
    new Set([...versions].map((text) => (JSON.parse(text) as { nonce: string }).nonce)).size,
  ).toBe(5);
});

test('a write of an overtaken owner that arrives late changes nothing', async () => {
  const one = new OneFault();
  const process = new ObjectProcess(service, {
    hooks: one.hooks,
    store: { timeouts: { retryMs: 0 } },
  });
  const older = await process.open();
  await saveNew(older);
  one.next('put', currentKey, { kind: 'unknown', effect: 'late' });
  await expect(process.run(saveNew(older))).rejects.toMatchObject({ code: 'TIDEGATE_STORE_IO' });
  const newer = await new ObjectProcess(service, { seed: 2 }).open();
  const before = Buffer.from(service.objects().get(currentKey)!).toString();
  service.deliverLate();
  expect(Buffer.from(service.objects().get(currentKey)!).toString()).toBe(before);
  await expect(process.run(saveNew(older))).rejects.toMatchObject({
    code: 'TIDEGATE_FENCED',
    message: expect.stringContaining('generation 1 was overtaken by generation 2'),
  });
  await saveNew(newer);
});

test('an owner that is paused before any request, overtaken and resumed, is fenced', async () => {
  const actions: readonly ((store: OwnedStore) => Promise<unknown>)[] = [
    (store) => saveNew(store),
    (store) => saveWithSidecar(store, new Uint8Array(30)),
    (store) => store.prune({ retainedCheckpoints: 1 }),
    (store) => store.takeNextGeneration(),
    async (store) => store.quarantine((await store.list())[0]!.id),
  ];
  let pauses = 0;
  for (const action of actions) {
    for (let index = 0; ; index += 1) {
      const shared = new SimulatedObjectStorage({ minPartBytes: 8 });
      let left = Infinity;
      let release = (): void => undefined;
      let reach = (): void => undefined;
      const reached = new Promise<true>((resolve) => (reach = () => resolve(true)));
      const opened = new Promise<undefined>((resolve) => (release = () => resolve(undefined)));
      const process = new ObjectProcess(shared, {
        store: { partBytes: 8 },
        hooks: {
          before: () => {
            left -= 1;
            if (left !== -1) return undefined;
            reach();
            return opened;
          },
        },
      });
      const older = await process.open();
      for (let count = 0; count < 3; count += 1) await saveNew(older);
      left = index;
      const late = action(older).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (!(await Promise.race([reached, late.then(() => false)]))) break;
      pauses += 1;
      const process2 = new ObjectProcess(shared, { seed: 2 });
      const newer = await process2.open();
      await saveWithSidecar(newer, Uint8Array.of(7));
      const before = await newer.list();
      release();
      const error = await process.run(late);
      const where = `${String(action)}, request ${index}`;
      if (error !== undefined)
        expect([where, error]).toEqual([
          where,
          expect.objectContaining({ code: 'TIDEGATE_FENCED' }),
        ]);
      expect([where, await newer.list()]).toEqual([where, before]);
      for (const { id } of before) await newer.load(id);
      await expect(process.run(saveNew(older))).rejects.toMatchObject({ code: 'TIDEGATE_FENCED' });
    }
  }
  expect(pauses).toBeGreaterThan(12);
});

test('a next generation that could not be taken is taken by the next try, without being fenced', async () => {
  for (const fault of [
    { kind: 'unknown', effect: 'done' },
    { kind: 'unknown', effect: 'late' },
    { kind: 'denied', effect: 'done' },
  ] as const) {
    const one = new OneFault();
    const shared = new SimulatedObjectStorage();
    const process = new ObjectProcess(shared, {
      hooks: one.hooks,
      store: { timeouts: { retryMs: 0 } },
    });
    const owner = await process.open();
    await saveNew(owner);
    one.next('put', currentKey, fault);
    const failing = await process.run(owner.takeNextGeneration()).catch((error: unknown) => error);
    shared.deliverLate();
    const next =
      failing instanceof Error ? await owner.takeNextGeneration() : (failing as OwnedStore);
    await saveNew(next);
    await expect(saveNew(owner)).rejects.toMatchObject({ code: 'TIDEGATE_FENCED' });
  }
});

test('what is pruned is deleted after an hour, and what a newer owner writes is left alone', async () => {
  const process = new ObjectProcess(service, { store: { minBodyAgeMs: hourMs } });
  const owner = await process.open();
  for (let count = 0; count < 3; count += 1) await saveWithSidecar(owner, Uint8Array.of(count));
  await owner.prune({ retainedCheckpoints: 1 });
  expect(await owner.list()).toHaveLength(1);
  expect(bodies()).toHaveLength(6);
  await advance(process, hourMs - 1);
  await owner.prune({ retainedCheckpoints: 1 });
  expect(bodies()).toHaveLength(6);
  await advance(process, 1);
  await owner.prune({ retainedCheckpoints: 1 });
  expect(bodies()).toHaveLength(2);
  await owner.load((await owner.list())[0]!.id);
});

test('what crashes left of older owners is found, by the clock of the service', async () => {
  const first = new ObjectProcess(service, { store: { partBytes: 8 } });
  const older = await first.open();
  await saveWithSidecar(older, new Uint8Array(40));
  const id = older.allocateCheckpointId();
  await older.writeSidecar(id, chunksOf(new Uint8Array(20), 9), { maxBytes: 100 });
  const calmly = { signal: new AbortController().signal };
  await first.connection.storage.createUpload('tidegate/bodies/000001-00000000/9.bin', calmly);
  expect(service.uploads()).toHaveLength(1);
  nowMs += hourMs - 60_000;
  const process = new ObjectProcess(service, { seed: 2, store: { minBodyAgeMs: hourMs } });
  const newer = await process.open();
  await newer.prune({ retainedCheckpoints: 1 });
  expect([bodies().length, service.uploads()]).toEqual([3, []]);
  await advance(process, 61_000);
  await newer.prune({ retainedCheckpoints: 1 });
  expect(bodies()).toHaveLength(2);
  await newer.load((await newer.list())[0]!.id);
});

test('an overtaken owner deletes nothing that the newer one has written', async () => {
  let release = (): void => undefined;
  const released = new Promise<undefined>((resolve) => (release = () => resolve(undefined)));
  let isPaused = false;
  const process = new ObjectProcess(service, {
    hooks: { before: ({ kind }) => (isPaused && kind === 'list' ? released : undefined) },
  });
  const older = await process.open();
  await saveNew(older);
  isPaused = true;
  const pruning = older.prune({ retainedCheckpoints: 1 });
  const newer = await new ObjectProcess(service, { seed: 2 }).open();
  await saveNew(newer);
  release();
  await pruning;
  expect(bodies()).toHaveLength(2);
  for (const { id } of await newer.list()) await newer.load(id);
});

test('a large sidecar goes up in parts, one at a time in memory, and comes back', async () => {
  const one = new OneFault();
  const process = new ObjectProcess(service, { hooks: one.hooks, store: { partBytes: 16 } });
  const owner = await process.open();
  const bytes = Uint8Array.from({ length: 100 }, (_, index) => index);
  one.next('complete-upload', '', { kind: 'unknown', effect: 'done' });
  const id = owner.allocateCheckpointId();
  const writing = owner.writeSidecar(id, chunksOf(bytes, 30), { maxBytes: 100 });
  const { sha256 } = await process.run(writing);
  expect(one.seen.filter((seen) => seen.startsWith('upload-part'))).toHaveLength(7);
  const changes = {
    operatorStates: new Map([['large', externalOperatorState(0, bytes.byteLength)]]),
    stateChecksum: sha256,
  };
  await owner.saveManifest(manifestOf(owner, id, { changes }));
  expect(await stateOf(owner, id, 'large')).toEqual(bytes);
  expect(service.uploads()).toEqual([]);
});

test('an upload that fails is ended, so that nothing of it is paid for', async () => {
  const process = new ObjectProcess(service, { store: { partBytes: 8 } });
  const owner = await process.open();
  const writing = owner.writeSidecar(
    owner.allocateCheckpointId(),
    chunksOf(new Uint8Array(60), 9),
    {
      maxBytes: 50,
    },
  );
  await expect(writing).rejects.toMatchObject({ code: 'TIDEGATE_STATE_TOO_LARGE' });
  expect([service.uploads(), bodies()]).toEqual([[], []]);
});

test('what a lifecycle rule has taken away is corrupt, and says so', async () => {
  const owner = await new ObjectProcess(service).open();
  const kept = await saveWithSidecar(owner, Uint8Array.of(1));
  const broken = await saveNew(owner);
  const [sidecar, , manifest] = bodies();
  service.deleteObject(sidecar!);
  service.deleteObject(manifest!);
  const listings = await owner.list();
  expect(listings.map(({ state }) => state)).toEqual(['corrupt', 'corrupt']);
  expect(listings[0]?.problem?.message).toContain('lifecycle rule');
  for (const { manifest } of [kept, broken]) {
    const loading = owner.load(checkpointId(manifest.checkpointId));
    await expect(loading).rejects.toMatchObject({ kind: 'corrupt' });
  }
  const denied = new ObjectProcess(service, {
    hooks: {
      before: ({ key }) =>
        key.includes('bodies') ? { kind: 'denied', effect: 'none' } : undefined,
    },
  });
  const reader = await denied.store().openReadOnly();
  await expect(reader.list()).rejects.toMatchObject({ code: 'TIDEGATE_STORE_PERMISSION' });
});

test('a body that something else has made too large is not read whole', async () => {
  const owner = await new ObjectProcess(service).open();
  const saved = await saveWithSidecar(owner, Uint8Array.of(1, 2, 3));
  const [sidecar, manifest] = bodies();
  service.putObject(manifest!, new Uint8Array(200_000));
  const reader = await new ObjectProcess(service, { store: { maxManifestBytes: 70_000 } })
    .store()
    .openReadOnly();
  const [listing] = await reader.list();
  expect(listing).toMatchObject({
    state: 'corrupt',
    problem: { code: 'TIDEGATE_MANIFEST_TOO_LARGE' },
  });
  service.putObject(sidecar!, new Uint8Array(9));
  const loading = owner.load(checkpointId(saved.manifest.checkpointId));
  await expect(loading).rejects.toMatchObject({ kind: expect.stringMatching(/corrupt|invalid/) });
});

test('a manifest that the service does not show for now is not damaged', async () => {
  const owner = await new ObjectProcess(service).open();
  await saveNew(owner);
  const process = new ObjectProcess(service, {
    hooks: {
      before: ({ key }) =>
        key.includes('bodies') ? { kind: 'unreachable', effect: 'none' } : undefined,
    },
  });
  const reader = await process.store().openReadOnly();
  await expect(process.run(reader.list())).rejects.toMatchObject({ code: 'TIDEGATE_STORE_IO' });
});

test('a sidecar with other bytes is corrupt', async () => {
  const owner = await new ObjectProcess(service).open();
  const saved = await saveWithSidecar(owner, Uint8Array.of(1, 2, 3));
  service.putObject(
    bodies().find((key) => key.endsWith('.bin'))!,
    Uint8Array.of(1, 2, 4),
  );
  const loading = owner.load(checkpointId(saved.manifest.checkpointId));
  await expect(loading).rejects.toMatchObject({ code: 'TIDEGATE_STATE_CORRUPT' });
});

test('what is pruned while a reader scans is not reported as damage', async () => {
  const owner = await new ObjectProcess(service).open();
  for (let count = 0; count < 2; count += 1) await saveWithSidecar(owner, Uint8Array.of(count));
  let isFirst = true;
  const reading = new ObjectProcess(service, {
    hooks: {
      after: async ({ key }) => {
        if (key !== currentKey || !isFirst) return;
        isFirst = false;
        await owner.prune({ retainedCheckpoints: 1 });
      },
    },
  });
  const opened = await reading.store().openReadOnly();
  isFirst = true;
  await saveWithSidecar(owner, Uint8Array.of(9));
  const listings = await opened.list();
  expect(listings.map(({ state }) => state)).toEqual(['complete']);
});

test('what was set aside keeps its bodies, also for later owners', async () => {
  const owner = await new ObjectProcess(service).open();
  const aside = await saveWithSidecar(owner, Uint8Array.of(1));
  await owner.quarantine(checkpointId(aside.manifest.checkpointId));
  const newer = await new ObjectProcess(service, { seed: 2 }).open();
  await saveNew(newer);
  await newer.prune({ retainedCheckpoints: 1 });
  expect(bodies()).toHaveLength(3);
});

test('ten thousand checkpoints are one object of less than 2 MB, and a save is still two writes', async () => {
  const fault = new OneFault();
  const process = new ObjectProcess(service, { hooks: fault.hooks });
  const owner = await process.open();
  await saveNew(owner);
  const [entry] = (
    JSON.parse(Buffer.from(service.objects().get(currentKey)!).toString()) as {
      checkpoints: { id: number; manifest: string }[];
    }
  ).checkpoints;
  const many = {
    ...current(),
    checkpoints: Array.from({ length: 10_000 }, (_, index) => ({
      id: index + 1,
      manifest: `000001-12345678/${index}.json`,
      sidecar: `000001-12345678/${index}.bin`,
    })),
  };
  expect(entry?.manifest).toMatch(/^000001-[0-9a-f]{8}\/1\.json$/);
  service.putObject(currentKey, Buffer.from(JSON.stringify(many)));
  const newer = await new ObjectProcess(service, { seed: 2, hooks: fault.hooks }).open();
  fault.seen.length = 0;
  await saveNew(newer);
  expect(fault.seen).toHaveLength(2);
  expect(service.objects().get(currentKey)!.byteLength).toBeLessThan(2_000_000);
});

test('an id that was set aside or saved keeps its sidecar through updates', async () => {
  const owner = await new ObjectProcess(service).open();
  const id = owner.allocateCheckpointId();
  const receipt = await owner.writeSidecar(id, chunksOf(Uint8Array.of(5), 1), { maxBytes: 10 });
  const changes = {
    operatorStates: new Map([['large', externalOperatorState(0, 1)]]),
    stateChecksum: receipt.sha256,
  };
  const saved = await owner.saveManifest(
    manifestOf(owner, id, { sinks: { out: 'pending' }, changes }),
  );
  await owner.updateManifest(
    saved,
    manifestOf(owner, id, { sinks: { out: 'committed' }, changes }),
  );
  expect(await stateOf(owner, id, 'large')).toEqual(Uint8Array.of(5));
});
