// The simulated object storage does what its fault model says, no less and no more.

import { beforeEach, describe, expect, test } from '@jest/globals';
import { ObjectStorageFailure, seededRandom } from 'tidegate/extend';
import type { ObjectStorage } from 'tidegate/extend';
import {
  SimulatedObjectStorage,
  describeObjectStorage,
  objectStorageCases,
} from 'tidegate/testing';
import type { ObjectFault, ObjectHooks } from 'tidegate/testing';
import {
  calmly,
  readText,
  text,
} from '../../src/testing/object-storage-conformance/storage-bench.js';

const runner = { describe, test };

describeObjectStorage(
  {
    name: 'the simulated object storage',
    create() {
      const service = new SimulatedObjectStorage();
      return { connect: () => service.connect().storage };
    },
  },
  runner,
);

let service: SimulatedObjectStorage;
let storage: ObjectStorage;

beforeEach(() => {
  service = new SimulatedObjectStorage();
  ({ storage } = service.connect());
});

/** Hooks that fail one kind of operation. */
function failing(kind: string, fault: ObjectFault): ObjectHooks {
  return { before: (operation) => (operation.kind === kind ? fault : undefined) };
}

async function kindOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'none',
    (error: unknown) => (error instanceof ObjectStorageFailure ? error.kind : String(error)),
  );
}

test.each([
  ['none', [], []],
  ['half', [], []],
  ['done', ['new'], ['new']],
  ['late', [], ['new']],
  ['twice', ['new'], ['new']],
] as const)(
  'a put whose answer is lost has the effect %s',
  async (effect, objects, afterDelivery) => {
    const { storage: faulty } = service.connect(failing('put', { kind: 'unknown', effect }));
    expect(await kindOf(faulty.put('new', text('1'), calmly))).toBe('unknown');
    expect([...service.objects().keys()]).toEqual(objects);
    service.deliverLate();
    expect([...service.objects().keys()]).toEqual(afterDelivery);
    expect(service.late()).toEqual([]);
  },
);

test('the condition of a late put is decided when it arrives', async () => {
  const etag = await storage.put('a', text('1'), calmly);
  const late = failing('put', { kind: 'unknown', effect: 'late' });
  const condition = { ifMatch: etag };
  for (const body of ['2', '3']) {
    const { storage: faulty } = service.connect(late);
    await kindOf(faulty.put('a', text(body), { ...calmly, condition }));
  }
  service.deliverLate(1);
  service.deliverLate();
  expect(await readText(storage, 'a')).toBe('3');
});

test('equal bytes have equal tags, so that a late condition may hold again', async () => {
  const etag = await storage.put('a', text('1'), calmly);
  await storage.put('a', text('2'), calmly);
  expect(await storage.put('a', text('1'), calmly)).toBe(etag);
});

test('a killed process sends nothing more, and what it has sent may arrive late', async () => {
  const connection = service.connect({
    before: () => {
      connection.kill();
      return { kind: 'unknown', effect: 'late' };
    },
  });
  const calls = [
    connection.storage.put('a', text('1'), calmly),
    connection.storage.delete('b', calmly),
  ];
  const outcome = await Promise.race([...calls, new Promise((resolve) => setImmediate(resolve))]);
  expect(outcome).toBeUndefined();
  expect(service.late().map(({ kind, key }) => `${kind} ${key}`)).toEqual(['put a']);
  service.deliverLate();
  expect([...service.objects().keys()]).toEqual(['a']);
});

test('the body of a get breaks off in the middle', async () => {
  await storage.put('a', text('1234'), calmly);
  const half = failing('get', { kind: 'unknown', effect: 'half' });
  const { storage: faulty } = service.connect(half);
  expect(await kindOf(readText(faulty, 'a'))).toBe('unknown');
  expect((await faulty.get('a', calmly))?.size).toBe(4);
});

test('an aborted call ends with its reason, and its request may have its effect', async () => {
  let release = (): void => undefined;
  const { storage: slow } = service.connect({
    before: () => new Promise<undefined>((resolve) => (release = () => resolve(undefined))),
  });
  const abort = new AbortController();
  const putting = slow.put('a', text('1'), { signal: abort.signal });
  const reason = new Error('too slow');
  abort.abort(reason);
  await expect(putting).rejects.toBe(reason);
  release();
  await new Promise((resolve) => setImmediate(resolve));
  expect([...service.objects().keys()]).toEqual(['a']);
});

test('a list may be old where the service allows it, and reads are not', async () => {
  const lagging = new SimulatedObjectStorage({ listLag: 2, seed: 7 });
  const { storage: seen } = lagging.connect();
  const sizes = new Set<number>();
  for (let count = 0; count < 40; count += 1) {
    await seen.put(`a/${count}`, text('x'), calmly);
    expect(await seen.head(`a/${count}`, calmly)).toBeDefined();
    const { objects } = await seen.list({ prefix: 'a/' }, calmly);
    sizes.add(count + 1 - objects.length);
  }
  expect([...sizes].sort()).toEqual([0, 1, 2]);
});

test('the clock of the service is its own', async () => {
  const skewed = new SimulatedObjectStorage({ clock: { now: () => 5_000 }, skewMs: -3_000 });
  await skewed.connect().storage.put('a', text('1'), calmly);
  const facts = await skewed.connect().storage.head('a', calmly);
  expect(facts?.lastModifiedMs).toBe(2_000);
});

test('a copy goes its own way, late requests included', async () => {
  const late = failing('put', { kind: 'unknown', effect: 'late' });
  await kindOf(service.connect(late).storage.put('a', text('1'), calmly));
  const copy = service.clone();
  copy.deliverLate();
  expect([...copy.objects().keys()]).toEqual(['a']);
  expect([...service.objects().keys()]).toEqual([]);
  expect(service.late()).toHaveLength(1);
});

test('random faults come in every way of the fault model, the same for a seed', async () => {
  const histories: string[] = [];
  for (let run = 0; run < 2; run += 1) {
    const faulty = new SimulatedObjectStorage();
    const hooks = faulty.randomFaults(seededRandom(3), 0.5);
    const { storage: seen } = faulty.connect(hooks);
    const history: string[] = [];
    for (let count = 0; count < 200; count += 1) {
      const condition = { ifAbsent: true } as const;
      history.push(await kindOf(seen.put(`a/${count}`, text('x'), { ...calmly, condition })));
      history.push(String([...faulty.objects().keys()].length - count), `${faulty.late().length}`);
    }
    histories.push(history.join(' '));
  }
  expect(histories[0]).toBe(histories[1]);
  for (const kind of ['none', 'unreachable', 'throttled', 'unknown', 'condition-failed']) {
    expect(histories[0]).toContain(kind);
  }
});

describe('the suite can fail', () => {
  const flaws = [
    ['ignores If-None-Match', { ignores: ['ifAbsent'] }],
    ['ignores If-Match', { ignores: ['ifMatch'] }],
    ['lists what was there some writes ago', { listLag: 3 }],
  ] as const;
  test.each(flaws)('a service that %s is found', async (_what, options) => {
    const failed: string[] = [];
    for (const { title, run } of objectStorageCases.filter((one) => !one.title.includes('page'))) {
      const flawed = new SimulatedObjectStorage(options);
      await run({ connect: () => flawed.connect().storage }).catch(() => failed.push(title));
    }
    expect(failed).not.toEqual([]);
  });
});
