import { pipeline } from 'node:stream/promises';
import { describe, expect, test } from '@jest/globals';
import { MemoryCheckpointStore, arraySource, jsonState, memorySink } from 'tidegate';
import { StreamPipeline } from 'tidegate/streams';
import { flakySink, numbersTo, pacedSource } from '../support.js';
import { runStreams as run, runningTotal, slowly, totalsTo } from './support.js';

describe("a pipeline of Node's streams", () => {
  test('ends with everything committed, and is known as finished by the next run', async () => {
    const sink = memorySink<number>();
    const store = new MemoryCheckpointStore();
    const settled: string[] = [];
    const build = () =>
      new StreamPipeline('numbers', {
        sources: { numbers: arraySource(numbersTo(100)) },
        operators: { total: runningTotal() },
        sinks: { out: sink },
        build: async ({ source, map, operator, sink }) => {
          await pipeline(
            source('numbers'),
            map((number: number) => number),
            operator('total'),
            sink('out'),
          );
          settled.push('pipeline');
        },
      });
    const first = await run(build(), { store });
    expect(first.outcome).toBe('finished');
    expect(first.records.get('numbers')).toBe(100);
    expect(sink.records).toEqual(totalsTo(100));
    // Node's own promise is fulfilled too: the streams have ended, and were not destroyed.
    expect(settled).toEqual(['pipeline']);
    expect((await run(build(), { store })).outcome).toBe('already-finished');
    expect(settled).toEqual(['pipeline', 'pipeline']);
    expect(sink.records).toEqual(totalsTo(100));
  });

  test('keeps what a filter answers with anything true, as filters of Node do', async () => {
    const sink = memorySink<number>();
    const streams = new StreamPipeline('numbers', {
      sources: { numbers: arraySource(numbersTo(4)) },
      sinks: { out: sink },
      build: async ({ source, filter, sink }) => {
        await pipeline(
          source('numbers'),
          filter((number: number) => (number % 2) as never),
          sink('out'),
        );
      },
    });
    await run(streams, { store: new MemoryCheckpointStore() });
    expect(sink.records).toEqual(numbersTo(4).filter((number) => number % 2 === 1));
  });

  test('refuses what an operator sends on after its call', async () => {
    const sink = memorySink<number>();
    const kept: { emit: (record: number) => void }[] = [];
    const streams = new StreamPipeline('numbers', {
      sources: { numbers: arraySource([1]) },
      operators: {
        total: {
          ...runningTotal(),
          onRecord: async (_record: number, context) => {
            kept.push(context);
            await Promise.resolve();
            context.emit(1);
          },
        },
      },
      sinks: { out: sink },
      build: async ({ source, operator, sink }) => {
        await pipeline(source('numbers'), operator('total'), sink('out'));
      },
    });
    await run(streams, { store: new MemoryCheckpointStore() });
    expect(() => kept[0]?.emit(2)).toThrow(
      expect.objectContaining({ code: 'TIDEGATE_OPERATOR_LATE' }),
    );
    expect(sink.records).toEqual([1]);
  });

  test('tells an operator of the end once, whatever is read elsewhere in later runs', async () => {
    const store = new MemoryCheckpointStore();
    const sink = memorySink<number | string>();
    const other = memorySink<number>();
    const live = (stopAt?: number) => {
      const stop = new AbortController();
      const streams = new StreamPipeline('numbers', {
        sources: {
          numbers: arraySource(numbersTo(3)),
          more: pacedSource(numbersTo(60), { batchRecords: 1 }),
        },
        operators: {
          total: {
            ...runningTotal(),
            onTime: (time, context) => context.emit(`end at ${time}` as never),
          },
        },
        sinks: { out: sink, other: flakySink(other, 'preCommit', 3) },
        build: async ({ source, map, operator, sink }) => {
          const watched = map((number: number) => {
            if (number === stopAt) stop.abort();
            return number;
          });
          await Promise.all([
            pipeline(source('numbers'), operator('total'), sink('out')),
            pipeline(source('more'), watched, sink('other')),
          ]);
        },
      });
      const checkpoint = { intervalMs: 1, timeouts: { commitMs: 5 } };
      return run(streams, { store, checkpoint, signal: stop.signal });
    };
    expect((await live(20)).outcome).toBe('stopped');
    expect((await live(40)).outcome).toBe('stopped');
    expect((await live()).outcome).toBe('finished');
    expect((await live()).outcome).toBe('already-finished');
    expect(sink.records).toEqual([...totalsTo(3), 'end at Infinity']);
    expect(other.records).toEqual(numbersTo(60));
  });

  test.each(['write', 'preCommit', 'commit'] as const)(
    'is built anew after a %s has failed, and loses and doubles nothing',
    async (call) => {
      const sink = memorySink<number>();
      let builds = 0;
      const ends: unknown[] = [];
      const streams = new StreamPipeline('numbers', {
        sources: { numbers: pacedSource(numbersTo(400), { batchRecords: 7 }) },
        operators: { total: runningTotal() },
        sinks: { out: flakySink(sink, call, 3) },
        build: ({ source, operator, sink }) => {
          builds += 1;
          const running = pipeline(source('numbers'), operator('total'), sink('out'));
          running.catch((error: unknown) => ends.push(error));
          return running;
        },
      });
      const report = await run(streams, {
        checkpoint: { intervalMs: 1, timeouts: { commitMs: 5 } },
      });
      expect(report.outcome).toBe('finished');
      expect(builds).toBe(2);
      expect(ends).toMatchObject([{ code: 'TIDEGATE_FENCED' }]);
      expect(sink.records).toEqual(totalsTo(400));
    },
  );

  test('goes back when a stage throws in the middle, and halts with the cause when it always does', async () => {
    const sink = memorySink<number>();
    let failures = 0;
    const build = (maxFailures: number) =>
      new StreamPipeline('numbers', {
        sources: { numbers: pacedSource(numbersTo(50), { batchRecords: 5 }) },
        operators: { total: runningTotal() },
        sinks: { out: sink },
        build: ({ source, map, operator, sink }) =>
          pipeline(
            source('numbers'),
            map(async (number: number) => {
              await Promise.resolve();
              if (number === 31 && failures++ < maxFailures) throw new Error('31 is not liked');
              return number;
            }),
            operator('total'),
            sink('out'),
          ),
      });
    const store = new MemoryCheckpointStore();
    const halted = run(build(Infinity), { store, checkpoint: { intervalMs: 1 } });
    await expect(halted).rejects.toMatchObject({
      code: 'TIDEGATE_HALTED',
      cause: {
        code: 'TIDEGATE_OPERATOR_FAILED',
        message: 'operator map-1 failed on a record: 31 is not liked',
      },
    });
    failures = 0;
    await run(build(2), { store, checkpoint: { intervalMs: 1 } });
    expect(sink.records).toEqual(totalsTo(50));
  });

  test('skips a record whose function throws, with all of its output, and counts it', async () => {
    const sink = memorySink<number>();
    const streams = new StreamPipeline('numbers', {
      sources: { numbers: arraySource(numbersTo(6)) },
      sinks: { out: sink },
      build: ({ source, flatMap, filter, sink }) =>
        pipeline(
          source('numbers'),
          flatMap(
            async function* (number: number) {
              yield await Promise.resolve(number);
              if (number === 3) throw new Error('half way');
              yield number;
            },
            { onError: 'skip', name: 'twice' },
          ),
          filter((number: number) => Promise.resolve(number !== 1)),
          sink('out'),
        ),
    });
    const report = await run(streams, {});
    expect(sink.records).toEqual([0, 0, 2, 2, 4, 4, 5, 5]);
    expect([...report.skipped]).toEqual([['twice', 1]]);
  });

  test('is built anew when somebody destroys a stream, or ends the whole by a signal of their own', async () => {
    const sink = memorySink<number>();
    let builds = 0;
    const streams = new StreamPipeline('numbers', {
      sources: { numbers: pacedSource(numbersTo(60), { batchRecords: 5 }) },
      operators: { total: runningTotal() },
      sinks: { out: sink },
      build: ({ source, map, operator, sink }) => {
        builds += 1;
        const build = builds;
        const own = new AbortController();
        const total = operator('total');
        const watching = map((number: number) => {
          if (number === 20 && build === 1) total.destroy();
          if (number === 40 && build === 2) own.abort();
          return number;
        });
        const { signal } = own;
        return pipeline(source('numbers'), watching, total, sink('out'), { signal });
      },
    });
    await run(streams, { checkpoint: { intervalMs: 1 } });
    expect(builds).toBe(3);
    expect(sink.records).toEqual(totalsTo(60));
  });

  test('stops with a final checkpoint when it is told to, and goes on where it was', async () => {
    const sink = memorySink<number>();
    const store = new MemoryCheckpointStore();
    const stop = new AbortController();
    const ends: unknown[] = [];
    const build = () =>
      new StreamPipeline('numbers', {
        sources: { numbers: pacedSource(numbersTo(200), { batchRecords: 5 }) },
        operators: { total: runningTotal() },
        sinks: { out: sink },
        build: ({ source, map, operator, sink }) => {
          const running = pipeline(
            source('numbers'),
            map((number: number) => {
              if (number === 50) stop.abort();
              return number;
            }),
            operator('total'),
            sink('out'),
          );
          running.catch((error: unknown) => ends.push(error));
          return running;
        },
      });
    expect((await run(build(), { store, signal: stop.signal })).outcome).toBe('stopped');
    expect(ends).toMatchObject([{ code: 'TIDEGATE_FENCED' }]);
    expect(sink.records.length).toBeGreaterThan(50);
    expect(sink.records.length).toBeLessThan(200);
    expect((await run(build(), { store })).outcome).toBe('finished');
    expect(sink.records).toEqual(totalsTo(200));
  });

  test('SIGINT takes a final checkpoint, and every handler is removed', async () => {
    const before = process.listenerCount('SIGINT');
    const sink = memorySink<number>();
    const streams = new StreamPipeline('numbers', {
      sources: { numbers: pacedSource(numbersTo(10_000), { batchRecords: 5 }) },
      sinks: { out: sink },
      build: ({ source, map, sink }) =>
        pipeline(
          source('numbers'),
          map((number: number) => {
            if (number === 500) process.emit('SIGINT');
            return number;
          }),
          sink('out'),
        ),
    });
    const report = await run(streams, { handleSignals: true });
    expect(report.outcome).toBe('stopped');
    expect(sink.records).toEqual(numbersTo(sink.records.length));
    expect(sink.records.length).toBeGreaterThanOrEqual(500);
    expect(process.listenerCount('SIGINT')).toBe(before);
  });

  test('a slow sink slows its source down: no more waits than the streams and the writer hold', async () => {
    let read = 0;
    let written = 0;
    let widest = 0;
    const inner = memorySink<number>();
    const streams = new StreamPipeline('numbers', {
      sources: {
        numbers: pacedSource(numbersTo(5_000), {
          batchRecords: 10,
          turns: () => {
            read += 10;
            widest = Math.max(widest, read - written);
            return 0;
          },
        }),
      },
      sinks: { out: slowly(inner, (count) => (written += count)) },
      build: ({ source, map, sink }) =>
        pipeline(
          source('numbers', { highWaterMark: 8 }),
          map((number: number) => number, { highWaterMark: 8 }),
          sink('out', { highWaterMark: 8 }),
        ),
    });
    const store = new MemoryCheckpointStore();
    await streams.run({ store, handleSignals: false, checkpoint: { maxQueuedRecords: 100 } });
    expect(inner.records).toEqual(numbersTo(5_000));
    // Writer 100, each side of three streams 8, batches of 10 in hand and behind the source.
    expect(widest).toBeLessThanOrEqual(180);
  });

  test('an operator that emits after its call has settled is found out', async () => {
    let late: (() => void) | undefined;
    const streams = new StreamPipeline('numbers', {
      sources: { numbers: arraySource([1, 2]) },
      operators: {
        late: {
          ...jsonState(
            () => 0,
            () => undefined,
          ),
          onRecord: (_number: number, context) => {
            late?.();
            late = () => context.emit(1);
          },
        },
      },
      sinks: { out: memorySink<number>() },
      build: ({ source, operator, sink }) =>
        pipeline(source('numbers'), operator('late'), sink('out')),
    });
    await expect(run(streams, {})).rejects.toMatchObject({
      cause: { cause: { message: /emitted after the call for its record had settled/ } },
    });
  });

  test('null is refused by name, because it would end the stream', async () => {
    const streams = new StreamPipeline('numbers', {
      sources: { numbers: arraySource([1, 2]) },
      sinks: { out: memorySink<number>() },
      build: ({ source, map, sink }) =>
        pipeline(
          source('numbers'),
          map(() => null, { name: 'nothing' }),
          sink('out'),
        ),
    });
    await expect(run(streams, {})).rejects.toMatchObject({
      cause: { cause: { code: 'TIDEGATE_STREAM_RECORD' } },
    });
  });

  test('two chains share their checkpoints, and may be connected with pipe', async () => {
    const evens = memorySink<number>();
    const odds = memorySink<number>();
    const store = new MemoryCheckpointStore();
    const streams = new StreamPipeline('numbers', {
      sources: { evens: arraySource([0, 2, 4]), odds: arraySource([1, 3]) },
      operators: { total: runningTotal() },
      sinks: { evens, odds },
      build: ({ source, operator, sink }) => {
        source('evens').pipe(operator('total')).pipe(sink('evens'));
        return pipeline(source('odds'), sink('odds'));
      },
    });
    await run(streams, { store });
    expect([evens.records, odds.records]).toEqual([
      [0, 2, 6],
      [1, 3],
    ]);
    const [newest] = await (await store.openReadOnly()).list();
    expect([...(newest?.manifest?.sourceOffsets.keys() ?? [])].sort()).toEqual(['evens', 'odds']);
  });

  test('explains its chains, guarantee and hash without running', () => {
    const streams = new StreamPipeline('numbers', {
      sources: { numbers: arraySource([1]) },
      operators: { total: runningTotal() },
      sinks: { out: memorySink<number>() },
      build: ({ source, operator, sink }) =>
        pipeline(source('numbers'), operator('total'), sink('out')),
    });
    expect(streams.explain()).toMatch(
      /operator total <- numbers[^]*durable sink out <- total[^]*guarantee: exactly-once/,
    );
  });
});
