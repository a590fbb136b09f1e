// Signs of life, and the news of being overtaken.

import { describe, expect, test } from '@jest/globals';
import type { DiskHooks } from 'tidegate/testing';
import { saveNew } from '../../src/testing/store-conformance/store-bench.js';
import { Bench, failing } from './file-system-bench.js';

describe('signs of life', () => {
  test('are given at each interval until the owner closes or is overtaken', async () => {
    const bench = new Bench();
    const touched: number[] = [];
    const hooks: DiskHooks = {
      after: ({ kind }) => {
        if (kind === 'touch') touched.push(bench.clock.now());
      },
    };
    const beat = async () => {
      bench.clock.runNextTimer();
      for (let step = 0; step < 50; step += 1) await Promise.resolve();
    };
    const startMs = bench.clock.now();
    const store = await bench.open({ heartbeatMs: 300 }, hooks);

    for (let count = 0; count < 3; count += 1) await beat();
    expect(touched.map((ms) => ms - startMs)).toEqual([300, 600, 900]);
    await store.close();
    expect(bench.clock.timerCount).toBe(0);

    const old = await bench.open({ heartbeatMs: 300 }, hooks);
    await bench.open();
    await beat();
    expect(bench.clock.timerCount).toBe(0);
    await expect(saveNew(old)).rejects.toMatchObject({ code: 'TIDEGATE_FENCED' });
  });

  test('that fail are logged, and the next ones given all the same', async () => {
    const bench = new Bench();
    await bench.open(
      { heartbeatMs: 300 },
      failing(({ kind }) => kind === 'touch'),
    );

    bench.clock.runNextTimer();
    for (let step = 0; step < 50; step += 1) await Promise.resolve();

    expect(bench.logged).toMatchObject([
      { level: 'debug', message: 'missed a heartbeat', fields: { err: { code: 'EIO' } } },
    ]);
    expect(bench.clock.timerCount).toBe(1);
  });

  test('are not given where the interval is 0', async () => {
    const bench = new Bench();
    await bench.open();

    expect(bench.clock.timerCount).toBe(0);
  });

  test.each(['was given', 'fails'])(
    'one that %s around the goodbye is the last, and no news',
    async (how) => {
      const bench = new Bench();
      let letGo = (): void => undefined;
      const pause = new Promise<void>((resolve) => (letGo = resolve));
      const hooks: DiskHooks = {
        before: async ({ kind }) => {
          if (kind !== 'touch' || how !== 'fails') return undefined;
          await pause;
          return { code: 'EIO', effect: 'none' };
        },
        after: async ({ kind }) => {
          if (kind === 'touch') await pause;
        },
      };
      const store = await bench.open({ heartbeatMs: 300 }, hooks);
      bench.clock.runNextTimer();

      await store.close();
      letGo();
      for (let step = 0; step < 50; step += 1) await Promise.resolve();

      expect(bench.clock.timerCount).toBe(0);
      expect(bench.logged).toEqual([]);
    },
  );
});

describe('an owner that was overtaken', () => {
  test('stays that, also when it is closed', async () => {
    const bench = new Bench();
    const old = await bench.open();
    await bench.open();
    await expect(saveNew(old)).rejects.toMatchObject({ code: 'TIDEGATE_FENCED' });

    await old.close();

    await expect(saveNew(old)).rejects.toMatchObject({ code: 'TIDEGATE_FENCED' });
  });

  test('is not concluded from a disk that does not answer', async () => {
    const bench = new Bench();
    let isBroken = false;
    const store = await bench.open(
      {},
      failing(({ kind }) => isBroken && (kind === 'write' || kind === 'stat')),
    );
    isBroken = true;
    await expect(saveNew(store)).rejects.toMatchObject({ code: 'TIDEGATE_STORE_IO' });
    isBroken = false;

    await saveNew(store);
  });
});
