// Opening a store on object storage: what is refused, who is waited for, and who is not.

import { beforeEach, describe, expect, test } from '@jest/globals';
import { ObjectCheckpointStore } from 'tidegate';
import type { ProcessLiveness, Processes } from 'tidegate/extend';
import { SimulatedObjectStorage } from 'tidegate/testing';
import { saveNew } from '../../../src/testing/store-conformance/store-bench.js';
import { ObjectProcess } from './bench.js';

let service: SimulatedObjectStorage;

beforeEach(() => {
  service = new SimulatedObjectStorage({ clock: { now: () => 1_700_000_000_000 } });
});

describe('the conditions of the service', () => {
  test.each([
    ['If-None-Match: *', ['ifAbsent']],
    ['If-Match', ['ifMatch']],
  ] as const)(
    'a service that ignores %s is refused, and nothing stays on it',
    async (header, of) => {
      const flawed = new SimulatedObjectStorage({ ignores: of });
      await expect(new ObjectProcess(flawed).open()).rejects.toMatchObject({
        code: 'TIDEGATE_OBJECT_STORAGE',
        message: expect.stringContaining(`does not honour ${header}`),
      });
      expect([...flawed.objects()]).toEqual([]);
    },
  );

  test('answers of the probe that are lost prove nothing, and it begins anew', async () => {
    let failed = 0;
    const process = new ObjectProcess(service, {
      hooks: {
        before: ({ kind, key }) => {
          if (kind !== 'put' || !key.startsWith('tidegate/probes/') || failed >= 3)
            return undefined;
          failed += 1;
          return { kind: failed === 2 ? 'condition-failed' : 'unknown', effect: 'done' };
        },
      },
    });
    expect((await process.open()).generation).toBe(1);
    expect(failed).toBe(3);
  });
});

describe('what a new store would hide', () => {
  test('bodies without the object that says what they are are not begun anew', async () => {
    const owner = await new ObjectProcess(service).open();
    await saveNew(owner);
    service.deleteObject('tidegate/current.json');
    const refusal = {
      code: 'TIDEGATE_STORE_CORRUPT',
      message: expect.stringContaining('no tidegate/current.json'),
    };
    await expect(new ObjectProcess(service).open()).rejects.toMatchObject(refusal);
    await expect(new ObjectProcess(service).store().openReadOnly()).rejects.toMatchObject(refusal);
    await expect(saveNew(owner)).rejects.toMatchObject({ code: 'TIDEGATE_STORE_CORRUPT' });
  });

  test.each(['manifests/manifest-000002.json', 'checkpoint_000001/manifest.json'])(
    'checkpoints in another layout (%s) are refused by name',
    async (key) => {
      service.putObject(key, Buffer.from('{}'));
      await expect(new ObjectProcess(service).open()).rejects.toMatchObject({
        code: 'TIDEGATE_STORE_LAYOUT',
        message: expect.stringContaining(key),
      });
      expect([...service.objects().keys()]).toEqual([key]);
    },
  );

  test.each([
    ['no JSON', 'TIDEGATE_STORE_CORRUPT'],
    ['{"formatVersion":1,"generation":-1}', 'TIDEGATE_STORE_CORRUPT'],
    ['{"formatVersion":2}', 'TIDEGATE_STORE_LAYOUT'],
  ])('a current.json that says %s is refused, and kept', async (text, code) => {
    service.putObject('tidegate/current.json', Buffer.from(text));
    await expect(new ObjectProcess(service).open()).rejects.toMatchObject({ code });
    expect(Buffer.from(service.objects().get('tidegate/current.json')!).toString()).toBe(text);
  });

  test('names that lead out of the bodies are not believed', async () => {
    const owner = await new ObjectProcess(service).open();
    await saveNew(owner);
    const text = Buffer.from(service.objects().get('tidegate/current.json')!).toString();
    const damaged = text.replace(/"manifest":"[^"]+"/, '"manifest":"../../secret"');
    service.putObject('tidegate/current.json', Buffer.from(damaged));
    const opening = new ObjectProcess(service).open();
    await expect(opening).rejects.toMatchObject({ code: 'TIDEGATE_STORE_CORRUPT' });
  });
});

describe('refusals of the service', () => {
  test.each([
    ['denied', 'TIDEGATE_STORE_PERMISSION'],
    ['missing-bucket', 'TIDEGATE_OBJECT_STORAGE'],
    ['unreachable', 'TIDEGATE_STORE_IO'],
    ['throttled', 'TIDEGATE_STORE_IO'],
    ['unknown', 'TIDEGATE_STORE_IO'],
  ] as const)('%s is %s, with the address', async (kind, code) => {
    const process = new ObjectProcess(service, {
      hooks: { before: () => ({ kind, effect: 'none' }) },
    });
    await expect(process.open()).rejects.toMatchObject({
      code,
      message: expect.stringContaining('simulated://bucket'),
    });
  });

  test('a service that never answers is given up after the time for tries', async () => {
    const process = new ObjectProcess(service, {
      hooks: { before: () => new Promise(() => undefined) },
      store: { timeouts: { requestMs: 1_000, retryMs: 5_000 } },
    });
    await expect(process.open()).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_IO',
      message: expect.stringContaining('no answer within 1000 ms'),
    });
    expect(process.clock.monotonicMs()).toBeLessThan(8_000);
  });
});

describe('an owner that seems alive', () => {
  const seen = (liveness: ProcessLiveness, host = 'other'): Processes => ({
    self: () => ({ host, bootId: 'b', pidNamespace: 'n', pid: 1, startedAt: '1' }),
    livenessOf: () => liveness,
  });
  /** One that runs, and whose signs of life are in the store. */
  const owner = (heartbeatMs = 1_000): ObjectProcess =>
    new ObjectProcess(service, { processes: seen('unknown', 'first'), store: { heartbeatMs } });
  const other = (liveness: ProcessLiveness): ObjectProcess =>
    new ObjectProcess(service, { processes: seen(liveness) });

  test('is not waited for where that is asked, and named', async () => {
    await owner().open();
    await expect(other('running').open({ liveOwner: 'refuse' })).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_OWNED',
      message: expect.stringContaining('process 1 on first (generation 1)'),
    });
    await expect(other('unknown').open({ liveOwner: 'refuse' })).rejects.toMatchObject({
      code: 'TIDEGATE_STORE_OWNED',
    });
  });

  test('is waited for until it closes', async () => {
    const first = await owner().open();
    const waiting = other('running');
    const opening = waiting.open();
    setImmediate(() => void first.close());
    expect((await opening).generation).toBe(2);
  });

  test('is overtaken at once when it is gone, gives no sign, or the caller takes over', async () => {
    await owner().open();
    expect((await other('gone').open({ liveOwner: 'refuse' })).generation).toBe(2);
    await owner(0).open({ liveOwner: 'take-over' });
    expect((await other('unknown').open({ liveOwner: 'refuse' })).generation).toBe(4);
    expect((await other('running').open({ liveOwner: 'take-over' })).generation).toBe(5);
  });

  test.each([-3_600_000, 0, 3_600_000])(
    'is dead when it is silent by the clock of the service, which is %d ms ahead',
    async (skewMs) => {
      let nowMs = 1_700_000_000_000;
      service = new SimulatedObjectStorage({ clock: { now: () => nowMs }, skewMs });
      await owner().open();
      nowMs += 3_500;
      const refuse = { liveOwner: 'refuse' } as const;
      await expect(other('unknown').open(refuse)).rejects.toMatchObject({
        code: 'TIDEGATE_STORE_OWNED',
      });
      nowMs += 600;
      expect((await other('unknown').open(refuse)).generation).toBe(2);
    },
  );

  test('gives signs of life while it has nothing to write, and none once it is closed', async () => {
    const first = owner();
    const store = await first.open();
    const beats = (): number =>
      [...service.objects().keys()].filter((key) => key.includes('/owners/')).length;
    await first.clock.advance(900);
    expect(beats()).toBe(0);
    await first.clock.advance(200);
    expect(beats()).toBe(1);
    await store.close();
    expect(first.clock.timerCount).toBe(0);
  });
});

test('options that are no options are refused by name', () => {
  expect(() => new ObjectCheckpointStore({} as never)).toThrow(/storage is missing/);
  const { storage } = service.connect();
  const odd = { storage, timeouts: { request: 1 } } as never;
  expect(() => new ObjectCheckpointStore(odd)).toThrow(/there is no option timeouts.request/);
});

test('of processes that open at once, in any interleaving, each generation has one', async () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const shared = new SimulatedObjectStorage({ seed });
    let turns = seed;
    const dawdle = async (): Promise<undefined> => {
      turns = (turns * 7 + 3) % 11;
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      return undefined;
    };
    const processes = [1, 2, 3].map(
      (number) =>
        new ObjectProcess(shared, { seed: seed * 10 + number, hooks: { before: dawdle } }),
    );
    const owners = await Promise.all(
      processes.map((process) => process.open({ liveOwner: 'take-over' })),
    );
    const generations = owners.map(({ generation }) => generation as number);
    const context = `seed ${seed}`;
    expect([context, new Set(generations).size]).toEqual([context, 3]);
    expect([context, new Set(owners.map(({ storeId }) => storeId)).size]).toEqual([context, 1]);
    for (const [index, store] of owners.entries()) {
      const saving = processes[index]!.run(saveNew(store));
      if (store.generation === Math.max(...generations)) await saving;
      else await expect(saving).rejects.toMatchObject({ code: 'TIDEGATE_FENCED' });
    }
  }
});
