// A stop at any moment: within a second while something is down, and never in the middle of a batch.

import { describe, expect, test } from '@jest/globals';
import {
  CheckpointCoordinator,
  MemoryCheckpointStore,
  TidegateError,
  jsonState,
  memorySink,
} from 'tidegate';
import type { CheckpointSettings, CoordinatorOptions, MemorySink } from 'tidegate';
import { SimulatedClock } from 'tidegate/testing';
import { toError } from '../../src/errors.js';
import { Harness } from './support/harness.js';
import { ManualPort, passEverything } from './support/manual-port.js';
import { fails, never } from './support/scripted-sink.js';

const down = new TidegateError('TIDEGATE_STORE_IO', 'connect ECONNREFUSED');

/** A coordinator whose dataflow takes every cut at once. */
function driven(more: Partial<CoordinatorOptions> = {}, checkpoint: CheckpointSettings = {}) {
  const port = new ManualPort();
  port.onInject = (barrier, listener) => {
    passEverything(barrier, listener, { next: 0, sinks: ['left', 'right'] });
  };
  return { port, harness: new Harness({ more: { barriers: port, ...more }, checkpoint }) };
}

/** How long it takes, and what it rejects with. */
async function stopped(harness: Harness): Promise<{ ms: number; error: Error | undefined }> {
  const from = harness.clock.monotonicMs();
  const error = await harness
    .settle(harness.coordinator.stop())
    .then(() => undefined)
    .catch(toError);
  return { ms: harness.clock.monotonicMs() - from, error };
}

async function untilWaiting(harness: Harness): Promise<void> {
  const waiting = new Promise<void>((resolve) => {
    harness.coordinator.events.once('recovery-waiting', () => resolve());
  });
  await harness.settle(waiting);
}

describe('a stop while something is down ends within a second', () => {
  test('at the start, and the start says what it waited for', async () => {
    const { harness } = driven();
    harness.faults.beforeNextGeneration = () => {
      throw down;
    };
    harness.sink('left').always.set('open', fails('the server is down'));
    const starting = harness.settle(harness.coordinator.start()).catch(toError);
    await untilWaiting(harness);

    const { ms, error } = await stopped(harness);

    expect(error).toBeUndefined();
    expect(ms).toBeLessThan(1_000);
    expect(await starting).toMatchObject({ code: 'TIDEGATE_RECOVERY_ABORTED' });
  });

  test('in a recovery in process, which is reported as a missing final checkpoint', async () => {
    const { harness, port } = driven();
    await harness.start();
    await port.write([1]);
    harness.faults.beforeNextGeneration = () => {
      throw down;
    };
    port.flows.at(-1)?.failed?.(new Error('the source has gone'));
    await untilWaiting(harness);

    const { ms, error } = await stopped(harness);

    expect(ms).toBeLessThan(1_000);
    expect(error).toMatchObject({
      code: 'TIDEGATE_FINAL_CHECKPOINT',
      cause: { message: 'the source has gone' },
    });
  });

  test('in a recovery that does not answer, after what is left of a second', async () => {
    const { harness, port } = driven();
    await harness.start();
    await port.write([1]);
    harness.faults.beforeNextGeneration = never;
    port.flows.at(-1)?.failed?.(new Error('the source has gone'));
    await harness.clock.settle();

    const { ms, error } = await stopped(harness);

    expect(ms).toBeLessThanOrEqual(1_500);
    expect(error).toMatchObject({ code: 'TIDEGATE_FINAL_CHECKPOINT' });
  });

  test.each([
    ['before the stop', true],
    ['under it', false],
  ])('in a commit that is tried again and again, from %s', async (_when, isBefore) => {
    const { harness, port } = driven();
    await harness.start();
    await port.write([1]);
    harness.sink('right').always.set('commit', fails('the server is down'));
    if (isBefore) {
      void harness.coordinator.checkpoint();
      await harness.clock.advance(500);
    }

    const { ms, error } = await stopped(harness);

    expect(ms).toBeLessThan(1_000);
    expect(error).toMatchObject({ code: 'TIDEGATE_FINAL_CHECKPOINT' });
    expect(error?.message).toContain('the server is down');
    expect(harness.sink('left').visible).toEqual([1]);
  });

  test('and goes on to its final checkpoint when the server comes back in time', async () => {
    const { harness, port } = driven();
    await harness.start();
    await port.write([1]);
    harness.sink('right').next('commit', fails('a moment'));

    expect((await stopped(harness)).error).toBeUndefined();
    expect(harness.sink('right').visible).toEqual([1]);
  });
});

test('a stop while a healthy recovery is under way waits for it and takes its final checkpoint', async () => {
  const { harness, port } = driven();
  await harness.start();
  await port.write([1]);
  port.flows.at(-1)?.failed?.(new Error('once'));
  await Promise.resolve();
  expect((await stopped(harness)).error).toBeUndefined();
  expect(harness.names().filter((name) => name === 'recovery-ended')).toHaveLength(2);
});

/** A loop over batches, whose source is behind a batch only when the next one is asked for. */
class BatchLoop {
  readonly clock = new SimulatedClock();
  readonly sink = memorySink<number>();
  readonly store = new MemoryCheckpointStore();
  readonly coordinator: CheckpointCoordinator<{ readonly out: MemorySink<number> }>;
  total = 0;
  #done = 0;

  constructor() {
    this.coordinator = new CheckpointCoordinator({
      pipeline: 'batches',
      store: this.store,
      clock: this.clock,
      sources: {
        batches: {
          position: () => ({ done: String(this.#done) }),
          restore: ({ done }) => void (this.#done = Number(done ?? 0)),
        },
      },
      operators: {
        total: jsonState(
          () => this.total,
          (saved) => void (this.total = saved),
        ),
      },
      sinks: { out: this.sink },
      checkpoint: { intervalMs: 0, timeouts: { alignmentMs: 2_000 } },
    });
  }

  /** One batch of three, record by record, with time between them. */
  async batch(betweenMs: number): Promise<void> {
    const { sinks } = await this.coordinator.safePoint();
    for (const number of [1, 2, 3]) {
      this.total += number;
      await sinks.out.write([number]);
      await new Promise<void>((resolve) => void this.clock.setTimer(resolve, betweenMs));
    }
    // The next one is asked for.
    this.#done += 1;
  }

  /** The same, which writes only at its end. */
  async quietBatch(betweenMs: number): Promise<void> {
    const { sinks } = await this.coordinator.safePoint();
    for (const number of [1, 2, 3]) {
      this.total += number;
      await new Promise<void>((resolve) => void this.clock.setTimer(resolve, betweenMs));
    }
    await sinks.out.write([1, 2, 3]);
    this.#done += 1;
  }

  until<Value>(work: Promise<Value>): Promise<Value> {
    return this.clock.until(work);
  }
}

describe('a stop from a timer', () => {
  test('in the middle of a batch waits for the next safe point: the batch is committed whole', async () => {
    const loop = new BatchLoop();
    await loop.until(loop.coordinator.start());
    let stopping: Promise<void> | undefined;
    loop.clock.setTimer(() => void (stopping = loop.coordinator.stop()), 150);

    await loop.until(loop.batch(100));
    const after = loop.batch(100).catch(toError);
    await loop.until(stopping!);

    expect(loop.sink.records).toEqual([1, 2, 3]);
    expect(await loop.until(after)).toMatchObject({ code: 'TIDEGATE_LIFECYCLE' });
    const [newest] = await (await loop.store.openReadOnly()).list();
    expect(newest?.manifest?.sourceOffsets.get('batches')?.offsets.get('done')).toBe('1');
  });

  test('says so when no safe point comes within the bound, and commits nothing of the batch', async () => {
    const loop = new BatchLoop();
    await loop.until(loop.coordinator.start());
    let stopping: Promise<unknown> | undefined;
    loop.clock.setTimer(() => void (stopping = loop.coordinator.stop().catch(toError)), 150);

    void loop.batch(10_000);
    await loop.clock.advance(200);

    expect(await loop.until(stopping!)).toMatchObject({
      code: 'TIDEGATE_FINAL_CHECKPOINT',
      message: expect.stringContaining('in the middle of a batch') as unknown,
      cause: { code: 'TIDEGATE_LIFECYCLE' },
    });
    expect(loop.sink.records).toEqual([]);
  });

  test('before anything of the batch was written waits as well: its state would be half', async () => {
    const loop = new BatchLoop();
    await loop.until(loop.coordinator.start());
    let stopping: Promise<void> | undefined;
    loop.clock.setTimer(() => void (stopping = loop.coordinator.stop()), 150);

    await loop.until(loop.quietBatch(100));
    const after = loop.quietBatch(100).catch(toError);
    await loop.until(stopping!);

    expect(loop.sink.records).toEqual([1, 2, 3]);
    expect(await loop.until(after)).toMatchObject({ code: 'TIDEGATE_LIFECYCLE' });
  });

  test('of a loop that ended at a safe point takes its final checkpoint after a second', async () => {
    const loop = new BatchLoop();
    await loop.until(loop.coordinator.start());
    await loop.until(loop.batch(1));
    await loop.until(loop.coordinator.safePoint());
    await loop.clock.advance(10);
    const from = loop.clock.monotonicMs();
    await loop.until(loop.coordinator.stop());
    expect(loop.clock.monotonicMs() - from).toBe(1_000);
    expect(loop.sink.records).toEqual([1, 2, 3]);
  });

  test('right behind a safe point is at it', async () => {
    const loop = new BatchLoop();
    await loop.until(loop.coordinator.start());
    await loop.until(loop.batch(1));
    const from = loop.clock.monotonicMs();
    const ending = async (): Promise<void> => {
      await loop.coordinator.safePoint();
      await loop.coordinator.stop();
    };
    await loop.until(ending());
    expect(loop.clock.monotonicMs()).toBe(from);
    expect(loop.sink.records).toEqual([1, 2, 3]);
  });

  test('of a loop that has ended, or has not begun, takes its final checkpoint at once', async () => {
    const loop = new BatchLoop();
    await loop.until(loop.coordinator.start());
    await loop.until(loop.batch(1));
    await loop.until(loop.coordinator.stop());
    expect(loop.sink.records).toEqual([1, 2, 3]);

    const idle = new BatchLoop();
    await idle.until(idle.coordinator.start());
    await idle.until(idle.coordinator.stop());
    expect(idle.coordinator.status().phase).toBe('stopped');
  });
});

describe('what was prepared for no manifest', () => {
  test('is rolled back by a halt', async () => {
    const { harness, port } = driven({}, { tolerableFailures: 0 });
    await harness.start();
    await port.write([1]);
    harness.sink('right').next('preCommit', fails('no space'));
    await harness.settle(harness.coordinator.checkpoint());
    await harness.settle(harness.coordinator.done).catch(() => undefined);

    expect(harness.coordinator.status().phase).toBe('halted');
    expect(harness.sink('left').prepared.size).toBe(0);
  });

  test('is rolled back also when it was still under way', async () => {
    const { harness, port } = driven({}, { tolerableFailures: 0 });
    await harness.start();
    await port.write([1]);
    let prepare = (): void => undefined;
    const late = new Promise<void>((resolve) => (prepare = resolve));
    harness.sink('left').next('preCommit', () => late);
    harness.sink('right').next('preCommit', fails('no space'));
    await harness.settle(harness.coordinator.checkpoint());
    prepare();
    await harness.settle(harness.coordinator.done).catch(() => undefined);

    expect(harness.sink('left').prepared.size).toBe(0);
  });

  test('stays when the manifest may be there: only recovery may say', async () => {
    const { harness, port } = driven({}, { tolerableFailures: 0 });
    await harness.start();
    await port.write([1]);
    harness.faults.before = () => {
      throw down;
    };
    await harness.settle(harness.coordinator.checkpoint());
    await harness.settle(harness.coordinator.done).catch(() => undefined);

    expect(harness.coordinator.status().phase).toBe('halted');
    expect(harness.sink('left').prepared.size).toBe(1);
  });
});

test('a commit that never succeeds says why, in the message and among the causes', async () => {
  const { harness, port } = driven({}, { tolerableFailures: 0, timeouts: { commitMs: 1_000 } });
  await harness.start();
  await port.write([1]);
  harness.sink('right').always.set('commit', fails('the disk of the server is full'));

  const outcome = await harness.settle(harness.coordinator.checkpoint());

  expect(outcome).toMatchObject({ kind: 'failed', cause: { kind: 'unsettled', sinks: ['right'] } });
  const { cause } = harness.coordinator.status();
  expect(cause).toMatchObject({
    code: 'TIDEGATE_SINKS_UNSETTLED',
    message: 'not known to have committed: right: the disk of the server is full',
    cause: { message: 'the disk of the server is full' },
  });
});

test('a session that died of the first try is opened anew, and the next one commits', async () => {
  const { harness, port } = driven();
  await harness.start();
  await port.write([1]);
  const over = (): never => {
    throw new TidegateError('TIDEGATE_SINK_WRITE_FAILED', 'the session is over', {
      cause: new Error('no connection'),
    });
  };
  harness.sink('right').next('commit', fails('no connection'), over);
  const from = harness.clock.monotonicMs();

  await harness.settle(harness.coordinator.checkpoint());
  await harness.clock.advance(1_000);

  expect(harness.clock.monotonicMs() - from).toBeLessThan(2_000);
  expect(harness.coordinator.status()).toMatchObject({ phase: 'running', generation: 2 });
  expect(harness.sink('right').visible).toEqual([1]);
});

describe('who watches through inspect', () => {
  test('sees every state of both machines', async () => {
    const seen = new Set<string>();
    const { harness, port } = driven({
      inspect: (event) => {
        if (event.type !== '@xstate.snapshot') return;
        const { value } = event.snapshot as { value?: unknown };
        if (value !== undefined) seen.add(JSON.stringify(value));
      },
    });
    await harness.start();
    await port.write([1]);
    await harness.settle(harness.coordinator.checkpoint());
    await stopped(harness);
    for (const state of ['barrier', 'persist', 're-save', 'completed', 'stopped']) {
      expect(seen).toContain(`"${state}"`);
    }
    expect(seen).toContain('{"settling":"recovering"}');
    expect(seen).toContain('{"serving":"draining"}');
  });

  test('and throws is reported, and hurts nothing', async () => {
    const { harness, port } = driven({
      inspect: () => {
        throw new Error('the inspector has gone');
      },
    });
    await harness.start();
    await port.write([1]);
    expect((await harness.settle(harness.coordinator.checkpoint())).kind).toBe('completed');
    expect((await stopped(harness)).error).toBeUndefined();
  });
});
