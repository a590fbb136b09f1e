// What the supervisor of the simulation does when the process that finished was not the last owner.

import { expect, test } from '@jest/globals';
import { TidegateError } from '../../src/errors.js';
import { prepareSetup, replay } from './campaign/campaign.js';
import { parseSchedule } from '../../src/testing/simulation/faults.js';
import { runSchedule } from '../../src/testing/simulation/run-schedule.js';
import type { Build } from '../../src/testing/simulation/world.js';
import type { OrdersSetup } from './campaign/orders.js';

const setup: OrdersSetup = {
  mix: ['durable', 'last-resource', 'idempotent'],
  hasSidecar: true,
  settings: { inDoubtPolicy: 'roll-back' },
};

test('a process that stood still before it owned the store, takes it over and dies, is started again', async () => {
  const prepared = await prepareSetup(setup, { seed: 1 });
  // Process 1 stands still before its first write, comes in while process 2 ends, and is killed in
  // the middle of a checkpoint: what it has prepared is settled by a third.
  const schedule = parseSchedule([
    'zombie disk: make /checkpoints#1 +40',
    'kill-after disk: rename checkpoint_N/manifest.json#3',
  ]);
  const result = await replay(prepared, schedule);
  expect(result.points.at(-1)?.life).toBe(3);
  expect(result.points.find(({ fault }) => fault === 'kill-after')?.life).toBe(1);
  expect([result.ending, result.violations]).toEqual(['completed', []]);
});

test('an owner that is overtaken between its decision to save and its reading is fenced, no more', async () => {
  const prepared = await prepareSetup(
    { mix: ['durable'], hasSidecar: true, settings: { inDoubtPolicy: 'roll-back' } },
    { seed: 1 },
  );
  // Process 2 stands still before it reads what it is to save again; by then process 3 has rolled
  // it back, and what process 2 wanted to write is against the rules.
  const schedule = parseSchedule([
    'power-before disk: write staging_ID/latest.txt.N#2 +0',
    'zombie disk: open checkpoint_N/manifest.json#8 +50',
  ]);
  const result = await replay(prepared, schedule);
  expect([result.firedCount, result.ending, result.violations]).toEqual([2, 'completed', []]);
});

test('an old version that fences the new one before its first record does not go back into service', async () => {
  const prepared = await prepareSetup(
    {
      mix: ['durable', 'durable'],
      shape: 'added-sink',
      hasSidecar: false,
      settings: { inDoubtPolicy: 'roll-back' },
    },
    { seed: 1 },
  );
  // Process 1, of the old version, comes in while process 2, of the new one, recovers.
  for (let later = 25; later < 50; later += 1) {
    const schedule = parseSchedule([`zombie disk: list checkpoints/tidegate#2 +${later}`]);
    const { violations } = await replay(prepared, schedule);
    expect([later, violations]).toEqual([later, []]);
  }
});

test('a new version that comes in while the old one settles what is in doubt stays in service', async () => {
  const prepared = await prepareSetup(
    {
      mix: ['idempotent', 'durable'],
      shape: 'removed-sink',
      hasSidecar: true,
      settings: { inDoubtPolicy: 'roll-back' },
    },
    { seed: 1 },
  );
  // Process 3, of the new version, is refused; process 4, of the old one, settles; process 2, of the
  // new one, comes in. What comes next must not go back to the old one.
  const schedule = parseSchedule([
    'kill-late disk: rename checkpoint_N/manifest.json#1 +19',
    'zombie disk: list tidegate/generation_N#1 +77',
  ]);
  const result = await replay(prepared, schedule);
  expect([result.firedCount, result.ending, result.violations]).toEqual([2, 'completed', []]);
});

test('a process that recovery refuses may also be fenced by another one that it refuses', async () => {
  const prepared = await prepareSetup(
    {
      mix: ['durable'],
      hasSidecar: false,
      drains: true,
      settings: { inDoubtPolicy: 'roll-forward' },
    },
    { seed: 1 },
  );
  // The store goes back behind the sink, so that every recovery refuses; two of them at once.
  const schedule = parseSchedule([
    'store-restored disk: sync checkpoint_N.N/manifest.json#3 +21',
    'zombie disk: list /checkpoints#35 +34',
  ]);
  const result = await replay(prepared, schedule);
  expect(result.firedCount).toBe(2);
  expect([result.ending, result.violations]).toEqual(['refused', []]);
});

test('a process that recovery refuses after bit rot leaves alone what is prepared, though an older one had finished', async () => {
  const prepared = await prepareSetup(setup, { seed: 1 });
  const schedule = parseSchedule([
    'zombie sink b: commit#1 +1',
    'bit-rot disk: create checkpoint_N.N/state.bin#3',
  ]);
  const result = await replay(prepared, schedule);
  expect([result.firedCount, result.ending, result.violations]).toEqual([2, 'refused', []]);
});

test('an answer about a store that is lost is not taken for one about the next store', async () => {
  const atLeastOnce: OrdersSetup = {
    mix: ['at-least-once'],
    hasSidecar: false,
    drains: true,
    settings: { inDoubtPolicy: 'roll-forward' },
  };
  const prepared = await prepareSetup(atLeastOnce, { seed: 1 });
  const schedule = parseSchedule([
    'zombie sink a: flush#2 +1',
    'store-lost disk: rename tidegate/retired_N_N#1',
  ]);
  const result = await replay(prepared, schedule);
  expect([result.firedCount, result.ending, result.violations]).toEqual([2, 'completed', []]);
});

test('a stop in the middle of the input is no end, though the stand-in loop had read on', async () => {
  const prepared = await prepareSetup(setup, { seed: 1 });
  // The sources were put back after the first end of the input; the stop comes before the second.
  const schedule = parseSchedule([
    'outage sink b: commit#1 +1000000',
    'answer-lost disk: sync staging_ID/checkpoint_N.N#3',
  ]);
  const result = await replay(prepared, schedule);
  expect([result.firedCount, result.ending, result.violations]).toEqual([2, 'completed', []]);
});

test('two outages are waited out one after the other', async () => {
  const prepared = await prepareSetup(
    { ...setup, mix: ['durable', 'last-resource'], shape: 'table' },
    { seed: 1 },
  );
  const schedule = parseSchedule([
    'outage source orders: acknowledge#2 +1000000',
    'outage table store rates: checkpoint#2 +2000',
  ]);
  const result = await replay(prepared, schedule);
  expect([result.firedCount, result.ending, result.violations]).toEqual([2, 'completed', []]);
});

test('an older process that had finished does not hide that no later one comes up', async () => {
  // Process 1 stands still before it owns the store and comes in when process 2 has finished.
  const schedule = parseSchedule(['zombie disk: list /checkpoints#1 +400']);
  const build: Build = ({ life, store }) => ({
    run: async () => {
      if (life > 2) throw new Error('no process comes up any more');
      await store.open({ pipeline: 'orders' });
      if (life === 1) throw new Error('it fails after its pause');
    },
  });
  const options = { build, input: [], seed: 1, recordIntervalMs: 0, expected: new Map() };
  const { ending, violations } = await runSchedule({ ...options, schedule });
  expect(ending).toBe('stuck');
  expect(violations.map(({ rule }) => rule)).toEqual(['the input comes to its end']);
});

test('the error of the newest process counts, although an older one fails after it', async () => {
  // After a disaster process 2 stands still, the next ones are refused, and then process 2 fails.
  const schedule = parseSchedule([
    'zombie disk: list /checkpoints#1 +1000',
    'expire disk: make checkpoints/tidegate#1',
  ]);
  const refusal = new TidegateError('TIDEGATE_RECOVERY_SPLIT', 'some committed, some absent');
  const build: Build = ({ life, store }) => ({
    run: async () => {
      await store.open({ pipeline: 'orders' }).catch(() => undefined);
      throw life === 2 ? new Error('it stood still for too long') : refusal;
    },
  });
  const options = { build, input: [], seed: 1, recordIntervalMs: 0, expected: new Map() };
  const { ending, violations } = await runSchedule({ ...options, schedule });
  expect([ending, violations]).toEqual(['refused', []]);
});

test.each(['added-source', 'restored'] as const)(
  'a sink that is set back behind a start that %s is refused, as by its handle',
  async (shape) => {
    const set: OrdersSetup = {
      ...{ mix: ['durable'], shape, hasSidecar: false },
      settings: { inDoubtPolicy: 'roll-back' },
    };
    const prepared = await prepareSetup(set, { seed: 1 });
    for (const occurrence of [1, 2, 3, 4]) {
      const schedule = parseSchedule([`sink-set-back sink a: pre-commit#${occurrence} +1`]);
      const result = await replay(prepared, schedule);
      // Before its first commit there is nothing to be set back.
      const ending = occurrence === 1 ? 'completed' : 'refused';
      if (result.firedCount === 0) continue;
      expect([occurrence, result.ending, result.violations]).toEqual([occurrence, ending, []]);
    }
  },
);
