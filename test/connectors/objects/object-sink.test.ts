import { describe, expect, test } from '@jest/globals';
import { committedObjects, objectSink } from '../../../src/connectors/s3/index.js';
import type { TwoPhaseSinkSession } from '../../../src/contracts/sink.js';
import { toError } from '../../../src/errors.js';
import {
  attempt,
  calm,
  idOf,
  ownerOf,
  secondStore,
} from '../../../src/testing/conformance/sink-bench.js';
import type {
  ObjectFault,
  ObjectHooks,
  ObjectOperationKind,
} from '../../../src/testing/object-storage/object-operation.js';
import { SimulatedObjectStorage } from '../../../src/testing/object-storage/simulated-object-storage.js';
import { seededRandom } from '../../../src/runtime/random.js';
import { quickClock } from '../kafka/fake-kafka.js';
import { sinkOn, visibleIn, type Numbered } from './object-world.js';

const manyParts = { maxPartBytes: 3, maxObjectBytes: 20 };

function newService(): SimulatedObjectStorage {
  return new SimulatedObjectStorage({ minPartBytes: 1 });
}

async function openOn(
  service: SimulatedObjectStorage,
  generation: number,
  hooks: ObjectHooks = {},
): Promise<TwoPhaseSinkSession<Numbered>> {
  return sinkOn(service.connect(hooks).storage, manyParts).open(ownerOf(generation), calm);
}

/** Hooks that let one kind of request on one folder fail once, when it is switched on. */
function failing(kind: ObjectOperationKind, folder: string, fault: ObjectFault) {
  const state = { isOn: false };
  const hooks: ObjectHooks = {
    before(operation) {
      if (!state.isOn || operation.kind !== kind || !operation.key.includes(folder)) return;
      state.isOn = false;
      return fault;
    },
  };
  return { state, hooks };
}

async function prepared(
  session: TwoPhaseSinkSession<Numbered>,
  generation: number,
  sequence: number,
  ...numbers: readonly number[]
): Promise<string> {
  if (numbers.length > 0) await session.write(numbers.map((number) => ({ number })));
  return (await session.preCommit(attempt(generation, sequence, sequence), calm)).handle;
}

describe('late requests of an overtaken owner', () => {
  test('a late commit changes nothing between what a newer owner asks and what it decides', async () => {
    const service = newService();
    const late = failing('put', '_epochs/', { kind: 'denied', effect: 'late' });
    const older = await openOn(service, 1, late.hooks);
    const handle = await prepared(older, 1, 1, 1);
    late.state.isOn = true;
    await older.commit(handle, calm).catch(toError);
    const newer = await openOn(service, 2);
    const request = { checkpointId: idOf(1, 1), handle };
    expect(await newer.inspect(request, calm)).toBe('prepared');
    service.deliverLate();
    expect(await newer.inspect(request, calm)).toBe('prepared');
    expect((await newer.rollback({ keep: [] }, calm)).get(handle)).toBe('rolled-back');
    expect(await visibleIn(service)).toEqual([]);
    expect(service.uploads()).toEqual([]);
  });

  test('what it prepares late is not listed, and is discarded by a later roll back', async () => {
    const service = newService();
    const late = failing('put', '_epochs/', { kind: 'denied', effect: 'late' });
    const older = await openOn(service, 1, late.hooks);
    late.state.isOn = true;
    await prepared(older, 1, 1, 1).catch(toError);
    const newer = await openOn(service, 2);
    service.deliverLate();
    expect(await newer.listPrepared(calm)).toEqual([]);
    expect(await newer.inspect({ checkpointId: idOf(1, 1) }, calm)).toBe('absent');
    await newer.rollback({ keep: [] }, calm);
    const third = await openOn(service, 3);
    expect(await third.listPrepared(calm)).toEqual([]);
    expect(await visibleIn(service)).toEqual([]);
  });

  test('a late roll back does not take away what is committed', async () => {
    const service = newService();
    const late = failing('put', '_epochs/', { kind: 'denied', effect: 'late' });
    const older = await openOn(service, 1, late.hooks);
    const handle = await prepared(older, 1, 1, 1);
    late.state.isOn = true;
    await older.rollback({ keep: [] }, calm).catch(toError);
    expect(service.late()).toHaveLength(1);
    const newer = await openOn(service, 2);
    expect(await newer.commit(handle, calm)).toBe('applied');
    service.deliverLate();
    expect(await visibleIn(service)).toEqual([{ number: 1 }]);
    await expect(older.rollback({ keep: [] }, calm)).rejects.toMatchObject({
      code: 'TIDEGATE_FENCED',
    });
    expect(await visibleIn(service)).toEqual([{ number: 1 }]);
  });
});

describe('answers that are lost', () => {
  test.each(['done', 'twice', 'none', 'late'] as const)(
    'a commit whose answer is lost (%s) is applied once',
    async (effect) => {
      const service = newService();
      const lost = failing('put', '_epochs/', { kind: 'unknown', effect });
      const session = await openOn(service, 1, lost.hooks);
      const handle = await prepared(session, 1, 1, 1);
      lost.state.isOn = true;
      expect(await session.commit(handle, calm)).toBe('applied');
      service.deliverLate();
      expect(await session.commit(handle, calm)).toBe('already-applied');
      expect(await visibleIn(service)).toEqual([{ number: 1 }]);
    },
  );

  test.each(['done', 'twice', 'none', 'late'] as const)(
    'a pre-commit whose answer is lost (%s) has its handle',
    async (effect) => {
      const service = newService();
      const lost = failing('put', '_epochs/', { kind: 'unknown', effect });
      const session = await openOn(service, 1, lost.hooks);
      lost.state.isOn = true;
      const handle = await prepared(session, 1, 1, 1);
      service.deliverLate();
      expect(await session.commit(handle, calm)).toBe('applied');
      expect(await visibleIn(service)).toEqual([{ number: 1 }]);
    },
  );

  test('a completion whose answer is lost was done if its object is there', async () => {
    const service = newService();
    const lost = failing('complete-upload', 'part-', { kind: 'unknown', effect: 'done' });
    const session = await openOn(service, 1, lost.hooks);
    const handle = await prepared(session, 1, 1, 1);
    lost.state.isOn = true;
    expect(await session.commit(handle, calm)).toBe('applied');
    expect(await visibleIn(service)).toEqual([{ number: 1 }]);
  });
});

describe('what a crash leaves', () => {
  test('output is not read in halves, and the next opening completes what is committed', async () => {
    const service = newService();
    const fault = { kind: 'denied', effect: 'none' } as const;
    const broken = failing('complete-upload', 'part-', fault);
    const session = await openOn(service, 1, broken.hooks);
    const handle = await prepared(session, 1, 1, 1, 2);
    broken.state.isOn = true;
    await expect(session.commit(handle, calm)).rejects.toMatchObject({
      code: 'TIDEGATE_OBJECTS_PERMISSION',
    });
    expect(await visibleIn(service)).toEqual([]);
    const next = await openOn(service, 2);
    expect(await visibleIn(service)).toEqual([{ number: 1 }, { number: 2 }]);
    expect(await next.commit(handle, calm)).toBe('already-applied');
  });

  test('uploads and objects without an epoch are ended by the next opening, and nothing else', async () => {
    const service = newService();
    const first = await openOn(service, 1);
    const handle = await prepared(first, 1, 1, 1);
    await first.write([{ number: 7 }, { number: 8 }, { number: 9 }]);
    service.putObject('out/part-000000001-000000099-0a0b0c0d.jsonl', Buffer.from('left'));
    service.putObject('out/part-000000009-000000001-0a0b0c0d.jsonl', Buffer.from('newer'));
    expect(service.uploads().length).toBeGreaterThan(1);
    const next = await openOn(service, 2);
    expect(service.uploads()).toHaveLength(1);
    const names = [...service.objects().keys()].filter((key) => key.startsWith('out/part-'));
    expect(names).toEqual(['out/part-000000009-000000001-0a0b0c0d.jsonl']);
    expect(await next.commit(handle, calm)).toBe('applied');
    expect(await visibleIn(service)).toEqual([{ number: 1 }]);
  });

  test('an upload that a rule of the bucket has ended is noticed before the commit', async () => {
    const service = newService();
    const { storage } = service.connect();
    const session = await openOn(service, 1);
    const handle = await prepared(session, 1, 1, 1);
    for (const upload of await storage.listUploads('', calm)) {
      await storage.abortUpload(upload, calm);
    }
    const corrupt = { code: 'TIDEGATE_OBJECTS_CORRUPT' };
    await expect(session.verify?.(handle, calm)).rejects.toMatchObject(corrupt);
    await expect(session.commit(handle, calm)).rejects.toMatchObject(corrupt);
    expect(await session.inspect({ checkpointId: idOf(1, 1) }, calm)).toBe('prepared');
  });

  test('an object that is another one than was prepared is not committed', async () => {
    const service = newService();
    const sink = sinkOn(service.connect().storage);
    const session = await sink.open(ownerOf(1), calm);
    const handle = await prepared(session, 1, 1, 1);
    const [name = ''] = [...service.objects().keys()].filter((key) => key.includes('part-'));
    service.putObject(name, Buffer.from('{"number":2}\n'));
    const corrupt = { code: 'TIDEGATE_OBJECTS_CORRUPT' };
    await expect(session.commit(handle, calm)).rejects.toMatchObject(corrupt);
    expect(await visibleIn(service)).toEqual([]);
  });

  test('an opening looks at the epochs of the last commits, not at all of them', async () => {
    const service = newService();
    const session = await openOn(service, 1);
    for (let sequence = 1; sequence <= 600; sequence += 1) {
      await session.commit(await prepared(session, 1, sequence), calm);
    }
    const process = service.connect();
    const next = await sinkOn(process.storage).open(ownerOf(2), calm);
    expect(process.operationCount).toBeLessThan(120);
    expect(await next.lastCommitted(calm)).toBe(idOf(1, 600));
    expect(await next.inspect({ checkpointId: idOf(1, 3) }, calm)).toBe('committed');
  });
});

describe('a sink that is not the one it was', () => {
  test('records of another store, and epochs without their sink.json, are refused', async () => {
    const service = newService();
    await prepared(await openOn(service, 1), 1, 1, 1);
    const sink = sinkOn(service.connect().storage);
    await expect(sink.open(ownerOf(2, secondStore), calm)).rejects.toMatchObject({
      code: 'TIDEGATE_SINK_STORE',
    });
    await expect(sink.open({ ...ownerOf(2), sink: 'other' }, calm)).rejects.toMatchObject({
      code: 'TIDEGATE_SINK_DIRECTORY',
    });
    service.deleteObject('out/_tidegate/sink.json');
    await expect(sink.open(ownerOf(2), calm)).rejects.toMatchObject({
      code: 'TIDEGATE_OBJECTS_CORRUPT',
    });
  });

  test('a record that was replaced is not taken for what was prepared', async () => {
    const service = newService();
    const session = await openOn(service, 1);
    const handle = await prepared(session, 1, 1, 1);
    const other = newService();
    const stranger = await openOn(other, 1);
    await stranger.commit(await prepared(stranger, 1, 1, 5), calm);
    const key = 'out/_epochs/0000000016777217.json';
    service.putObject(key, other.objects().get(key) ?? new Uint8Array());
    await expect(session.inspect({ checkpointId: idOf(1, 1), handle }, calm)).rejects.toMatchObject(
      { code: 'TIDEGATE_OBJECTS_CORRUPT' },
    );
  });

  test('a service that takes conditions and does not look at them is refused', async () => {
    for (const ignores of [['ifAbsent'], ['ifMatch']] as const) {
      const { storage } = new SimulatedObjectStorage({ ignores }).connect();
      await expect(sinkOn(storage).open(ownerOf(1), calm)).rejects.toMatchObject({
        code: 'TIDEGATE_OBJECT_STORAGE',
      });
    }
  });
});

describe('sizes', () => {
  test('thousands of parts lie in several objects, and the handle stays small', async () => {
    const service = newService();
    const sizes = { maxPartBytes: 5, maxObjectBytes: 5_000 };
    const sink = sinkOn(service.connect().storage, sizes);
    const session = await sink.open(ownerOf(1), calm);
    const numbers = Array.from({ length: 800 }, (_, index) => index);
    const handle = await prepared(session, 1, 1, ...numbers);
    expect(handle.length).toBeLessThan(200);
    await session.commit(handle, calm);
    const objects = [];
    for await (const object of committedObjects(service.connect().storage, { prefix: 'out' })) {
      objects.push(object);
    }
    expect(objects.map(({ size }) => size <= 5_000)).toEqual([true, true, true]);
    expect(objects.reduce((count, { recordCount }) => count + recordCount, 0)).toBe(800);
    expect(await visibleIn(service)).toEqual(numbers.map((number) => ({ number })));
  });

  test('more parts than services take, and a record that fits into no object, are refused', async () => {
    const { storage } = newService().connect();
    expect(() => objectSink({ storage, maxPartBytes: 10, maxObjectBytes: 100_001 })).toThrow(
      'maxObjectBytes (100001) is more than 10000 parts of maxPartBytes (10)',
    );
    const session = await sinkOn(storage, manyParts).open(ownerOf(1), calm);
    const large = [{ number: 1, padding: 'x'.repeat(20) }];
    await expect(session.write(large)).rejects.toMatchObject({ code: 'TIDEGATE_SINK_RECORD' });
    await expect(session.preCommit(attempt(1, 1), calm)).rejects.toMatchObject({
      code: 'TIDEGATE_SINK_WRITE_FAILED',
    });
  });
});

test('a reader that saw an epoch prepared reads it again before it takes a later one', async () => {
  const service = newService();
  const session = await openOn(service, 1);
  const first = await prepared(session, 1, 1, 1);
  let reads = 0;
  const { storage } = service.connect({
    async after({ kind, key }) {
      if (kind !== 'get' || !key.includes('_epochs/')) return;
      reads += 1;
      if (reads > 1) return;
      await session.commit(first, calm);
      await session.commit(await second, calm);
    },
  });
  const second = prepared(session, 1, 2, 2);
  await second;
  const keys = [];
  for await (const { checkpointId } of committedObjects(storage, { prefix: 'out' })) {
    keys.push(checkpointId);
  }
  expect(keys).toEqual([idOf(1, 1), idOf(1, 2)]);
});

test('with requests lost, late and twice, each epoch is what its decision says', async () => {
  let committed = 0;
  for (let seed = 1; seed <= 60; seed += 1) {
    const random = seededRandom(seed);
    const service = newService();
    const expected: number[] = [];
    let doubtful: { handle: string; number: number } | undefined;
    for (let generation = 1; generation <= 6; generation += 1) {
      const { storage } = service.connect(service.randomFaults(random, 0.1));
      // Every other time a failure is not tried again.
      const timeouts = { retryMs: random.next() < 0.5 ? 0 : 60_000 };
      const sink = sinkOn(storage, { ...manyParts, clock: quickClock, random, timeouts });
      const session = await sink.open(ownerOf(generation), calm).catch(() => undefined);
      if (session === undefined) continue;
      try {
        if (doubtful !== undefined) {
          const { handle, number } = doubtful;
          const id = idOf(Math.floor(number / 100), number % 100);
          const found = await session.inspect({ checkpointId: id, handle }, calm);
          expect(found).not.toBe('absent');
          const isWanted = found === 'prepared' && random.next() < 0.5;
          if (isWanted) expect(await session.commit(handle, calm)).not.toBe('absent');
          if (isWanted || found === 'committed') expected.push(number);
          // What is decided by a call that has not failed is decided for all that come.
          doubtful = undefined;
        }
        await session.rollback({ keep: [] }, calm);
        for (let sequence = 1; sequence <= 3; sequence += 1) {
          const number = generation * 100 + sequence;
          const handle = await prepared(session, generation, sequence, number);
          doubtful = { handle, number };
          await session.commit(handle, calm);
          expected.push(number);
          doubtful = undefined;
        }
      } catch (error) {
        if (!(toError(error) as { code?: string }).code?.startsWith('TIDEGATE_')) throw error;
      }
    }
    const last = await openOn(service, 7);
    if (doubtful !== undefined) {
      const { handle, number } = doubtful;
      const found = await last.commit(handle, calm);
      if (found !== 'absent') expected.push(number);
    }
    service.deliverLate();
    const visible = (await visibleIn(service)).map(({ number }) => number);
    expect({ seed, visible }).toEqual({ seed, visible: expected });
    committed += visible.length;
  }
  expect(committed).toBeGreaterThan(200);
}, 60_000);
