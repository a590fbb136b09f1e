// Tasks over many processes: two owners at once, late news, moves in each step, deaths, failures without end.

import { describe, expect, test } from '@jest/globals';
import type { StepName } from '../../src/coordinator/checkpoint/outcome.js';
import type { TwoPhaseSink } from '../../src/contracts/sink.js';
import { seededRandom, type Random } from '../../src/runtime/random.js';
import type { TasksRun } from '../../src/tasks/run-tasks.js';
import { Cluster, type Total } from './kit.js';
import { Process } from './process.js';

/** A worker whose process can be killed and stopped. */
class Worker {
  readonly process: Process;
  readonly run: TasksRun;
  /** Tasks whose sink refuses every write in this process. */
  readonly broken = new Set<number>();

  constructor(
    cluster: Cluster,
    readonly name: string,
    random: Random,
  ) {
    const process = new Process(cluster.clock, random);
    this.process = process;
    this.run = cluster.worker(name, {
      assigner: process.assigner(cluster.group.assigner(name)),
      store: ({ partition }) => process.store(cluster.store(partition)),
      build: (task) => {
        const sink = process.sink(cluster.sink(task.partition));
        return cluster.pipeline(task, this.#breakable(sink, task.partition), process.clock);
      },
      clock: process.clock,
      restart: { firstMs: 50, maxMs: 400 },
      timeouts: { stopMs: 500, closeMs: 200, startMs: 300 },
      checkpoint: {
        intervalMs: 50,
        timeouts: { commitMs: 200, callMs: 200, preCommitMs: 200, persistMs: 200 },
      },
    });
  }

  #breakable(sink: TwoPhaseSink<Total>, partition: number): TwoPhaseSink<Total> {
    return {
      durability: 'durable',
      openReadOnly: (identity, options) => sink.openReadOnly(identity, options),
      open: async (owner, options) => {
        if (this.broken.has(partition)) throw new Error('the table is gone');
        return sink.open(owner, options);
      },
    };
  }
}

/** Every output is the beginning of what it has to be: nothing twice, nothing left out, no wrong sum. */
function requirePrefixes(cluster: Cluster, partitions: number, when: string): void {
  for (let partition = 0; partition < partitions; partition += 1) {
    const { records } = cluster.sink(partition);
    const expected = cluster.expected(partition).slice(0, records.length);
    expect([when, partition, records]).toEqual([when, partition, expected]);
  }
}

/** Time goes on until everything is there, or far too long. */
async function untilComplete(cluster: Cluster, partitions: number, when: string): Promise<void> {
  const isComplete = (): boolean =>
    Array.from({ length: partitions }, (_, partition) => partition).every(
      (one) => cluster.sink(one).records.length >= cluster.input(one).length,
    );
  for (let passed = 0; passed < 20_000 && !isComplete(); passed += 100) await cluster.pass(100);
  requirePrefixes(cluster, partitions, when);
  for (let partition = 0; partition < partitions; partition += 1) {
    const missing = cluster.input(partition).length - cluster.sink(partition).records.length;
    expect([when, partition, missing]).toEqual([when, partition, 0]);
  }
}

const steps: readonly StepName[] = [
  ...(['barrier', 'snapshot', 'pre-commit', 'persist', 'commit', 're-save'] as const),
];

type Move = 'revoke' | 'lose' | 'two owners' | 'kill' | 'stand still' | 'assign late';
const moves: readonly Move[] = [
  ...(['revoke', 'lose', 'two owners', 'kill', 'stand still', 'assign late'] as const),
];

describe.each(moves)('a task that moves by %s', (move) => {
  test.each(steps)('in the step %s', async (step) => {
    for (const occurrence of [1, 3]) {
      const cluster = new Cluster(1);
      const when = `${move} in ${step}#${occurrence}`;
      const random = seededRandom(occurrence);
      const one = new Worker(cluster, 'one', random);
      new Worker(cluster, 'two', random);
      let met = 0;
      const moved = { yet: false };
      one.run.events.on('task-prepared', ({ coordinator }) => {
        coordinator.events.on('step-started', (started) => {
          if (started.step !== step || moved.yet) return;
          met += 1;
          if (met < occurrence) return;
          moved.yet = true;
          begin(cluster, one, move);
        });
      });
      cluster.feed(0, 40);
      cluster.group.assign('one', [0]);
      for (let passed = 0; passed < 5_000 && !moved.yet; passed += 10) await cluster.pass(10);
      expect([when, moved.yet]).toEqual([when, true]);
      cluster.feed(0, 8);
      await cluster.pass(150);
      requirePrefixes(cluster, 1, when);
      end(cluster, one, move);
      await untilComplete(cluster, 1, when);
      expect([when, cluster.stateOf('two', 0)]).toEqual([when, 'running']);
    }
  });
});

function begin(cluster: Cluster, one: Worker, move: Move): void {
  const { group } = cluster;
  switch (move) {
    case 'revoke':
      void group.revoke('one', [0]).then(() => group.assign('two', [0]));
      break;
    case 'lose':
      group.lose('one', [0]);
      group.assign('two', [0]);
      break;
    case 'two owners':
    case 'assign late':
      group.assign('two', [0]);
      break;
    case 'kill':
      one.process.kill();
      group.forget('one');
      group.assign('two', [0]);
      break;
    case 'stand still':
      one.process.stop();
      group.assign('two', [0]);
  }
}

function end(cluster: Cluster, one: Worker, move: Move): void {
  const { group } = cluster;
  if (move === 'two owners' || move === 'assign late') group.lose('one', [0]);
  if (move === 'assign late') group.assign('two', [0]);
  if (move !== 'stand still') return;
  one.process.resume();
  group.lose('one', [0]);
}

describe('processes that come and go', () => {
  test.each([1, 2, 3, 4])('write every record once, by seed %i', async (seed) => {
    const partitions = 3;
    const random = seededRandom(seed);
    const cluster = new Cluster(partitions);
    const pick = <Value>(values: readonly Value[]): Value =>
      values[Math.floor(random.next() * values.length)]!;
    const workers = new Map<string, Worker>();
    const add = (): void => {
      const name = `w${cluster.workers.size}`;
      workers.set(name, new Worker(cluster, name, random));
    };
    for (let count = 0; count < 3; count += 1) add();
    await cluster.pass(10);
    const acts: Readonly<Record<string, (worker: Worker, task: number) => void>> = {
      assign: ({ name }, task) => cluster.group.assign(name, [task]),
      revoke: ({ name }, task) => void cluster.group.revoke(name, [task]),
      lose: ({ name }, task) => cluster.group.lose(name, [task]),
      kill: ({ name, process }) => {
        process.kill();
        cluster.group.forget(name);
        workers.delete(name);
        add();
      },
      stop: ({ process }) => process.stop(),
      resume: ({ process }) => process.resume(),
      break: ({ broken }, task) => void broken.add(task),
      mend: ({ broken }) => broken.clear(),
      end: ({ name, run }) => {
        void run.stop();
        workers.delete(name);
        add();
      },
    };
    const log: string[] = [];
    for (let act = 0; act < 60; act += 1) {
      const [kind, worker] = [pick(weighted), pick([...workers.values()])];
      const task = Math.floor(random.next() * partitions);
      log.push(`${kind} ${worker.name} ${task}`);
      acts[kind]?.(worker, task);
      cluster.feed(task, Math.floor(random.next() * 4));
      await cluster.pass(Math.floor(random.next() * 12) * 10);
      requirePrefixes(cluster, partitions, `seed ${seed}: ${log.join(', ')}`);
    }
    const [last] = [...workers.values()];
    for (const { process, broken, name } of workers.values()) {
      broken.clear();
      process.resume();
      if (name !== last!.name) cluster.group.lose(name, [0, 1, 2]);
    }
    cluster.group.assign(last!.name, [0, 1, 2]);
    await untilComplete(cluster, partitions, `seed ${seed}: ${log.join(', ')}`);
  });
});

const weighted = [
  ...['assign', 'assign', 'assign', 'assign', 'revoke', 'lose', 'lose', 'kill', 'stop', 'resume'],
  ...['resume', 'break', 'mend', 'end'],
];
