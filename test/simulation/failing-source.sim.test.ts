// A source that fails in a way that passes at each of its calls, alone, in pairs, and with a crash.

import { expect, test } from '@jest/globals';
import { memorySink } from '../../src/connectors/memory/memory-sink.js';
import type { CallOptions, ReadableSource } from '../../src/contracts/source.js';
import { CheckpointCoordinator } from '../../src/coordinator/coordinator.js';
import { jsonState } from '../../src/coordinator/json-state.js';
import { Pipeline } from '../../src/pipeline/pipeline.js';
import { seededRandom } from '../../src/runtime/random.js';
import { MemoryCheckpointStore } from '../../src/store/memory/memory-store.js';
import { SimulatedClock } from '../../src/testing/clock.js';

const input = Array.from({ length: 12 }, (_, index) => index);

/** What happens at the n-th call of the source, counted over all lives, from 1. */
type Faults = ReadonlyMap<number, 'fails' | 'crashes'>;

class Crash extends Error {}

class World {
  readonly clock = new SimulatedClock();
  readonly store = new MemoryCheckpointStore({ random: seededRandom(1) });
  readonly sink = memorySink<number>();
  readonly running = { calls: 0, now: 0 };
  sum = 0;
  #crash: () => void = () => undefined;

  constructor(readonly faults: Faults) {}

  /** Of a process that has just started. */
  source(): ReadableSource<number> {
    const life = { isOver: false };
    let next = 0;
    const call = (): void => {
      if (life.isOver) throw new Crash('a dead process');
      this.running.calls += 1;
      const fault = this.faults.get(this.running.calls);
      if (fault === 'fails') {
        throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
      }
      if (fault !== 'crashes') return;
      life.isOver = true;
      this.#crash();
      throw new Crash('a dead process');
    };
    const alone = async <Value>(work: () => Value): Promise<Value> => {
      this.running.now += 1;
      expect(this.running.now).toBe(1);
      await Promise.resolve();
      this.running.now -= 1;
      call();
      return work();
    };
    return {
      position: () => alone(() => ({ next: String(next) })),
      restore: ({ next: saved }) => alone(() => void (next = Number(saved))),
      acknowledge: () => alone(() => undefined),
      async *read({ signal }: CallOptions) {
        while (next < input.length && !signal.aborted) {
          await Promise.resolve();
          const records = input.slice(next, next + 4);
          // It reads ahead: who reads on from here has lost them.
          next += records.length;
          call();
          yield { records, offsets: { next: String(next) } };
        }
      },
    };
  }

  /** Runs one life; whether it has come to the end of the input. */
  async live(run: (source: ReadableSource<number>, signal: AbortSignal) => Promise<void>) {
    const process = new AbortController();
    const crashed = new Promise<boolean>((resolve) => {
      this.#crash = () => {
        process.abort();
        resolve(false);
      };
    });
    const ended = run(this.source(), process.signal).then(
      () => true,
      (error: unknown) => {
        if (!process.signal.aborted) throw error;
        return false;
      },
    );
    return this.clock.until(Promise.race([ended, crashed]));
  }
}

const ways: Readonly<Record<string, (world: World) => Promise<boolean>>> = {
  'a loop over batches': (world) =>
    world.live(async (source, signal) => {
      const coordinator = new CheckpointCoordinator({
        pipeline: 'numbers',
        store: world.store,
        sources: { numbers: source },
        operators: {
          sum: jsonState(
            () => world.sum,
            (saved) => void (world.sum = saved),
          ),
        },
        sinks: { out: world.sink },
        checkpoint: { intervalMs: 50 },
        liveOwner: 'take-over',
        clock: world.clock,
        random: seededRandom(2),
        signal,
      });
      await coordinator.start();
      for await (const { records, sinks } of coordinator.batches(source)) {
        for (const record of records) world.sum += record;
        await sinks.out.write(records);
        await new Promise<void>((resolve) => void world.clock.setTimer(resolve, 30));
      }
      await coordinator.stop();
    }),
  'a pipeline': (world) =>
    world.live(async (source, signal) => {
      const pipeline = new Pipeline('numbers');
      pipeline.source('numbers', source).to('out', world.sink);
      const prepared = pipeline.prepare({
        store: world.store,
        checkpoint: { intervalMs: 50 },
        liveOwner: 'take-over',
        handleSignals: false,
        clock: world.clock,
        random: seededRandom(2),
      });
      const end = (): void => void prepared.coordinator[Symbol.asyncDispose]();
      signal.addEventListener('abort', end, { once: true });
      await prepared.run();
    }),
};

test.each(Object.keys(ways))(
  '%s loses nothing and doubles nothing, whatever two calls of its source fail or crash',
  async (name) => {
    const way = ways[name] as (world: World) => Promise<boolean>;
    const plain = new World(new Map());
    expect(await way(plain)).toBe(true);
    const last = plain.running.calls + 3;
    let runs = 0;
    for (let first = 1; first <= last; first += 1) {
      for (let second = first; second <= last; second += 1) {
        for (const kind of ['fails', 'crashes'] as const) {
          const faults: Faults = new Map([
            [second, kind],
            [first, 'fails'],
          ]);
          const world = new World(faults);
          const shown = [...faults].map(([call, fault]) => `call ${call} ${fault}`).join(', ');
          let lives = 1;
          while (!(await way(world))) lives += 1;
          expect([shown, world.sink.records]).toEqual([shown, input]);
          expect([shown, lives <= 2]).toEqual([shown, true]);
          runs += 1;
        }
      }
    }
    expect(runs).toBeGreaterThan(60);
  },
  60_000,
);
