import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  FileSystemCheckpointStore,
  MemoryCheckpointStore,
  Pipeline,
  arraySource,
  iterableSource,
  memorySink,
  tumblingWindow,
} from 'tidegate';
import type { Offsets } from 'tidegate/extend';
import { SimulatedClock } from 'tidegate/testing';
import { toError } from '../../src/errors.js';
import { numbersTo, pacedSource } from './support.js';

/** Numbers without an end, until the signal. */
function endless(onNumber: (number: number) => void) {
  return iterableSource<number>({
    open: async function* (first, { signal }) {
      for (let number = first; !signal.aborted; number++) {
        onNumber(number);
        yield await Promise.resolve(number);
      }
    },
  });
}

describe('the life of a run', () => {
  test('SIGTERM takes a final checkpoint, and every handler is removed', async () => {
    const before = process.listenerCount('SIGTERM');
    const sink = memorySink<number>();
    const pipeline = new Pipeline('numbers');
    const source = endless((number) => {
      if (number === 500) process.emit('SIGTERM');
    });
    pipeline.source('numbers', source).to('out', sink);
    const clock = new SimulatedClock();
    const running = pipeline.run({ store: new MemoryCheckpointStore(), clock });
    expect(process.listenerCount('SIGTERM')).toBe(before + 1);
    expect((await clock.until(running)).outcome).toBe('stopped');
    expect(sink.records.length).toBeGreaterThanOrEqual(500);
    expect(sink.records).toEqual(numbersTo(sink.records.length));
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });

  test('a second signal stops at once, and what was not committed comes again', async () => {
    const store = new MemoryCheckpointStore();
    const sink = memorySink<number>();
    const run = (onNumber: (number: number) => void) => {
      const pipeline = new Pipeline('numbers');
      pipeline.source('numbers', endless(onNumber)).to('out', sink);
      // No time has to pass here: nothing waits for a timer.
      return pipeline.run({ store, checkpoint: { intervalMs: 0 } });
    };
    const twice = await run((number) => {
      if (number !== 100) return;
      process.emit('SIGINT');
      process.emit('SIGINT');
    });
    expect(twice.outcome).toBe('stopped');
    expect(sink.records).toEqual([]);
    await run((number) => {
      if (number === 200) process.emit('SIGINT');
    });
    expect(sink.records).toEqual(numbersTo(sink.records.length));
    expect(sink.records.length).toBeGreaterThanOrEqual(200);
  });

  test('a second signal while the end of the input is not committed is a stop, not finished', async () => {
    const store = new MemoryCheckpointStore();
    const sink = memorySink<number>();
    const prepare = (maxCheckpointBytes: number) => {
      const pipeline = new Pipeline('numbers');
      const sums = pipeline
        .source('numbers', arraySource(numbersTo(3)))
        .keyBy(() => 'all')
        .aggregate('text', { initial: () => '', add: (text) => `${text}${'y'.repeat(1_000)}` });
      sums.map(({ value }) => value.length).to('out', sink);
      return pipeline.prepare({ store, checkpoint: { intervalMs: 0, maxCheckpointBytes } });
    };
    // Only the empty state fits: the checkpoint at the end of the input is abandoned, then the final one.
    const twice = prepare(1_000);
    let attempts = 0;
    twice.coordinator.events.on('attempt-started', () => {
      attempts += 1;
      if (attempts !== 2) return;
      process.emit('SIGTERM');
      process.emit('SIGTERM');
    });
    expect((await twice.run()).outcome).toBe('stopped');
    expect(sink.records).toEqual([]);
    expect((await prepare(1_000_000).run()).outcome).toBe('finished');
    expect(sink.records.length).toBeGreaterThan(0);
  });

  test('ends although each checkpoint takes longer than the interval between them', async () => {
    const clock = new SimulatedClock();
    const sink = memorySink<number>();
    const slow: typeof sink = Object.assign(Object.create(sink) as typeof sink, {
      open: async (...given: Parameters<typeof sink.open>) => {
        const session = await sink.open(...given);
        const commit = session.commit.bind(session);
        return Object.assign(session, {
          commit: async (...call: Parameters<typeof commit>) => {
            await new Promise<void>((resolve) => void clock.setTimer(resolve, 50));
            return commit(...call);
          },
        });
      },
    });
    const pipeline = new Pipeline('numbers');
    pipeline.source('numbers', arraySource([1, 2, 3])).to('out', slow);
    const run = pipeline.prepare({
      store: new MemoryCheckpointStore(),
      clock,
      handleSignals: false,
      checkpoint: { intervalMs: 5, skipWhenIdle: false },
    });
    let attempts = 0;
    run.coordinator.events.on('attempt-started', () => {
      attempts += 1;
      if (attempts > 20) void run.coordinator[Symbol.asyncDispose]();
    });

    expect((await clock.until(run.run())).outcome).toBe('finished');

    expect(attempts).toBeLessThan(6);
    expect(sink.records).toEqual([1, 2, 3]);
  });

  test('a second signal during recovery stops the run: nothing was read', async () => {
    const pipeline = new Pipeline('numbers');
    const source = endless(() => undefined);
    const restore = (): Promise<void> => {
      process.emit('SIGTERM');
      process.emit('SIGTERM');
      return new Promise(() => undefined);
    };
    pipeline.source('numbers', { ...source, restore }).to('out', memorySink());

    const report = await pipeline.run({ store: new MemoryCheckpointStore() });
    expect(report).toMatchObject({ outcome: 'stopped', recovery: undefined });
  });

  test('a second signal in the final checkpoint is a stop, without an error', async () => {
    const store = new MemoryCheckpointStore();
    const sink = memorySink<number>();
    const pipeline = new Pipeline('numbers');
    const source = endless((number) => {
      if (number === 100) process.emit('SIGTERM');
    });
    pipeline.source('numbers', source).to('out', sink);
    const run = pipeline.prepare({ store, checkpoint: { intervalMs: 0 } });
    run.coordinator.events.on('step-started', ({ step }) => {
      if (step === 'pre-commit') process.emit('SIGTERM');
    });
    expect((await run.run()).outcome).toBe('stopped');
    expect(sink.records).toEqual([]);
  });

  test.each([
    ['the whole directory', (directory: string) => rmSync(directory, { recursive: true })],
    [
      'every checkpoint in it',
      (directory: string) => {
        for (const name of readdirSync(directory)) {
          if (/^(checkpoint_|latest)/.test(name))
            rmSync(join(directory, name), { recursive: true });
        }
      },
    ],
  ])(
    'refuses when %s was deleted and the output kept: directory, what sinks hold, ways out',
    async (_what, remove) => {
      const room = mkdtempSync(join(tmpdir(), 'tidegate-life-'));
      const directory = join(room, 'checkpoints');
      const sinks = { left: memorySink<number>(), right: memorySink<number>() };
      const run = () => {
        const pipeline = new Pipeline('numbers');
        const numbers = pipeline.source('numbers', arraySource(numbersTo(3)));
        for (const [name, sink] of Object.entries(sinks)) numbers.to(name, sink);
        return pipeline.run({ store: new FileSystemCheckpointStore(directory) });
      };
      try {
        await run();
        remove(directory);
        const refused = await run().then(() => new Error('it was not refused'), toError);
        expect(refused).toMatchObject({ code: 'TIDEGATE_HALTED' });
        const id = 2 ** 24 + 2;
        for (const part of [
          directory,
          `left up to checkpoint ${id}`,
          `right up to checkpoint ${id}`,
          'bring the checkpoints back',
          'clear the output together with what the sinks remember',
          'give the pipeline another name',
        ]) {
          expect(refused.message).toContain(part);
        }
        for (const sink of Object.values(sinks)) expect(sink.records).toEqual(numbersTo(3));
      } finally {
        rmSync(room, { recursive: true });
      }
    },
  );

  test('a slow sink slows its source down instead of filling the memory', async () => {
    let read = 0;
    let written = 0;
    let widest = 0;
    const pipeline = new Pipeline('numbers');
    const source = pacedSource(numbersTo(20_000), {
      batchRecords: 100,
      turns: () => {
        read += 100;
        widest = Math.max(widest, read - written);
        return 0;
      },
    });
    const inner = memorySink<number>();
    pipeline.source('numbers', source).to('out', {
      durability: 'durable',
      openReadOnly: (identity) => inner.openReadOnly(identity),
      open: async (owner) => {
        const session = await inner.open(owner);
        return {
          ...session,
          write: async (records) => {
            await new Promise((resolve) => setImmediate(resolve));
            written += records.length;
            await session.write(records);
          },
        };
      },
    });
    const checkpoint = { maxQueuedRecords: 500 };
    const report = await pipeline.run({ store: new MemoryCheckpointStore(), checkpoint });
    expect(report.outcome).toBe('finished');
    expect(inner.records).toEqual(numbersTo(20_000));
    expect(widest).toBeLessThanOrEqual(1_000);
  });
});

describe('a pipeline that cannot work', () => {
  test('is refused when it is run, with every problem at once', () => {
    const pipeline = new Pipeline('empty');
    pipeline.source('numbers', arraySource([1])).map((n) => n, { onError: 'dead-letter' });
    expect(() => pipeline.prepare({ store: new MemoryCheckpointStore() })).toThrow(
      /it has no sink[^]*dead letters of map-1 go nowhere/,
    );
  });

  test('is refused where it is built, when a window has no event time or a name is taken', () => {
    const pipeline = new Pipeline('wrong');
    const numbers = pipeline.source('numbers', arraySource([1]));
    const window = tumblingWindow({ sizeMs: 10 });
    const aggregation = { initial: 0, add: (sum: number) => sum };
    const keyed = numbers.keyBy(String);
    expect(() => keyed.window('w', window, aggregation)).toThrow('w needs event times');
    keyed.aggregate('sums', aggregation);
    expect(() => keyed.aggregate('sums', aggregation)).toThrow('two operators called sums');
  });
});

test('what a source tells of itself is in every checkpoint, also of a run that goes on', async () => {
  const store = new MemoryCheckpointStore();
  const sink = memorySink<number>();
  const run = async (path: string, stopAt?: number) => {
    const stop = new AbortController();
    const numbers = pacedSource(numbersTo(20), { batchRecords: 1 });
    const pipeline = new Pipeline('numbers');
    pipeline
      .source('numbers', {
        ...numbers,
        position: async () => ({
          offsets: (await numbers.position()) as Offsets,
          metadata: { connector: 'numbers', path },
        }),
      })
      .map((number) => {
        if (number === stopAt) stop.abort();
        return number;
      })
      .to('out', sink);
    await pipeline.run({ store, handleSignals: false, signal: stop.signal });
    const checkpoints = await (await store.openReadOnly()).list();
    return checkpoints.map(({ manifest }) => manifest?.sourceOffsets.get('numbers')?.metadata);
  };
  const of = (path: string) => new Map(Object.entries({ connector: 'numbers', path }));
  const first = await run('a', 10);
  expect(first.length).toBeGreaterThan(1);
  expect(first).toEqual(first.map(() => of('a')));
  // Newest first; the source was moved meanwhile.
  expect((await run('b'))[0]).toEqual(of('b'));
  expect(sink.records).toEqual(numbersTo(20));
});

describe('event time of a source', () => {
  test.each([
    ['outOfOrderMs', Number.NaN],
    ['outOfOrderMs', -1],
    ['outOfOrderMs', 0.5],
    ['outOfOrderMs', Infinity],
    ['idleAfterMs', Number.NaN],
    ['idleAfterMs', 0],
    ['idleAfterMs', -5],
    ['idleAfterMs', 1.5],
    ['idleAfterMs', 2 ** 31],
  ])('is refused where the source is added, with %s of %d', (name, value) => {
    const pipeline = new Pipeline('wrong');
    const eventTime = { timeOf: (number: number) => number, [name]: value };
    const adding = (): unknown => pipeline.source('numbers', arraySource([1]), { eventTime });
    expect(adding).toThrow(expect.objectContaining({ code: 'TIDEGATE_PIPELINE' }));
    expect(adding).toThrow(`eventTime of source numbers: ${name} is ${value}, not whole milli`);
  });

  test('names every option that does not fit at once', () => {
    const timeOf = (number: number) => number;
    const eventTime = { timeOf, outOfOrderMs: -1, maxAheadMs: 0.5, alignment: { maxDriftMs: -2 } };
    expect(() => new Pipeline('p').source('a', arraySource([1]), { eventTime })).toThrow(
      /outOfOrderMs is -1.*; maxAheadMs is 0\.5.*; alignment\.maxDriftMs is -2/,
    );
  });

  test('may have any whole span that a timer can wait', () => {
    const pipeline = new Pipeline('right');
    const eventTime = { timeOf: (number: number) => number };
    const longest = { ...eventTime, outOfOrderMs: 2 ** 40, idleAfterMs: 2 ** 31 - 1 };
    pipeline.source('a', arraySource([1]), { eventTime: { ...eventTime, outOfOrderMs: 0 } });
    pipeline.source('b', arraySource([1]), { eventTime: longest });
  });
});

test('explain names every node, the guarantee of each sink, and the hash', () => {
  const pipeline = new Pipeline('numbers');
  const numbers = pipeline.source('numbers', arraySource([1]));
  numbers.filter((n) => n > 0).to('out', memorySink());
  const text = pipeline.explain();
  expect(text).toContain('filter filter-1 <- numbers');
  expect(text).toContain('durable sink out <- filter-1');
  expect(text).toContain('guarantee: exactly-once');
  expect(text).toContain(pipeline.hash.toString(16).padStart(16, '0'));
});
