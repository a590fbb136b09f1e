// Inputs, stores and sinks that outlive the workers of a test, and workers over them.

import { MemoryCheckpointStore, Pipeline, memorySink } from 'tidegate';
import type { MemorySink } from 'tidegate';
import { seededRandom } from 'tidegate/extend';
import type { ReadableSource, TwoPhaseSink } from 'tidegate/extend';
import { runTasks } from 'tidegate/tasks';
import type { Task, TasksEvents, TasksOptions, TasksRun } from 'tidegate/tasks';
import { SimulatedAssigner, SimulatedClock } from 'tidegate/testing';
import type { Clock } from '../../src/runtime/clock.js';
import { sleep } from '../../src/runtime/deadline.js';
import { later } from '../pipeline/support.js';

export interface Order {
  readonly n: number;
  readonly account: string;
  readonly amount: number;
}

export interface Total {
  readonly account: string;
  readonly n: number;
  readonly total: number;
}

/** What each task reads, keeps and writes; time; and the group that assigns tasks. */
export class Cluster {
  readonly clock = new SimulatedClock();
  readonly group: SimulatedAssigner;
  readonly #inputs = new Map<number, Order[]>();
  readonly #stores = new Map<number, MemoryCheckpointStore>();
  readonly #sinks = new Map<number, MemorySink<Total>>();
  readonly workers = new Map<string, TasksRun>();
  readonly seen: { readonly worker: string; readonly event: string; readonly what: unknown }[] = [];

  constructor(partitions: number) {
    this.group = new SimulatedAssigner({ partitions });
  }

  /** Appends orders to the input of a task; accounts come again and again. */
  feed(partition: number, count: number): void {
    const input = this.input(partition);
    for (let left = count; left > 0; left -= 1) {
      const n = input.length;
      input.push({ n, account: `${partition}-${n % 3}`, amount: n + 1 });
    }
  }

  input(partition: number): Order[] {
    return existing(this.#inputs, partition, () => []);
  }

  store(partition: number): MemoryCheckpointStore {
    return existing(
      this.#stores,
      partition,
      () => new MemoryCheckpointStore({ clock: this.clock, random: seededRandom(partition) }),
    );
  }

  sink(partition: number): MemorySink<Total> {
    return existing(this.#sinks, partition, () => memorySink<Total>());
  }

  pipeline(
    task: Task,
    sink: TwoPhaseSink<Total> = this.sink(task.partition),
    clock: Clock = this.clock,
  ): Pipeline {
    const pipeline = new Pipeline(task.name('orders'));
    pipeline
      .source('orders', this.#source(task.partition, clock))
      .keyBy(({ account }) => account)
      .aggregate('totals', {
        initial: { n: 0, total: 0 },
        add: (sum, { n, amount }) => ({ n, total: sum.total + amount }),
        result: (account, { n, total }) => ({ account, n, total }),
      })
      .to('out', sink);
    return pipeline;
  }

  worker(name: string, options: Partial<TasksOptions> = {}): TasksRun {
    const run = runTasks({
      assigner: this.group.assigner(name),
      store: ({ partition }) => this.store(partition),
      build: (task) => this.pipeline(task),
      checkpoint: { intervalMs: 50 },
      handleSignals: false,
      clock: this.clock,
      random: seededRandom(1),
      ...options,
    });
    this.workers.set(name, run);
    for (const event of eventNames) {
      run.events.on(event, (what: unknown) => this.seen.push({ worker: name, event, what }));
    }
    return run;
  }

  async pass(durationMs: number): Promise<void> {
    await later(this.clock, durationMs);
  }

  /** Of one worker: the states that a task was in, in order. */
  states(worker: string, partition: number): readonly string[] {
    return this.seen
      .filter((one) => one.worker === worker && one.event === 'task-changed')
      .map(({ what }) => what as TasksEvents['task-changed'][0])
      .filter((what) => what.partition === partition)
      .map(({ state }) => state);
  }

  stateOf(worker: string, partition: number): string | undefined {
    const tasks = this.workers.get(worker)?.status().tasks ?? [];
    return tasks.find((task) => task.partition === partition)?.state;
  }

  /** What must be in the sink when the whole input is processed once. */
  expected(partition: number): readonly Total[] {
    const totals = new Map<string, number>();
    return this.input(partition).map(({ n, account, amount }) => {
      const total = (totals.get(account) ?? 0) + amount;
      totals.set(account, total);
      return { account, n, total };
    });
  }

  /** Reads what has come so far, and waits for more. */
  #source(partition: number, clock: Clock): ReadableSource<Order> {
    const input = this.input(partition);
    let next = 0;
    return {
      position: () => ({ next: String(next) }),
      restore: (offsets) => {
        next = Number(offsets.next);
      },
      async *read({ signal }) {
        while (!signal.aborted) {
          const records = input.slice(next, next + 2);
          next += records.length;
          if (records.length > 0) yield { records, offsets: { next: String(next) } };
          await sleep(clock, 10, signal);
        }
      },
    };
  }
}

const eventNames = [
  'assigned',
  'revoked',
  'lost',
  'task-changed',
  'task-fenced',
  'task-failed',
  'assigner-troubled',
] as const;

function existing<Value>(map: Map<number, Value>, key: number, make: () => Value): Value {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}
