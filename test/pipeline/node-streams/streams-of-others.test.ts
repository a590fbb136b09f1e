import { Duplex, PassThrough, Transform, type Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { MemoryCheckpointStore, arraySource, hasErrorCode, memorySink } from 'tidegate';
import { silentLogger } from 'tidegate/extend';
import type { FlushingSink, LogFields } from 'tidegate/extend';
import { StreamPipeline } from 'tidegate/streams';
import type { StreamStages } from 'tidegate/streams';
import { yieldToEventLoop } from '../../../src/runtime/event-loop.js';
import { numbersTo, pacedSource } from '../support.js';
import { runStreams, runningTotal } from './support.js';

class Shouting extends Transform {
  constructor() {
    super({ objectMode: true, transform: (record, _encoding, done) => done(null, record) });
  }
}

/** Gives records in threes, and the rest at its end. */
function inThrees(): Transform {
  let held: unknown[] = [];
  return new Transform({
    objectMode: true,
    transform(record, _encoding, done) {
      held.push(record);
      if (held.length === 3) {
        this.push(held);
        held = [];
      }
      done();
    },
    flush(done) {
      if (held.length > 0) this.push(held);
      done();
    },
  });
}

const idempotentSink: FlushingSink<number> = {
  durability: 'idempotent',
  open: () => Promise.resolve({ write: () => undefined, flush: () => undefined }),
};

type Stages = StreamStages<'numbers', string, 'out'>;

function streamsOf(build: (stages: Stages) => unknown, sink = memorySink(), end = 100) {
  return new StreamPipeline('numbers', {
    sources: { numbers: pacedSource(numbersTo(end), { batchRecords: 4 }) },
    sinks: { out: sink },
    build,
  });
}

function refusalOf(build: (stages: Stages) => unknown): string {
  const store = new MemoryCheckpointStore();
  let opened = 0;
  store.open = () => {
    opened += 1;
    throw new Error('opened');
  };
  try {
    streamsOf(build).prepare({ store });
  } catch (error) {
    expect(opened).toBe(0);
    expect(hasErrorCode(error, 'TIDEGATE_STREAM_FOREIGN')).toBe(true);
    return (error as Error).message;
  }
  throw new Error('it was not refused');
}

describe('a stream that tidegate did not make is refused when the streams are built', () => {
  test('by its class and its place, with the ways out, and before anything is opened', async () => {
    const made: (Readable | Writable)[] = [];
    const message = refusalOf(({ source, map, sink }) => {
      const foreign = new Shouting();
      const stages = [source('numbers'), map((n: number) => n), foreign, sink('out')] as const;
      made.push(...stages);
      return pipeline(...stages);
    });
    expect(message).toContain(
      'stream 3 of the chain of source numbers, behind map map-1, is a Shouting that tidegate did not make',
    );
    expect(message.split('is a Shouting')).toHaveLength(2);
    for (const way of ['operator', 'oneToOne(stream)', 'perEpoch(() => stream)']) {
      expect(message).toContain(way);
    }
    await yieldToEventLoop();
    // Nothing of a refused chain stays open.
    expect(made.map(({ destroyed }) => destroyed)).toEqual([true, true, true, true]);
  });

  test.each<[string, (stages: Stages) => unknown]>([
    [
      'an async generator',
      ({ source, sink }) =>
        pipeline(
          source('numbers'),
          async function* (numbers: AsyncIterable<number>) {
            for await (const number of numbers) yield number;
          },
          sink('out'),
        ),
    ],
    [
      'a web stream',
      ({ source, sink }) =>
        pipeline(
          source('numbers'),
          new TransformStream() as unknown as NodeJS.ReadWriteStream,
          sink('out'),
        ),
    ],
    [
      'a stream between two of ours, connected by hand',
      ({ source, sink }) => source('numbers').pipe(new PassThrough()).pipe(sink('out')),
    ],
    [
      'an end that is not ours',
      ({ source, sink }) => {
        sink('out');
        return pipeline(source('numbers'), new PassThrough({ objectMode: true }));
      },
    ],
    [
      'a beginning that is not ours',
      ({ source, sink }) => {
        source('numbers');
        return pipeline(new PassThrough({ objectMode: true }), sink('out'));
      },
    ],
    [
      'streams that are connected after an await',
      async ({ source, sink }) => {
        const stages = [source('numbers'), sink('out')] as const;
        await Promise.resolve();
        await pipeline(...stages);
      },
    ],
    [
      'a stream of another build',
      ({ source, sink }) => {
        let other: Transform | undefined;
        streamsOf(({ source, map, sink }) => {
          other = map((n: number) => n);
          return pipeline(source('numbers'), other, sink('out'));
        }).prepare({ store: new MemoryCheckpointStore() });
        return pipeline(source('numbers'), other!, sink('out'));
      },
    ],
  ])('%s', (_what, build) => {
    expect(refusalOf(build)).toMatch(/cannot be run/);
  });

  test('a chain that splits or joins is refused, and so is what is declared and not used', () => {
    const store = new MemoryCheckpointStore();
    const split = streamsOf(({ source, map, sink }) => {
      const numbers = source('numbers');
      numbers.pipe(sink('out'));
      numbers.pipe(map((n: number) => n));
    });
    expect(() => split.prepare({ store })).toThrow('source numbers goes to 2 streams');
    const joined = new StreamPipeline('numbers', {
      sources: { a: arraySource([1]), b: arraySource([2]) },
      operators: { total: runningTotal() },
      sinks: { out: memorySink<number>() },
      build: ({ source, sink }) => {
        const out = sink('out');
        source('a').pipe(out);
        source('b').pipe(out);
      },
    });
    expect(() => joined.prepare({ store })).toThrow(
      /sink out is fed by 2 streams[^]*operator total is declared, and build\(\) has not used it/,
    );
    const twice = streamsOf(({ source }) => [source('numbers'), source('numbers')]);
    expect(() => twice.prepare({ store })).toThrow('two streams of source numbers');
    const unknown = streamsOf(({ source }) => source('letters' as 'numbers'));
    expect(() => unknown.prepare({ store })).toThrow('source letters, which is not declared');
  });

  test('a stream that is put in later, while records flow, ends the generation', async () => {
    const build = ({ source, map, sink }: Stages): unknown => {
      const numbers = source('numbers');
      const same = map((number: number) => {
        if (number === 8) numbers.pipe(new PassThrough({ objectMode: true }));
        return number;
      });
      return pipeline(numbers, same, sink('out'));
    };
    await expect(runStreams(streamsOf(build), {})).rejects.toMatchObject({
      cause: { cause: { code: 'TIDEGATE_STREAM_FOREIGN' } },
    });
  });

  test('streams of a later generation must be the same as the first', async () => {
    let builds = 0;
    const build = ({ source, map, sink }: Stages): unknown => {
      builds += 1;
      const fail = map((number: number) => {
        if (number === 8 && builds === 1) throw new Error('once');
        return number;
      });
      const more = map((number: number) => number);
      if (builds === 1) return pipeline(source('numbers'), fail, more, sink('out'));
      more.destroy();
      return pipeline(source('numbers'), fail, sink('out'));
    };
    await expect(runStreams(streamsOf(build), {})).rejects.toMatchObject({
      cause: { code: 'TIDEGATE_PIPELINE' },
    });
  });
});

describe('a stream wrapped as one-to-one', () => {
  test('may take its time: the barrier follows what went in before it', async () => {
    const sink = memorySink<number>();
    const build = ({ source, oneToOne, sink }: Stages): unknown => {
      const late = new Transform({
        objectMode: true,
        transform: (record, _encoding, done) => {
          void yieldToEventLoop().then(() => done(null, record));
        },
      });
      const highWaterMark = 3;
      const numbers = source('numbers', { highWaterMark });
      return pipeline(numbers, oneToOne(late, { highWaterMark }), sink('out'));
    };
    const streams = streamsOf(build, sink, 400);
    const report = await runStreams(streams, { checkpoint: { intervalMs: 1 } });
    expect(sink.records).toEqual(numbersTo(400));
    expect(report.checkpoints).toBeGreaterThan(5);
  });

  test.each([
    ['more', (record: number) => [record, record]],
    ['fewer', (record: number) => (record === 99 ? [] : [record])],
  ])('is found out when it gives %s records than it takes', async (_what, give) => {
    const streams = streamsOf(({ source, oneToOne, sink }) => {
      const wrong = Duplex.from(async function* (records: AsyncIterable<number>) {
        for await (const record of records) yield* give(record);
      });
      return pipeline(source('numbers'), oneToOne(wrong, { name: 'wrong' }), sink('out'));
    });
    await expect(runStreams(streams, { checkpoint: { intervalMs: 0 } })).rejects.toMatchObject({
      cause: {
        code: 'TIDEGATE_STREAM_COUNT',
        message: expect.stringContaining('one-to-one wrong') as unknown,
      },
    });
  });

  test('holds the barrier back when it holds a record back: the attempt is abandoned, the stream named', async () => {
    const sink = memorySink<number>();
    const warnings: LogFields[] = [];
    const logger = {
      ...silentLogger,
      warn: (fields: LogFields, message: string) => {
        if (message.includes('did not come through')) warnings.push(fields);
      },
    };
    const streams = streamsOf(({ source, oneToOne, sink }) => {
      let held: unknown;
      const delaying = new Transform({
        objectMode: true,
        transform(record, _encoding, done) {
          const before = held;
          held = record;
          done(null, before);
        },
        flush: (done) => done(null, held),
      });
      return pipeline(source('numbers'), oneToOne(delaying, { name: 'delaying' }), sink('out'));
    }, sink);
    const checkpoint = { intervalMs: 1, timeouts: { alignmentMs: 10 } };
    const report = await runStreams(streams, { checkpoint, logger });
    // The bound passed several times; only the end of the input brought the last record out.
    expect(warnings[0]).toMatchObject({ stage: 'one-to-one delaying', heldRecords: 1 });
    expect(report.outcome).toBe('finished');
    expect(sink.records).toEqual(numbersTo(100));
  });

  test('brings its own error up as the cause', async () => {
    const streams = streamsOf(({ source, oneToOne, sink }) => {
      const failing = new Transform({
        objectMode: true,
        transform: (record, _encoding, done) =>
          record === 9 ? done(new Error('nine')) : done(null, record),
      });
      return pipeline(source('numbers'), oneToOne(failing), sink('out'));
    });
    await expect(runStreams(streams, {})).rejects.toMatchObject({
      cause: { code: 'TIDEGATE_STREAM_FAILED', cause: { message: 'nine' } },
    });
  });
});

describe('a stream wrapped for each epoch', () => {
  test('is ended at each barrier, so that what it held is before it, and begun anew behind', async () => {
    const sink = memorySink<readonly number[]>();
    let begun = 0;
    const build = ({ source, perEpoch, sink }: Stages): unknown => {
      const create = (): Transform => {
        begun += 1;
        return inThrees();
      };
      return pipeline(source('numbers'), perEpoch(create), sink('out'));
    };
    const streams = streamsOf(build, sink, 1_000);
    const report = await runStreams(streams, { checkpoint: { intervalMs: 1 } });
    expect(sink.records.flat()).toEqual(numbersTo(1_000));
    expect(report.checkpoints).toBeGreaterThan(5);
    expect(begun).toBeGreaterThan(5);
    expect(begun).toBeLessThanOrEqual(report.checkpoints + 1);
  });

  test('compresses into members of one archive', async () => {
    const sink = memorySink<Buffer>();
    const streams = streamsOf(
      ({ source, map, perEpoch, sink }) =>
        pipeline(
          source('numbers'),
          map((number: number) => `${number}\n`),
          perEpoch(() => createGzip()),
          sink('out'),
        ),
      sink,
    );
    const clockless = streams.run({
      store: new MemoryCheckpointStore(),
      checkpoint: { intervalMs: 1 },
      handleSignals: false,
    });
    await clockless;
    const text = gunzipSync(Buffer.concat(sink.records)).toString();
    expect(text).toBe(
      numbersTo(100)
        .map((number) => `${number}\n`)
        .join(''),
    );
  });

  test('is refused before a sink that needs the same output again', () => {
    const streams = new StreamPipeline('numbers', {
      sources: { numbers: arraySource([1]) },
      sinks: { out: idempotentSink },
      deterministic: true,
      build: ({ source, perEpoch, sink }) =>
        pipeline(source('numbers'), perEpoch(inThrees), sink('out')),
    });
    expect(() => streams.prepare({ store: new MemoryCheckpointStore() })).toThrow(
      /sink out is idempotent[^]*perEpoch depends on where checkpoints fall/,
    );
  });
});
