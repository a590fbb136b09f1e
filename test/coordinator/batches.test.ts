// A loop over batches: nothing is lost or doubled in it, and it cannot be held wrong without being told.

import { describe, expect, test } from '@jest/globals';
import {
  CheckpointCoordinator,
  MemoryCheckpointStore,
  arraySource,
  jsonState,
  memorySink,
  pushSource,
} from 'tidegate';
import type { CoordinatorOptions } from 'tidegate';
import { seededRandom } from 'tidegate/extend';
import type { ReadableSource } from 'tidegate/extend';
import { SimulatedClock } from 'tidegate/testing';
import { flakySink, numbersTo } from '../pipeline/support.js';

const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });

function world(
  source: ReadableSource<number>,
  more: Partial<CoordinatorOptions> & { readonly store?: MemoryCheckpointStore } = {},
) {
  const clock = new SimulatedClock();
  const sink = memorySink<number>();
  const state = { sum: 0 };
  const coordinator = new CheckpointCoordinator({
    pipeline: 'numbers',
    store: more.store ?? new MemoryCheckpointStore(),
    sources: { numbers: source },
    operators: {
      sum: jsonState(
        () => state.sum,
        (saved) => void (state.sum = saved),
      ),
    },
    sinks: { out: sink },
    checkpoint: { intervalMs: 100 },
    clock,
    random: seededRandom(3),
    ...more,
  });
  const process = async (each?: (record: number) => void | Promise<void>): Promise<void> => {
    for await (const { records, sinks } of coordinator.batches(source)) {
      for (const record of records) {
        await each?.(record);
        state.sum += record;
        await sinks.out?.write([record]);
      }
    }
  };
  return { clock, sink, state, coordinator, process };
}

describe('a loop over batches', () => {
  test('processes each record once, and commits at the end of the input', async () => {
    const { clock, sink, state, coordinator, process } = world(
      arraySource(numbersTo(100), { batchRecords: 7 }),
    );
    await clock.until(coordinator.start());
    await clock.until(process());
    expect(sink.records).toEqual(numbersTo(100));
    expect(state.sum).toBe(4950);
    await clock.until(coordinator.stop());
    expect(coordinator.status().phase).toBe('stopped');
  });

  test('goes on in the next process behind what was committed', async () => {
    const store = new MemoryCheckpointStore();
    const numbers = () => arraySource(numbersTo(20), { batchRecords: 5 });
    const source = numbers();
    const first = world(source, { store });
    await first.clock.until(first.coordinator.start());
    await first.clock.until(
      (async () => {
        for await (const batch of first.coordinator.batches(source)) {
          await batch.sinks.out?.write(batch.records);
          if (batch.records.includes(7)) batch.end();
        }
      })(),
    );
    await first.clock.until(first.coordinator.stop());
    expect(first.sink.records).toEqual(numbersTo(10));
    const second = world(numbers(), { store, sinks: { out: first.sink } });
    await second.clock.until(second.coordinator.start());
    await second.clock.until(second.process());
    expect(first.sink.records).toEqual(numbersTo(20));
  });

  test.each(['write', 'preCommit', 'commit'] as const)(
    'that a failed %s puts back reads on behind the last checkpoint, and says so once',
    async (call) => {
      const sink = memorySink<number>();
      const { clock, state, coordinator, process } = world(
        arraySource(numbersTo(60), { batchRecords: 5 }),
        {
          sinks: { out: flakySink(sink, call, call === 'write' ? 17 : 1) },
          checkpoint: { intervalMs: 1 },
        },
      );
      await clock.until(coordinator.start());
      await clock.until(process());
      await clock.until(coordinator.stop());
      expect(sink.records).toEqual(numbersTo(60));
      expect(state.sum).toBe(1770);
    },
  );

  test('is told of a rewind with the first batch behind it', async () => {
    const sink = memorySink<number>();
    const source = arraySource(numbersTo(12), { batchRecords: 4 });
    const { clock, coordinator } = world(source, {
      sinks: { out: flakySink(sink, 'write', 2) },
      checkpoint: { intervalMs: 0 },
    });
    await clock.until(coordinator.start());
    const seen: unknown[] = [];
    await clock.until(
      (async () => {
        for await (const { records, sinks, rewound } of coordinator.batches(source)) {
          seen.push([records[0], rewound]);
          await sinks.out?.write(records);
        }
      })(),
    );
    expect(seen).toEqual([
      [0, false],
      [4, false],
      [0, true],
      [4, false],
      [8, false],
    ]);
    expect(sink.records).toEqual(numbersTo(12));
  });

  test('gets checkpoints while its input is quiet, with no timer of its own', async () => {
    const source = pushSource<number>({ start: { next: '0' }, seek: () => undefined });
    const { clock, sink, coordinator, process } = world(source);
    await clock.until(coordinator.start());
    const loop = process();
    await clock.until(source.push({ records: [1, 2], offsets: { next: '2' } }));
    await clock.advance(1_000);
    expect(sink.records).toEqual([1, 2]);
    source.end();
    await clock.until(loop);
  });

  test('is never cut in the middle of a batch, however long that takes', async () => {
    const source = arraySource(numbersTo(6), { batchRecords: 3 });
    const { clock, sink, coordinator } = world(source, { checkpoint: { intervalMs: 10 } });
    await clock.until(coordinator.start());
    const committed: number[] = [];
    coordinator.events.on('checkpoint-completed', () => committed.push(sink.records.length));
    await clock.until(
      (async () => {
        for await (const { records, sinks } of coordinator.batches(source)) {
          for (const record of records) {
            await sinks.out?.write([record]);
            await new Promise<void>((resolve) => void clock.setTimer(resolve, 50));
          }
        }
      })(),
    );
    expect(committed.every((count) => count % 3 === 0)).toBe(true);
    expect(sink.records).toEqual(numbersTo(6));
  });

  test('that a stop meets in a batch ends behind it, with everything committed', async () => {
    const source = arraySource(numbersTo(100), { batchRecords: 5 });
    const { clock, sink, coordinator, process } = world(source);
    await clock.until(coordinator.start());
    let stopped: Promise<void> | undefined;
    await clock.until(process((record) => void (record === 12 && (stopped = coordinator.stop()))));
    await clock.until(stopped ?? Promise.reject(new Error('it never stopped')));
    expect(sink.records).toEqual(numbersTo(15));
  });

  test('that a stop meets while it waits for input ends at once', async () => {
    const source = pushSource<number>({ start: {}, seek: () => undefined });
    const { clock, sink, coordinator, process } = world(source);
    await clock.until(coordinator.start());
    const loop = process();
    await clock.until(source.push({ records: [1], offsets: { next: '1' } }));
    await clock.until(coordinator.stop());
    await clock.until(loop);
    expect(sink.records).toEqual([1]);
  });

  test.each(['break', 'throw'])(
    'that is left by %s commits nothing of the batch in hand',
    async (how) => {
      const source = arraySource(numbersTo(20), { batchRecords: 5 });
      const { clock, sink, coordinator } = world(source, { checkpoint: { intervalMs: 0 } });
      await clock.until(coordinator.start());
      const left = (async () => {
        for await (const { records, sinks } of coordinator.batches(source)) {
          await sinks.out?.write(records);
          if (how === 'break') break;
          throw new Error('on purpose');
        }
      })();
      await clock.until(left.catch(() => undefined));
      const stop = clock.until(coordinator.stop());
      await expect(stop).rejects.toMatchObject({ code: 'TIDEGATE_FINAL_CHECKPOINT' });
      await expect(stop).rejects.toThrow('left in the middle of a batch');
      expect(sink.records).toEqual([]);
    },
  );

  test('that was left in a batch can be begun anew, behind the last checkpoint', async () => {
    const source = arraySource(numbersTo(20), { batchRecords: 5 });
    const { clock, sink, state, coordinator, process } = world(source, {
      checkpoint: { intervalMs: 0 },
    });
    await clock.until(coordinator.start());
    const once = process((record) => {
      if (record === 7) throw new Error('on purpose');
    });
    await expect(clock.until(once)).rejects.toThrow('on purpose');
    await clock.until(process());
    expect(sink.records).toEqual(numbersTo(20));
    expect(state.sum).toBe(190);
  });

  test('reads several sources, the one that has waited longest first', async () => {
    const sink = memorySink<string>();
    const left = arraySource(['a', 'b', 'c'], { batchRecords: 1 });
    const right = arraySource(['x', 'y', 'z'], { batchRecords: 1 });
    const clock = new SimulatedClock();
    const coordinator = new CheckpointCoordinator({
      pipeline: 'letters',
      store: new MemoryCheckpointStore(),
      sources: { left, right },
      sinks: { out: sink },
      clock,
    });
    await clock.until(coordinator.start());
    const names: string[] = [];
    await clock.until(
      (async () => {
        for await (const { source, records, sinks } of coordinator.batches(left, right)) {
          names.push(source);
          await sinks.out.write(records);
        }
      })(),
    );
    expect(names.join()).toBe('left,right,left,right,left,right');
    expect([...sink.records].sort()).toEqual(['a', 'b', 'c', 'x', 'y', 'z']);
  });

  test('waits for a source whose reading meets a refused connection, and tells it by events', async () => {
    const inner = arraySource(numbersTo(30), { batchRecords: 5 });
    let failures = 0;
    const source: ReadableSource<number> = {
      position: () => inner.position(),
      restore: (offsets, options) => inner.restore(offsets, options),
      async *read(options) {
        for await (const batch of inner.read(options)) {
          yield batch;
          failures += 1;
          if (failures % 3 !== 0 && failures < 9) throw refused;
        }
      },
    };
    const { clock, sink, coordinator, process } = world(source);
    const told: string[] = [];
    coordinator.events.on('source-waiting', () => told.push('waiting'));
    coordinator.events.on('source-back', () => told.push('back'));
    coordinator.events.on('recovery-started', ({ occasion }) => told.push(occasion));
    await clock.until(coordinator.start());
    await clock.until(process());
    expect(sink.records).toEqual(numbersTo(30));
    expect(told.filter((one) => one === 'waiting').length).toBeGreaterThan(2);
    expect(told).toContain('back');
    expect(told).not.toContain('in-process');
  });

  test('halts when its source stays away for as long as a sink may', async () => {
    const source: ReadableSource<number> = {
      position: () => ({ next: '0' }),
      restore: () => undefined,
      // eslint-disable-next-line require-yield
      async *read() {
        await Promise.resolve();
        throw refused;
      },
    };
    const { clock, coordinator, process } = world(source);
    await clock.until(coordinator.start());
    const startedAtMs = clock.monotonicMs();
    await expect(clock.until(process())).rejects.toMatchObject({
      code: 'TIDEGATE_HALTED',
      cause: { code: 'TIDEGATE_SOURCE_UNANSWERED' },
    });
    expect(clock.monotonicMs() - startedAtMs).toBeGreaterThan(580_000);
  });

  test('refuses what would cut in a batch, or read beside it', async () => {
    const source = arraySource(numbersTo(4), { batchRecords: 2 });
    const { clock, coordinator } = world(source);
    await clock.until(coordinator.start());
    const loop = coordinator.batches(source);
    await clock.until(loop.next());
    await expect(coordinator.safePoint()).rejects.toThrow(
      'does not fit into a loop over batches()',
    );
    expect(() => coordinator.batches(source)).toThrow('is at work already');
    const [, second] = await clock.until(Promise.allSettled([loop.next(), loop.next()]));
    expect(second).toMatchObject({ status: 'rejected', reason: { code: 'TIDEGATE_LIFECYCLE' } });
    await loop.return?.();
    expect(() => coordinator.batches(arraySource([1], { batchRecords: 1 }))).toThrow('of numbers');
    expect(() => coordinator.batches()).toThrow('takes one source or more');
  });
});

describe('a source that is pushed to', () => {
  test('drops what was fetched before it was put back, and takes what follows', async () => {
    const sink = memorySink<number>();
    const sought: string[] = [];
    const source = pushSource<number>({
      start: { p0: '0', p1: '0' },
      seek: ({ p0, p1 }) => void sought.push(`${p0 ?? ''}/${p1 ?? ''}`),
    });
    const { clock, coordinator, process } = world(source, {
      sinks: { out: flakySink(sink, 'write', 2) },
      checkpoint: { intervalMs: 0 },
    });
    await clock.until(coordinator.start());
    const loop = process();
    const push = (partition: string, from: number, records: readonly number[]) =>
      clock.until(
        source.push({
          records,
          after: { [partition]: String(from) },
          offsets: { [partition]: String(from + records.length) },
        }),
      );
    expect(await push('p0', 0, [1])).toBe('taken');
    expect(await push('p1', 0, [2])).toBe('taken');
    // The second write has failed: the source is put back before it takes anything more.
    expect(await push('p0', 1, [3])).toBe('dropped');
    expect(sought).toEqual(['0/0', '0/0']);
    expect(await push('p0', 0, [1, 3])).toBe('taken');
    expect(await push('p1', 0, [2])).toBe('taken');
    source.end();
    await clock.until(loop);
    expect([...sink.records].sort()).toEqual([1, 2, 3]);
    await expect(source.push({ records: [4], offsets: {} })).rejects.toThrow('behind end()');
  });
});
