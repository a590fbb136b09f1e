import { describe, expect, test } from '@jest/globals';
import { CheckpointCoordinator } from '../../src/coordinator/coordinator.js';
import { replaySchedule } from '../../src/testing/crash-everywhere.js';
import type { Mix } from './campaign/mixes.js';
import {
  orders,
  ordersInput,
  ordersPipeline,
  orderTotals,
  type OrdersSetup,
} from './campaign/orders.js';
import { runSchedule, type RunResult } from '../../src/testing/simulation/run-schedule.js';
import type { Build, World } from '../../src/testing/simulation/world.js';
import { damagedSidecar, onHandmadeStore } from './handmade-store.js';

/** What goes wrong elsewhere: the schedule that shows it there, and what it comes to here. */
describe('a mistake that others made is not made here:', () => {
  test('the state checksum survives the re-save after the commit, so a corrupt sidecar is noticed', async () => {
    const { build, input } = onHandmadeStore(damagedSidecar);
    const options = { build, input, schedule: [], seed: 1, recordIntervalMs: 100 };
    const result = await runSchedule(options);
    expect(result.ending).toBe('refused');
    expect(result.rows.at(-1)?.number).toBe(6);
    expect(result.visible.get('a')).toEqual(orderTotals);
  });

  test('failed attempts do not count as checkpoints that are kept: the restorable one stays', async () => {
    // Two attempts fail, more than are kept.
    const schedule = [1, 2].map((n) => `fail-before sink a: pre-commit#${n}`);
    const result = await crashed(['durable'], schedule, { settings: { retainedCheckpoints: 1 } });
    expect(rowsOf(result)).toEqual([3, 7, 7]);
  });

  test('a persist timeout is not read as "not persisted": the sinks are not rolled back', async () => {
    const schedule = ['answer-lost disk: rename checkpoints/checkpoint_N#2'];
    const result = await crashed(['durable', 'durable'], schedule, { drains: true });
    expect(rowsOf(result)).toEqual([3, 10]);
    const struck = result.points.findIndex(({ fault }) => fault !== undefined);
    const after = result.points.slice(struck).map(({ action }) => action);
    expect(after.indexOf('sink a: commit')).toBeLessThan(after.indexOf('sink a: roll back'));
    expect(after).toContain('sink a: commit');
  });

  test('the records of a failed epoch are not dropped at the sink while the source goes on: it rewinds', async () => {
    const result = await crashed(['durable'], ['fail-before sink a: pre-commit#1']);
    expect(count(result, 'source orders: read')).toBeGreaterThan(orders.length);
    expect(count(result, 'source orders: restore')).toBe(2);
  });

  test('checkpoint ids are not used again after a restart: each life gives out higher ones', async () => {
    const ids: number[] = [];
    const build: Build = async (world) => {
      const crashable = await ordersPipeline({ mix: ['durable'], hasSidecar: false })(world);
      const { events } = crashable.coordinator as CheckpointCoordinator;
      events.on('attempt-started', ({ checkpointId }) => ids.push(checkpointId));
      return crashable;
    };
    const schedule = ['kill-before sink a: commit#1', 'kill-before sink a: commit#2'];
    ids.length = 0;
    const result = await replaySchedule(build, { input: ordersInput, schedule });
    expect(result.lifeCount).toBe(3);
    // The run without faults, which came first, has given out ids of its own.
    const own = ids.slice(ids.lastIndexOf(Math.min(...ids)));
    expect(own.length).toBeGreaterThan(3);
    expect(own).toEqual([...new Set(own)].sort((one, other) => one - other));
  });

  test('an empty epoch is recorded like any other, so that recovery does not wait for it', async () => {
    const result = await replaySchedule(emptyEpochs, {
      input: [],
      schedule: ['kill-after sink out: commit#1', 'kill-before sink out: commit#2'],
    });
    expect(result.violations).toEqual([]);
    expect(result.ending).toBe('completed');
    expect(rowsOf(result)).toEqual([3, 9, 11]);
  });

  test('the first epoch is rolled back to where the source began, not to where it has moved', async () => {
    const result = await crashed(['durable'], ['kill-before sink a: commit#1']);
    expect(rowsOf(result)).toEqual([3, 11]);
    const second = result.points.filter(({ life }) => life === 2).map(({ action }) => action);
    expect(second.indexOf('source orders: restore')).toBeLessThan(
      second.indexOf('source orders: read'),
    );
    expect(second.filter((action) => action === 'source orders: read')).toHaveLength(orders.length);
  });

  test('a last-resource sink that fails does not let the others commit all the same', async () => {
    const schedule = ['lose-prepared sink b: commit#1'];
    const result = await crashed(['durable', 'last-resource'], schedule, { drains: true });
    const lost = result.points.findIndex(({ fault }) => fault !== undefined);
    const recovery = result.points.findIndex(
      ({ action, index }) => index > lost + 1 && action === 'sink a: open',
    );
    const between = result.points.slice(lost + 1, recovery).map(({ action }) => action);
    expect(recovery).toBeGreaterThan(lost);
    expect(between).not.toContain('sink a: commit');
  });

  test('a fenced owner does not recover "in process" and fence the new owner back', async () => {
    const result = await crashed(['durable'], ['zombie sink a: commit#1 +40'], { drains: true });
    expect(result.lifeCount).toBe(2);
  });

  test('a restore from an older checkpoint is not undone by the next crash', async () => {
    const setup = { shape: 'restored' } as const;
    const result = await crashed(['durable'], ['kill-before sink a: commit#3'], setup);
    const [one, two, three] = orderTotals;
    expect(result.visible.get('a')).toEqual([one, two, two, three]);
  });
});

/** The orders pipeline under one schedule: no rule is broken, and every fault was met. */
async function crashed(
  mix: Mix,
  schedule: readonly string[],
  rest: Partial<OrdersSetup> = {},
): Promise<RunResult> {
  const build = ordersPipeline({ mix, hasSidecar: false, ...rest });
  const result = await replaySchedule(build, { input: ordersInput, schedule });
  expect(result.violations).toEqual([]);
  expect(result.ending).toBe('completed');
  return result;
}

/** Two checkpoints without a single record. */
function emptyEpochs(world: World): ReturnType<Build> {
  const { store, clock, random } = world;
  const coordinator = new CheckpointCoordinator({
    pipeline: 'empty',
    store,
    clock,
    random,
    sources: { numbers: world.source('numbers') },
    sinks: { out: world.sink('out', 'durable') },
    checkpoint: { intervalMs: 0, skipWhenIdle: false },
  });
  const run = async (): Promise<void> => {
    await coordinator.start();
    const asked = coordinator.checkpoint();
    await coordinator.safePoint();
    expect((await asked).kind).toBe('completed');
    await coordinator.stop();
  };
  return { coordinator, run };
}

function rowsOf({ rows }: RunResult): readonly number[] {
  return rows.map(({ number }) => number);
}

function count({ points }: RunResult, action: string): number {
  return points.filter((point) => point.action === action).length;
}
