import { describe, expect, test } from '@jest/globals';
import { CheckpointCoordinator, jsonState } from 'tidegate';
import type { Sink } from 'tidegate/extend';
import { httpSink } from 'tidegate/http';
import { crashEverywhere, replaySchedule } from 'tidegate/testing';
import type { Build, World } from 'tidegate/testing';
import { calmPort } from '../../src/testing/simulation/port.js';
import { simulatedSink, SinkStorage } from '../../src/testing/simulation/sinks/index.js';

const input = [1, 2, 3];

interface Habits {
  /** Drops what was read when recovery has put the sources back; the right thing to do. */
  readonly heedsRewind?: boolean;
  /** Gives its running total to the coordinator; the right thing to do. */
  readonly savesTotal?: boolean;
  readonly sink?: (world: World) => Sink;
}

/** A running total of the input, written to one sink. */
function totals({ heedsRewind = true, savesTotal = true, sink }: Habits = {}): Build {
  return (world) => {
    let total = 0;
    const numbers = world.source<number>('numbers');
    const saved = jsonState(
      () => total,
      (value) => {
        total = value;
      },
    );
    const coordinator = new CheckpointCoordinator({
      pipeline: 'totals',
      store: world.store,
      clock: world.clock,
      random: world.random,
      sources: { numbers },
      operators: savesTotal ? { total: saved } : {},
      sinks: { out: sink?.(world) ?? world.sink('out', 'durable') },
      checkpoint: { intervalMs: 150 },
    });
    const run = async (): Promise<void> => {
      await coordinator.start();
      for await (const number of numbers) {
        const point = await coordinator.safePoint();
        if (point.kind === 'rewound' && heedsRewind) continue;
        total += number;
        await point.sinks.out.write([{ key: 'total', total }]);
      }
      await coordinator.stop();
    };
    return { coordinator, run };
  };
}

describe('a pipeline that is crashed everywhere', () => {
  test('shows no violation when its loop does what it should', async () => {
    const result = await crashEverywhere(totals(), { input, maxSchedules: 120 });
    expect(result.violations).toEqual([]);
    expect(result.schedules).toBeGreaterThan(60);
    expect([...result.matrix.rowCounts().keys()]).toContain('9');
  }, 100_000);

  test('is caught when it keeps state that nobody saves, with a test that can be pasted', async () => {
    const build = totals({ savesTotal: false });
    const options = { input, maxSchedules: 400, faults: ['kill-after'] as const };
    const result = await crashEverywhere(build, options);
    expect(result.violations).toHaveLength(1);
    const { schedule, test: text } = result.violations[0]!;
    expect(schedule).toHaveLength(1);
    expect(text).toContain(JSON.stringify(schedule[0]));
    expect((await replaySchedule(build, { input, schedule })).violations).not.toEqual([]);
    expect((await replaySchedule(totals(), { input, schedule })).violations).toEqual([]);
  }, 100_000);

  test('is caught when it goes on with records that were read before a rewind', async () => {
    const build = totals({ heedsRewind: false });
    const options = { input, maxSchedules: 200, faults: ['fail-after'] as const };
    expect((await crashEverywhere(build, options)).violations).toHaveLength(1);
  }, 100_000);

  test('must work without any fault first', async () => {
    const build: Build = () => ({ run: () => Promise.reject(new Error('not even once')) });
    await expect(crashEverywhere(build, { input })).rejects.toThrow('does not work without');
  });
});

test('crashes everywhere in the same way for the same seed, event by event', async () => {
  const one = await recorded(5);
  const other = await recorded(5);
  expect(one.events.length).toBeGreaterThan(500);
  expect(other).toEqual(one);
  expect((await recorded(6)).events).not.toEqual(one.events);
}, 100_000);

/** What every coordinator of every run said, with the time at which it was said. */
async function recorded(seed: number): Promise<Record<'events' | 'rest', readonly unknown[]>> {
  const events: unknown[] = [];
  const build: Build = async (world) => {
    const crashable = await totals()(world);
    const { events: emitted } = crashable.coordinator as CheckpointCoordinator;
    const names = ['attempt-started', 'step-ended', 'checkpoint-completed', 'recovery-ended'];
    for (const name of names as Parameters<typeof emitted.on>[0][]) {
      emitted.on(name, (...event: unknown[]) => {
        events.push([world.life, world.clock.now(), name, JSON.stringify(event)]);
      });
    }
    return crashable;
  };
  const result = await crashEverywhere(build, { input, crashes: 2, maxSchedules: 30, seed });
  const { schedules, points, matrix, violations } = result;
  const rest = [schedules, points, violations, matrix.cells];
  return { events, rest };
}

describe('a sink of the user’s own, wrapped', () => {
  let storage = new SinkStorage('own', 'durable');
  const visible = (): readonly unknown[] => storage.visible.flatMap(({ records }) => records);
  const own = (world: World): Sink =>
    world.wrap('own', simulatedSink(storage, calmPort), { visible });

  test('is crashed around each of its calls, and keeps its records exactly once', async () => {
    const result = await crashEverywhere(totals({ sink: own }), {
      input,
      maxSchedules: 60,
      beforeEach: () => {
        storage = new SinkStorage('own', 'durable');
      },
    });
    expect(result.violations).toEqual([]);
    expect(result.unseen).toEqual([]);
  }, 100_000);

  test('is named when nobody looks into it', async () => {
    const blind = (world: World): Sink => world.wrap('own', simulatedSink(storage, calmPort));
    const beforeEach = (): void => void (storage = new SinkStorage('own', 'durable'));
    const result = await crashEverywhere(totals({ sink: blind }), {
      input,
      maxSchedules: 3,
      beforeEach,
    });
    expect(result.unseen).toEqual(['own']);
  });

  test('is caught when it shows something twice after a crash', async () => {
    const beforeEach = (): void => {
      storage = new SinkStorage('own', 'durable');
      const commit = storage.commit.bind(storage);
      storage.commit = (...given) => {
        commit(...given);
        if (storage.generation > 1) commit(...given);
      };
    };
    const options = { input, beforeEach, faults: ['kill-after'] as const };
    const result = await crashEverywhere(totals({ sink: own }), options);
    expect(result.violations[0]?.violations[0]?.rule).toBe('nothing is duplicated or made up');
    expect(result.violations[0]?.test).toContain('{ input, seed: 1, beforeEach, schedule: [');
  }, 100_000);

  test.each(['late', 'kill-late'] as const)(
    'is caught when it fences nobody, by a commit that comes %s',
    async (fault) => {
      const beforeEach = (): void => {
        storage = new SinkStorage('own', 'last-resource');
        Object.defineProperty(storage, 'assertCurrent', { value: () => undefined });
      };
      const options = { input, beforeEach, faults: [fault], recordIntervalMs: 100 };
      const result = await crashEverywhere(totals({ sink: own }), options);
      expect(result.violations).toHaveLength(1);
      expect(result.violations[0]?.test).toContain('recordIntervalMs: 100, beforeEach,');
    },
    100_000,
  );

  test('may wait for simulated time, as one does that tries again', async () => {
    let calls = 0;
    const fetch = (): Promise<Response> =>
      Promise.resolve(new Response('', { status: (calls += 1) === 1 ? 503 : 200 }));
    const http = (world: World): Sink => {
      const { clock, random } = world;
      return world.wrap('own', httpSink({ url: 'http://x/', fetch, clock, random }));
    };
    const result = await crashEverywhere(totals({ sink: http }), { input, maxSchedules: 2 });
    expect(result.violations).toEqual([]);
    expect(calls).toBeGreaterThan(1);
  }, 100_000);
});

test('a schedule that is not reached any more says so instead of passing', async () => {
  const schedule = ['kill-after sink nobody: commit#1'];
  await expect(replaySchedule(totals(), { input, schedule })).rejects.toThrow(
    'the run has changed',
  );
});
