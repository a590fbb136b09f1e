import { describe, expect, test } from '@jest/globals';
import { Pipeline, TidegateError } from 'tidegate';
import type { TwoPhaseSink } from 'tidegate/extend';
import { runTasks } from 'tidegate/tasks';
import type { TasksEvents } from 'tidegate/tasks';
import { untilDone } from '../pipeline/support.js';
import { Cluster, type Total } from './kit.js';

async function stopAll(cluster: Cluster): Promise<void> {
  const stops = [...cluster.workers.values()].map((run) => run.stop().catch(() => undefined));
  await untilDone(cluster.clock, Promise.all(stops));
}

describe('a run of tasks', () => {
  test('runs what is assigned to it, each task with names of its own, and nothing else', async () => {
    const cluster = new Cluster(4);
    for (let partition = 0; partition < 4; partition += 1) cluster.feed(partition, 10);
    const names: string[] = [];
    const run = cluster.worker('one', {
      build: (task) => {
        names.push(task.name('orders'));
        return cluster.pipeline(task);
      },
    });
    expect(run.status()).toEqual({ phase: 'joining', partitions: undefined, tasks: [] });
    cluster.group.assign('one', [1, 3]);
    await cluster.pass(400);
    expect(names).toEqual(['orders#1', 'orders#3']);
    expect(run.status()).toMatchObject({
      phase: 'running',
      partitions: 4,
      tasks: [
        { partition: 1, state: 'running', generation: 1, failures: 0, error: undefined },
        { partition: 3, state: 'running', generation: 1, failures: 0, error: undefined },
      ],
    });
    expect(cluster.sink(3).records).toEqual(cluster.expected(3));
    expect(cluster.sink(0).records).toEqual([]);
    await stopAll(cluster);
    expect(run.status()).toEqual({ phase: 'stopped', partitions: 4, tasks: [] });
    expect(cluster.group.members).toEqual([]);
  });

  test('a task that is revoked takes its state along: no record is read again, no sum is lost', async () => {
    const cluster = new Cluster(1);
    cluster.feed(0, 20);
    cluster.worker('one', { checkpoint: { intervalMs: 1_000_000 } });
    cluster.worker('two');
    cluster.group.assign('one', [0]);
    await cluster.pass(60);
    // No interval has passed: only the final checkpoint can hold what was read.
    expect(cluster.sink(0).records).toEqual([]);
    await untilDone(cluster.clock, cluster.group.revoke('one', [0]));
    const handedOver = cluster.sink(0).records.length;
    expect(handedOver).toBeGreaterThan(0);
    expect(cluster.states('one', 0)).toEqual([
      'waiting',
      'starting',
      'running',
      'stopping',
      'idle',
    ]);
    cluster.group.assign('two', [0]);
    await cluster.pass(500);
    expect(cluster.sink(0).records).toEqual(cluster.expected(0));
    expect(cluster.stateOf('two', 0)).toBe('running');
    await stopAll(cluster);
  });

  test('a task that is lost ends at once and commits nothing of what it read last', async () => {
    const cluster = new Cluster(1);
    cluster.feed(0, 20);
    cluster.worker('one', { checkpoint: { intervalMs: 1_000_000 } });
    cluster.worker('two');
    cluster.group.assign('one', [0]);
    await cluster.pass(60);
    cluster.group.lose('one', [0]);
    await cluster.pass(20);
    expect(cluster.states('one', 0)).toEqual(['waiting', 'starting', 'running', 'closing', 'idle']);
    expect(cluster.sink(0).records).toEqual([]);
    cluster.group.assign('two', [0]);
    await cluster.pass(500);
    expect(cluster.sink(0).records).toEqual(cluster.expected(0));
    await stopAll(cluster);
  });

  test('two owners of one task at once: one commits, the other is fenced and comes back with growing pauses', async () => {
    const cluster = new Cluster(1);
    const one = cluster.worker('one');
    const two = cluster.worker('two');
    cluster.group.assign('one', [0]);
    await cluster.pass(100);
    cluster.group.assign('two', [0]);
    for (let round = 0; round < 30; round += 1) {
      cluster.feed(0, 3);
      await cluster.pass(300);
    }
    cluster.group.lose('one', [0]);
    await cluster.pass(20_000);
    expect(cluster.sink(0).records).toEqual(cluster.expected(0));
    const fenced = cluster.seen
      .filter(({ event }) => event === 'task-fenced')
      .map(({ what }) => what as TasksEvents['task-fenced'][0]);
    expect(fenced.length).toBeGreaterThanOrEqual(3);
    expect(cluster.seen.filter(({ event }) => event === 'task-failed')).toEqual([]);
    const pauses = fenced.map(({ failures, pauseMs }) => pauseMs / 500 / 2 ** (failures - 1));
    for (const share of pauses) {
      expect(share).toBeGreaterThanOrEqual(0.5);
      expect(share).toBeLessThanOrEqual(1);
    }
    expect(one.status().tasks).toEqual([]);
    expect(two.status().tasks).toMatchObject([{ state: 'running' }]);
    await stopAll(cluster);
  });

  test('a fenced task starts again at once when the assigner says again that it is ours', async () => {
    const cluster = new Cluster(1);
    cluster.worker('one', { restart: { firstMs: 1_000_000, maxMs: 1_000_000 } });
    cluster.worker('two');
    cluster.group.assign('one', [0]);
    await cluster.pass(100);
    cluster.group.assign('two', [0]);
    cluster.feed(0, 5);
    await cluster.pass(200);
    expect(cluster.stateOf('one', 0)).toBe('backing-off');
    cluster.group.lose('two', [0]);
    cluster.group.assign('one', [0]);
    await cluster.pass(200);
    expect(cluster.stateOf('one', 0)).toBe('running');
    cluster.feed(0, 5);
    await cluster.pass(500);
    expect(cluster.sink(0).records).toEqual(cluster.expected(0));
    await stopAll(cluster);
  });

  test('a fenced task that is lost before its pause is over does not start again', async () => {
    const cluster = new Cluster(1);
    cluster.worker('one', { restart: { firstMs: 1_000, maxMs: 1_000 } });
    cluster.worker('two');
    cluster.group.assign('one', [0]);
    await cluster.pass(100);
    cluster.group.assign('two', [0]);
    cluster.feed(0, 5);
    await cluster.pass(200);
    expect(cluster.stateOf('one', 0)).toBe('backing-off');
    cluster.group.lose('one', [0]);
    expect(cluster.stateOf('one', 0)).toBeUndefined();
    await cluster.pass(2_000);
    expect(cluster.states('one', 0).slice(-2)).toEqual(['backing-off', 'idle']);
    expect(cluster.seen.filter(({ event }) => event === 'task-fenced')).toHaveLength(1);
    await stopAll(cluster);
  });

  test('the store of a task is taken over from an owner that seems alive', async () => {
    const cluster = new Cluster(1);
    const policies: unknown[] = [];
    cluster.worker('one', {
      store: ({ partition }) => {
        const store = cluster.store(partition);
        const open: typeof store.open = (options) => {
          policies.push(options.liveOwner);
          return store.open(options);
        };
        return { open, openReadOnly: () => store.openReadOnly() };
      },
    });
    cluster.group.assign('one', [0]);
    await cluster.pass(100);
    expect(policies).toEqual(['take-over']);
    await stopAll(cluster);
  });

  test('a task that is assigned again while it ends is started again when it has ended', async () => {
    const cluster = new Cluster(1);
    cluster.feed(0, 10);
    cluster.worker('one');
    cluster.group.assign('one', [0]);
    await cluster.pass(60);
    const given = cluster.group.revoke('one', [0]);
    cluster.group.assign('one', [0]);
    await untilDone(cluster.clock, given);
    await cluster.pass(500);
    expect(cluster.states('one', 0)).toEqual([
      ...['waiting', 'starting', 'running', 'stopping'],
      ...['waiting', 'starting', 'running'],
    ]);
    expect(cluster.sink(0).records).toEqual(cluster.expected(0));
    await stopAll(cluster);
  });

  test('a task that fails again and again is reported, with growing pauses, and the others go on', async () => {
    const cluster = new Cluster(2);
    for (const partition of [0, 1]) cluster.feed(partition, 10);
    const run = cluster.worker('one', {
      build: (task) => {
        if (task.partition === 0) throw new TidegateError('TIDEGATE_PIPELINE', 'no such table');
        return cluster.pipeline(task);
      },
    });
    cluster.group.assign('one', [0, 1]);
    await cluster.pass(5_000);
    expect(cluster.sink(1).records).toEqual(cluster.expected(1));
    const failed = cluster.seen
      .filter(({ event }) => event === 'task-failed')
      .map(({ what }) => what as TasksEvents['task-failed'][0]);
    expect(failed.map(({ failures }) => failures)).toEqual([1, 2, 3, 4]);
    expect(failed.every(({ partition }) => partition === 0)).toBe(true);
    expect(failed[3]!.pauseMs).toBeGreaterThan(failed[0]!.pauseMs);
    const plain: unknown = JSON.parse(JSON.stringify(run));
    expect(plain).toMatchObject({
      phase: 'running',
      tasks: [
        { partition: 0, state: 'backing-off', error: { code: 'TIDEGATE_PIPELINE' } },
        { partition: 1, state: 'running' },
      ],
    });
    await stopAll(cluster);
  });

  test('with failFast the first failure ends the run, and the other tasks with a final checkpoint', async () => {
    const cluster = new Cluster(2);
    cluster.feed(1, 10);
    let isBroken = false;
    const run = cluster.worker('one', {
      failFast: true,
      checkpoint: { intervalMs: 1_000_000 },
      build: (task) => {
        if (isBroken) throw new Error('the table is gone');
        return cluster.pipeline(task);
      },
    });
    const ended = run.done.catch((error: unknown) => error);
    cluster.group.assign('one', [1]);
    await cluster.pass(100);
    isBroken = true;
    cluster.group.assign('one', [0]);
    expect(await untilDone(cluster.clock, ended)).toMatchObject({ message: 'the table is gone' });
    expect(cluster.sink(1).records).toEqual(cluster.expected(1));
  });

  test('with failFast an overtaken task starts again all the same', async () => {
    const cluster = new Cluster(1);
    const run = cluster.worker('one', { failFast: true });
    cluster.worker('two');
    cluster.group.assign('one', [0]);
    await cluster.pass(100);
    cluster.group.assign('two', [0]);
    cluster.feed(0, 5);
    await cluster.pass(200);
    expect(run.status()).toMatchObject({ phase: 'running', tasks: [{ state: 'backing-off' }] });
    await stopAll(cluster);
  });

  test('a stop is bounded: a sink that hangs is closed, and what it had is committed by the next owner', async () => {
    const cluster = new Cluster(1);
    cluster.feed(0, 10);
    const hanging = neverPreCommits(cluster.sink(0));
    const run = cluster.worker('one', {
      build: (task) => cluster.pipeline(task, hanging),
      timeouts: { stopMs: 2_000, closeMs: 500 },
      checkpoint: { intervalMs: 1_000_000 },
    });
    cluster.group.assign('one', [0]);
    await cluster.pass(100);
    const before = cluster.clock.monotonicMs();
    await untilDone(cluster.clock, run.stop());
    expect(cluster.clock.monotonicMs() - before).toBeLessThanOrEqual(2_500);
    expect(cluster.states('one', 0).slice(-3)).toEqual(['stopping', 'closing', 'idle']);
    cluster.worker('two');
    cluster.group.assign('two', [0]);
    await cluster.pass(500);
    expect(cluster.sink(0).records).toEqual(cluster.expected(0));
    await stopAll(cluster);
  });

  test('a stop while the assigner does not answer ends the wait', async () => {
    const cluster = new Cluster(1);
    const run = cluster.worker('one', {
      assigner: { join: () => new Promise(() => undefined) },
    });
    await untilDone(cluster.clock, run.stop());
    expect(run.status().phase).toBe('stopped');
  });

  test('an assigner that cannot be joined ends the run with its error', async () => {
    const cluster = new Cluster(1);
    const refused = new TidegateError('TIDEGATE_KAFKA_RIGHTS', 'not authorized to read group g');
    const run = cluster.worker('one', { assigner: { join: () => Promise.reject(refused) } });
    await expect(run.done).rejects.toBe(refused);
  });

  test('further tasks than maxTasks wait for a free place', async () => {
    const cluster = new Cluster(3);
    cluster.worker('one', { maxTasks: 2 });
    cluster.group.assign('one', [0, 1, 2]);
    await cluster.pass(100);
    expect([0, 1, 2].map((one) => cluster.stateOf('one', one))).toEqual([
      ...['running', 'running', 'waiting'],
    ]);
    cluster.group.lose('one', [0]);
    await cluster.pass(100);
    expect([1, 2].map((one) => cluster.stateOf('one', one))).toEqual(['running', 'running']);
    await stopAll(cluster);
  });

  test('a start that takes long gives its place to the next one', async () => {
    const cluster = new Cluster(2);
    const slow = cluster.sink(0);
    cluster.worker('one', {
      maxStarts: 1,
      timeouts: { startMs: 300 },
      build: (task) =>
        cluster.pipeline(
          task,
          task.partition === 0
            ? { ...slow, durability: 'durable', open: () => new Promise(() => undefined) }
            : cluster.sink(1),
        ),
    });
    cluster.group.assign('one', [0, 1]);
    await cluster.pass(200);
    expect(cluster.stateOf('one', 1)).toBe('starting');
    await cluster.pass(400);
    expect(cluster.stateOf('one', 0)).toBe('starting');
    expect(cluster.stateOf('one', 1)).toBe('running');
    await stopAll(cluster);
  });

  test('a pipeline without the partition in its name is a failure that says what to name it', async () => {
    const cluster = new Cluster(2);
    const run = cluster.worker('one', {
      failFast: true,
      build: () => new Pipeline('orders'),
    });
    const ended = run.done.catch((error: unknown) => error);
    cluster.group.assign('one', [1]);
    expect(await untilDone(cluster.clock, ended)).toMatchObject({
      code: 'TIDEGATE_TASKS_NAME',
      message: 'the pipeline of task 1 is named orders: name it orders#1',
    });
  });

  test('options that do not fit are refused in one message', () => {
    expect(() => runTasks({ store: 1, maxTasks: 0, timeouts: { stopMs: 'x' } } as never)).toThrow(
      /assigner is missing.*store is of type number.*build is missing.*maxTasks is 0.*timeouts\.stopMs/s,
    );
  });

  test('a listener that throws is logged and changes nothing', async () => {
    const cluster = new Cluster(1);
    cluster.feed(0, 4);
    const run = cluster.worker('one');
    run.events.on('task-changed', () => {
      throw new Error('a listener of the user');
    });
    cluster.group.assign('one', [0]);
    await cluster.pass(300);
    expect(cluster.sink(0).records).toEqual(cluster.expected(0));
    await stopAll(cluster);
  });
});

describe('the number of partitions', () => {
  async function once(cluster: Cluster, tasks: readonly number[]): Promise<unknown> {
    const name = `worker-${cluster.workers.size}`;
    const run = cluster.worker(name);
    const ended = run.done.catch((error: unknown) => error);
    cluster.group.assign(name, tasks);
    await cluster.pass(300);
    void run.stop().catch(() => undefined);
    return untilDone(cluster.clock, ended);
  }

  test('is recorded by every task, and another one is refused, naming both', async () => {
    const cluster = new Cluster(4);
    cluster.feed(2, 4);
    expect(await once(cluster, [2])).toBeUndefined();
    expect(await once(cluster, [2])).toBeUndefined();
    cluster.group.partitions = 6;
    expect(await once(cluster, [2])).toMatchObject({
      code: 'TIDEGATE_TASKS_PARTITIONS',
      message: 'the checkpoints of task 2 have 4 partitions, and the inputs have 6 now',
      details: { recorded: 4, partitions: 6 },
    });
  });

  test('is refused by a task of an added partition too, which has no checkpoint of its own', async () => {
    const cluster = new Cluster(4);
    expect(await once(cluster, [2])).toBeUndefined();
    cluster.group.partitions = 6;
    expect(await once(cluster, [5])).toMatchObject({
      code: 'TIDEGATE_TASKS_PARTITIONS',
      message: 'the checkpoints of task 2 have 4 partitions, and the inputs have 6 now',
    });
    expect(cluster.sink(5).records).toEqual([]);
  });

  test('ends a run when it changes while the run goes on', async () => {
    const cluster = new Cluster(4);
    const run = cluster.worker('one');
    const ended = run.done.catch((error: unknown) => error);
    cluster.group.assign('one', [0, 1]);
    await cluster.pass(100);
    cluster.group.partitions = 5;
    cluster.group.assign('one', [4]);
    expect(await untilDone(cluster.clock, ended)).toMatchObject({
      code: 'TIDEGATE_TASKS_PARTITIONS',
      message: 'this run began with 4 partitions, and the inputs have 5 now',
    });
  });
});

function neverPreCommits(sink: TwoPhaseSink<Total>): TwoPhaseSink<Total> {
  return {
    durability: 'durable',
    openReadOnly: (identity, options) => sink.openReadOnly(identity, options),
    open: async (owner, options) => ({
      ...(await sink.open(owner, options)),
      preCommit: () => new Promise(() => undefined),
    }),
  };
}
