// A loop with safe points: others live beside it, and what cannot work is told apart at once.

import { setInterval as every, clearInterval } from 'node:timers';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { CheckpointCoordinator, MemoryCheckpointStore, memorySink } from 'tidegate';
import { untilAwaited } from '../../src/runtime/event-loop.js';
import { Harness } from './support/harness.js';

describe('a busy loop', () => {
  let next = 0;
  let coordinator: CheckpointCoordinator;
  beforeEach(async () => {
    next = 0;
    coordinator = new CheckpointCoordinator({
      pipeline: 'numbers',
      store: new MemoryCheckpointStore(),
      sources: {
        numbers: {
          position: () => ({ next: String(next) }),
          restore: ({ next: saved }) => void (next = Number(saved)),
        },
      },
      sinks: { out: memorySink<number>() },
      checkpoint: { intervalMs: 5 },
    });
    await coordinator.start();
  });
  afterEach(() => coordinator[Symbol.asyncDispose]());

  test('gives the event loop a turn every few milliseconds, so that timers and checkpoints go on', async () => {
    let ticks = 0;
    let checkpoints = 0;
    coordinator.events.on('checkpoint-completed', () => (checkpoints += 1));
    const heart = every(() => (ticks += 1), 1);
    const untilMs = performance.now() + 5_000;
    // Nothing in it waits for anything: without turns no timer would fire in it.
    while ((ticks < 10 || checkpoints < 5) && performance.now() < untilMs) {
      const { sinks } = await coordinator.safePoint();
      next += 1;
      await sinks.out?.write([next]);
    }
    clearInterval(heart);
    expect(ticks).toBeGreaterThanOrEqual(10);
    expect(checkpoints).toBeGreaterThanOrEqual(5);
  });

  test('does so between slow records too', async () => {
    let ticks = 0;
    const heart = every(() => (ticks += 1), 1);
    for (let record = 0; record < 300; record += 1) await coordinator.safePoint();
    for (let record = 0; record < 400 && ticks < 8; record += 1) {
      await coordinator.safePoint();
      const untilMs = performance.now() + 2;
      while (performance.now() < untilMs);
    }
    clearInterval(heart);
    expect(ticks).toBeGreaterThanOrEqual(8);
  });
});

describe('a loop that comes to no safe point', () => {
  test('for two intervals is told by an event, in the status and in the log', async () => {
    const lines: string[] = [];
    const note = (_fields: unknown, line?: string): void => void lines.push(String(line));
    const logger = { debug: note, info: note, warn: note, error: note } as never;
    const harness = new Harness({ checkpoint: { intervalMs: 1_000 }, more: { logger } });
    const told: number[] = [];
    harness.coordinator.events.on('safe-point-missing', ({ forMs }) => told.push(forMs));
    await harness.start();
    await harness.turn();
    await harness.turn();
    await harness.clock.advance(1_900);
    expect(told).toEqual([]);
    expect(harness.coordinator.status().safePointMissingForMs).toBeUndefined();
    await harness.clock.advance(1_600);
    expect(told).toEqual([2_000]);
    expect(harness.coordinator.status().safePointMissingForMs).toBeGreaterThanOrEqual(3_400);
    expect(lines.join()).toContain('no safe point has come for two intervals');
    await harness.turn();
    expect(harness.coordinator.status().safePointMissingForMs).toBeUndefined();
  });

  test('while recovery waits for it is told as well', async () => {
    const harness = new Harness({ checkpoint: { intervalMs: 1_000 } });
    const told: number[] = [];
    harness.coordinator.events.on('safe-point-missing', ({ forMs }) => told.push(forMs));
    await harness.start();
    await harness.turn();
    harness.sink('left').next('write', () => Promise.reject(new Error('gone')));
    await harness.turn();
    await harness.clock.advance(1_100);
    expect(harness.coordinator.status().phase).toBe('recovering');
    expect(told).toHaveLength(1);
  });
});

describe('a checkpoint that the loop itself awaits', () => {
  async function started() {
    const harness = new Harness();
    await harness.start();
    await harness.turn();
    return harness;
  }

  test.each(['checkpoint', 'savepoint'] as const)(
    'is refused at once, and %s is taken at the next safe point all the same',
    async (call) => {
      const { coordinator, source, clock } = await started();
      let completed = 0;
      coordinator.events.on('checkpoint-completed', () => (completed += 1));
      const loop = async (): Promise<void> => {
        await coordinator.safePoint();
        source.next += 1;
        await untilAwaited();
        await expect(coordinator[call]('label')).rejects.toMatchObject({
          code: 'TIDEGATE_LIFECYCLE',
          message: expect.stringContaining('is awaited by the loop itself') as unknown,
        });
        await coordinator.safePoint();
      };
      const startedAtMs = clock.monotonicMs();
      await loopOf(coordinator, loop, clock);
      expect(clock.monotonicMs()).toBe(startedAtMs);
      expect(completed).toBe(1);
    },
  );

  test('also through a function, and within Promise.all', async () => {
    const { coordinator, clock } = await started();
    const helper = async (): Promise<unknown> => coordinator.checkpoint();
    const loop = async (): Promise<void> => {
      await coordinator.safePoint();
      await expect(helper()).rejects.toThrow('is awaited by the loop itself');
      await expect(Promise.all([coordinator.checkpoint()])).rejects.toThrow('by the loop itself');
    };
    await loopOf(coordinator, loop, clock);
  });

  test('is no mistake without await, nor from beside the loop', async () => {
    const { coordinator, source, clock } = await started();
    const outcomes: string[] = [];
    const beside = async (): Promise<void> => {
      outcomes.push((await coordinator.checkpoint()).kind);
    };
    const loop = async (): Promise<void> => {
      await coordinator.safePoint();
      source.next += 1;
      void coordinator.checkpoint();
      const later = coordinator.checkpoint();
      const other = beside();
      await untilAwaited();
      await coordinator.safePoint();
      outcomes.push((await later).kind);
      await other;
    };
    await loopOf(coordinator, loop, clock);
    expect(outcomes).toEqual(['completed', 'completed']);
  });
});

/** The first safe point of the loop finds out who awaits it. */
async function loopOf(
  coordinator: CheckpointCoordinator,
  loop: () => Promise<void>,
  clock: Harness['clock'],
): Promise<void> {
  await clock.until(loop());
  expect(coordinator.status().phase).toBe('running');
}

describe('safePoint()', () => {
  test('is refused while another call of it waits, and says what to use', async () => {
    const harness = new Harness({ checkpoint: { intervalMs: 0 } });
    await harness.start();
    await harness.turn();
    void harness.coordinator.checkpoint();
    const first = harness.coordinator.safePoint();
    await expect(harness.coordinator.safePoint()).rejects.toThrow(
      'a second safePoint() was called while the first waits',
    );
    await harness.settle(first);
  });

  test('writers refuse what is no array, and nothing of the epoch is committed', async () => {
    const harness = new Harness();
    await harness.start();
    const { sinks } = await harness.settle(harness.coordinator.safePoint());
    await expect(sinks.left?.write('abc' as never)).rejects.toMatchObject({
      code: 'TIDEGATE_SINK_RECORDS',
    });
    expect((await harness.settle(harness.coordinator.safePoint())).kind).toBe('rewound');
  });
});
