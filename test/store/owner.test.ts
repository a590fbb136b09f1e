// Who owns a store, and when that one counts as alive.

import { beforeEach, expect, jest, test } from '@jest/globals';
import { FileSystemCheckpointStore } from 'tidegate';
import type {
  FileSystem,
  OpenStoreOptions,
  OwnedStore,
  ProcessIdentity,
  ProcessLiveness,
} from 'tidegate/extend';
import { SimulatedClock, SimulatedDisk } from 'tidegate/testing';
import { judgeLiveness, systemProcesses } from '../../src/runtime/process-identity.js';
import { StoreLayout, ownerFile } from '../../src/store/layout.js';
import { assertRejects, saveNew } from '../../src/testing/store-conformance/store-bench.js';

const identity: ProcessIdentity = {
  host: 'here',
  bootId: 'boot',
  pidNamespace: 'pid:[1]',
  pid: 1,
  startedAt: '100',
};

let disk: SimulatedDisk;
let clock: SimulatedClock;
let liveness: ProcessLiveness;

beforeEach(() => {
  disk = new SimulatedDisk();
  clock = new SimulatedClock();
  liveness = 'running';
});

function storeOn(heartbeatMs = 1_000): FileSystemCheckpointStore {
  return new FileSystemCheckpointStore('/store', {
    fileSystem: disk.mount().fileSystem,
    clock,
    heartbeatMs,
    processes: { self: () => identity, livenessOf: () => liveness },
  });
}

/** Opens while simulated time goes on. */
async function openInTime(options: Partial<OpenStoreOptions> = {}): Promise<OwnedStore> {
  const progress = { isSettled: false };
  const opening = storeOn().open({ pipeline: 'orders', ...options });
  const settle = (): void => {
    progress.isSettled = true;
  };
  const watch = opening.then(settle, settle);
  for (let turn = 0; turn < 5_000; turn += 1) {
    // Many turns of work between two timers, so that time never overtakes the work.
    for (let step = 0; step < 200; step += 1) await Promise.resolve();
    if (progress.isSettled) break;
    clock.runNextTimer();
  }
  await watch;
  return opening;
}

test('a running owner is refused at once, by name, when the caller does not want to wait', async () => {
  await storeOn().open({ pipeline: 'orders' });
  const opening = openInTime({ liveOwner: 'refuse' });
  await expect(opening).rejects.toMatchObject({
    code: 'TIDEGATE_STORE_OWNED',
    message: expect.stringMatching(/this very process, 1 on here \(generation 1\).*"take-over"/),
  });
  expect(clock.monotonicMs()).toBe(0);
});

test('a running owner is waited for, and then refused', async () => {
  await storeOn().open({ pipeline: 'orders' });
  await assertRejects(openInTime({ waitForOwnerMs: 2_000 }), 'TIDEGATE_STORE_OWNED');
  expect(clock.monotonicMs()).toBeGreaterThanOrEqual(2_000);
  expect(clock.monotonicMs()).toBeLessThan(2_500);
});

test('an owner that stands still is not overtaken: its late write would take a key back in time', async () => {
  // The generation fences the store. It does not fence an idempotent sink that does not order its writes.
  const rows = new Map<string, string>();
  const stopped = new FileSystemCheckpointStore('/store', {
    fileSystem: disk.mount().fileSystem,
    // No timer of a stopped process fires, so it gives no heartbeat.
    clock: new SimulatedClock(),
    heartbeatMs: 1_000,
    processes: { self: () => ({ ...identity, pid: 2 }), livenessOf: () => 'running' },
  });
  await stopped.open({ pipeline: 'orders' });
  const writeInFlight = (): unknown => rows.set('key', 'of the older owner');
  const heir = openInTime({ waitForOwnerMs: 10_000 }).then(() => rows.set('key', 'newer'));
  await assertRejects(heir, 'TIDEGATE_STORE_OWNED');
  const before = rows.get('key');
  writeInFlight();
  expect(before).toBeUndefined();
  expect(rows.get('key')).toBe('of the older owner');
});

test('a running owner is taken over when the caller asks for that', async () => {
  await storeOn().open({ pipeline: 'orders' });
  expect((await openInTime({ liveOwner: 'take-over' })).generation).toBe(2);
});

test('an owner that closes while it is waited for makes room', async () => {
  const first = await storeOn().open({ pipeline: 'orders' });
  const opening = openInTime();
  await first.close();
  expect((await opening).generation).toBe(2);
});

test('an owner whose process is gone is not waited for', async () => {
  await storeOn().open({ pipeline: 'orders' });
  liveness = 'gone';
  expect((await openInTime({ liveOwner: 'refuse' })).generation).toBe(2);
  expect(clock.monotonicMs()).toBe(0);
});

test('an owner that cannot be seen is alive while its heart beats', async () => {
  await storeOn().open({ pipeline: 'orders' });
  liveness = 'unknown';
  disk.setTime(1);
  await assertRejects(openInTime({ liveOwner: 'refuse' }), 'TIDEGATE_STORE_OWNED');
});

test('an owner that cannot be seen and whose heart is still is dead, however lately it beat', async () => {
  await storeOn(0).open({ pipeline: 'orders' });
  liveness = 'unknown';
  const silent = [...disk.tree().keys()].find((path) => path.endsWith(ownerFile))!;
  disk.writeFile(silent, Buffer.from(JSON.stringify({ ...identity, heartbeatMs: 1_000 })));
  expect((await openInTime({ liveOwner: 'refuse' })).generation).toBe(2);
  // Three beats that were missed, and not one look more.
  expect(clock.monotonicMs()).toBe(3_000);
});

test('an owner that cannot be seen outlives a machine that stood still for both', async () => {
  await silentOwner({ ...identity, pid: 2 });
  liveness = 'unknown';
  const file = [...disk.tree().keys()].find((path) => path.endsWith(ownerFile))!;
  const setTimer = clock.setTimer.bind(clock);
  const beat = (): void => void disk.mount().fileSystem.touch(file, 1);
  // One pause of 100 ms takes ten seconds; then the owner goes on, and beats.
  jest.spyOn(clock, 'setTimer').mockImplementationOnce((callback) => {
    setTimer(beat, 10_050);
    return setTimer(callback, 10_000);
  });
  await assertRejects(openInTime({ liveOwner: 'refuse' }), 'TIDEGATE_STORE_OWNED');
  expect(clock.monotonicMs()).toBe(10_100);
});

/** The owner file of a thread that was terminated: nothing touches it any longer. */
async function silentOwner(owner: ProcessIdentity): Promise<void> {
  await storeOn(0).open({ pipeline: 'orders' });
  const silent = [...disk.tree().keys()].find((path) => path.endsWith(ownerFile))!;
  disk.writeFile(silent, Buffer.from(JSON.stringify({ ...owner, heartbeatMs: 1_000 })));
}

test('a worker of this process that was terminated is followed after three missed beats', async () => {
  await silentOwner(identity);
  expect((await openInTime()).generation).toBe(2);
  expect(clock.monotonicMs()).toBeGreaterThanOrEqual(3_000);
  expect(clock.monotonicMs()).toBeLessThan(3_300);
});

test('a worker that was terminated is named, with the way out, to a caller who waits less', async () => {
  await silentOwner(identity);
  await expect(openInTime({ waitForOwnerMs: 1_000 })).rejects.toMatchObject({
    code: 'TIDEGATE_STORE_OWNED',
    message: expect.stringMatching(
      /this very process, 1 on here .* worker .*"take-over"/,
    ) as unknown,
  });
});

test('another process that runs is waited for, also when it gives no sign of life', async () => {
  await silentOwner({ ...identity, pid: 2 });
  await expect(openInTime({ waitForOwnerMs: 6_000 })).rejects.toMatchObject({
    code: 'TIDEGATE_STORE_OWNED',
    message: expect.stringContaining('is owned by process 2 on here (generation 1)') as unknown,
  });
});

test.each(['', '{', '[]', '{"pid":1}', 'null', '\0\0\0\0'])(
  'an owner file that says %j counts as dead',
  async (text) => {
    await storeOn().open({ pipeline: 'orders' });
    const file = [...disk.tree().keys()].find((path) => path.endsWith(ownerFile))!;
    disk.writeFile(file, Buffer.from(text));
    expect((await openInTime({ liveOwner: 'refuse' })).generation).toBe(2);
  },
);

test('an opening that fails half-way leaves no owner to wait for', async () => {
  const failing = disk.mount({
    before: ({ kind, path }) =>
      kind === 'sync-directory' && path === '/store' ? { code: 'EIO', effect: 'none' } : undefined,
  });
  const broken = new FileSystemCheckpointStore('/store', { fileSystem: failing.fileSystem, clock });
  await assertRejects(broken.open({ pipeline: 'orders' }), 'TIDEGATE_STORE_IO');
  expect((await openInTime({ liveOwner: 'refuse' })).generation).toBe(2);
});

/** A store whose next generation is claimed only when the test lets it. */
function slowStore() {
  const layout = new StoreLayout('/store');
  const claims = [1, 2].map((number) => layout.generation(number));
  const gate = { letGo: (): void => undefined, isShut: false };
  const opened = new Promise<void>((resolve) => (gate.letGo = resolve));
  const { fileSystem } = disk.mount();
  const slow: FileSystem = Object.create(fileSystem) as FileSystem;
  slow.makeDirectory = async (path) => {
    if (gate.isShut && claims.includes(path)) await opened;
    return fileSystem.makeDirectory(path);
  };
  const processes = { self: () => identity, livenessOf: () => liveness };
  const store = new FileSystemCheckpointStore('/store', { fileSystem: slow, clock, processes });
  return { store, gate };
}

test('an opening whose caller has gone leaves no owner to wait for', async () => {
  const { store, gate } = slowStore();
  gate.isShut = true;
  const abort = new AbortController();
  const opening = store.open({ pipeline: 'orders', signal: abort.signal });
  for (let step = 0; step < 200; step += 1) await Promise.resolve();
  const reason = new Error('enough');
  abort.abort(reason);
  gate.letGo();
  await expect(opening).rejects.toBe(reason);
  expect((await openInTime({ liveOwner: 'refuse' })).generation).toBe(2);
});

test('a next generation whose caller has gone leaves no owner to wait for', async () => {
  const { store, gate } = slowStore();
  const first = await store.open({ pipeline: 'orders' });
  gate.isShut = true;
  const abort = new AbortController();
  const taking = first.takeNextGeneration({ signal: abort.signal });
  const reason = new Error('enough');
  abort.abort(reason);
  gate.letGo();
  await expect(taking).rejects.toBe(reason);
  expect([...disk.tree().keys()].filter((path) => path.endsWith(ownerFile))).toEqual([]);
  // A session goes on after a claim of its own that was not wanted.
  expect((await first.takeNextGeneration()).generation).toBe(3);
});

test('a next generation that took too long is given to who asks again', async () => {
  const { store, gate } = slowStore();
  const first = await store.open({ pipeline: 'orders' });
  gate.isShut = true;
  const abort = new AbortController();
  const tooLate = first.takeNextGeneration({ signal: abort.signal });
  abort.abort(new Error('timed out'));
  const again = first.takeNextGeneration();
  gate.letGo();
  await expect(tooLate).rejects.toThrow('timed out');
  const second = await again;
  expect(second.generation).toBe(2);
  await saveNew(second);
  await assertRejects(first.takeNextGeneration(), 'TIDEGATE_FENCED');
});

test('two who ask at once for the next generation do not get the same one', async () => {
  const first = await storeOn().open({ pipeline: 'orders' });
  const taking = first.takeNextGeneration();
  await assertRejects(first.takeNextGeneration(), 'TIDEGATE_FENCED');
  expect((await taking).generation).toBe(2);
});

test('a next generation that is being opened is not fenced by who asks meanwhile', async () => {
  let letGo = (): void => undefined;
  const pause = new Promise<void>((resolve) => (letGo = resolve));
  const { fileSystem } = disk.mount({
    before: async ({ kind, path }) => {
      if (kind === 'rename' && path.endsWith('generation_000001')) await pause;
      return undefined;
    },
  });
  const store = new FileSystemCheckpointStore('/store', { fileSystem, clock, heartbeatMs: 0 });
  const first = await store.open({ pipeline: 'orders' });
  const taking = first.takeNextGeneration();
  for (let step = 0; step < 200; step += 1) await Promise.resolve();
  await assertRejects(first.takeNextGeneration(), 'TIDEGATE_FENCED');
  letGo();
  expect((await taking).generation).toBe(2);
});

test('an owner that cannot be seen and closes while its heart is watched makes room', async () => {
  const owner = await storeOn().open({ pipeline: 'orders' });
  liveness = 'unknown';
  clock.setTimer(() => void owner.close(), 250);
  expect((await openInTime({ liveOwner: 'refuse' })).generation).toBe(2);
  expect(clock.monotonicMs()).toBeLessThan(500);
});

test('a wait for an owner ends with the signal', async () => {
  await storeOn().open({ pipeline: 'orders' });
  const abort = new AbortController();
  const opening = storeOn().open({ pipeline: 'orders', signal: abort.signal });
  for (let step = 0; step < 200; step += 1) await Promise.resolve();
  const reason = new Error('enough');
  abort.abort(reason);
  await expect(opening).rejects.toBe(reason);
});

test.each<[string, Partial<ProcessIdentity>, string | undefined, ProcessLiveness]>([
  ['the same process', {}, '100', 'running'],
  ['a pid that is used again', {}, '101', 'gone'],
  ['a pid that is not there', {}, undefined, 'gone'],
  ['an earlier boot', { bootId: 'before' }, '100', 'gone'],
  ['another container, where every pid is 1', { pidNamespace: 'pid:[2]' }, '100', 'unknown'],
  ['another host', { host: 'there' }, '100', 'unknown'],
  ['a system that says nothing', { bootId: '', pidNamespace: '', startedAt: '' }, '', 'unknown'],
])('%s', (_, facts, startedAtNow, expected) => {
  expect(judgeLiveness({ ...identity, ...facts }, identity, startedAtNow)).toBe(expected);
});

test('this process runs, and one with another start does not', () => {
  const self = systemProcesses.self();
  expect(systemProcesses.livenessOf(self)).toBe('running');
  expect(systemProcesses.livenessOf({ ...self, startedAt: '1' })).toBe('gone');
});
