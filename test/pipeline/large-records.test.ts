import { describe, expect, test } from '@jest/globals';
import { MemoryCheckpointStore, Pipeline, iterableSource, jsonState, memorySink } from 'tidegate';
import type { CheckpointSettings, Stream } from 'tidegate';
import type { TwoPhaseSink } from 'tidegate/extend';
import { StreamPipeline } from 'tidegate/streams';

interface Large {
  readonly id: number;
  readonly body: string;
}

const bodyBytes = 200_000;
const mebibyte = 1_048_576;

describe('records of 200 KB in front of a sink that takes none', () => {
  test.each<[string, (a: Stream<Large>, b: Stream<Large>) => Stream<Large>]>([
    ['where streams meet', (a, b) => a.union(b)],
    ['behind a stage with a queue of its own', (a, b) => processed(processed(a).union(b))],
    ['after flatMap', (a, b) => a.flatMap((one) => [one]).union(b)],
  ])('stay below 64 MiB %s', async (_, connect) => {
    const counts = { read: 0 };
    const pipeline = new Pipeline('large');
    const [a, b] = ['a', 'b'].map((name) => pipeline.source(name, endless(counts)));
    connect(a!, b!).to('out', stuckSink());
    const ahead = await aheadIn((stop) => pipeline.run(runOptions(stop)), counts);
    expect(ahead).toBeLessThan(64 * mebibyte);
    expect(ahead).toBeGreaterThan(4 * mebibyte);
  });

  test('go by maxQueuedBytes', async () => {
    const counts = { read: 0 };
    const pipeline = new Pipeline('large');
    const [a, b] = ['a', 'b'].map((name) => pipeline.source(name, endless(counts)));
    a!.union(b!).to('out', stuckSink());
    const ahead = await aheadIn(
      (stop) => pipeline.run(runOptions(stop, { maxQueuedBytes: mebibyte })),
      counts,
    );
    expect(ahead).toBeLessThan(10 * mebibyte);
  });

  test('stay below 64 MiB in a chain of Node streams', async () => {
    const counts = { read: 0 };
    const streams = new StreamPipeline('large', {
      sources: { a: endless(counts) },
      sinks: { out: stuckSink() },
      build: ({ source, map, sink }) => {
        source('a')
          .pipe(map((one: Large) => one))
          .pipe(map((one: Large) => one))
          .pipe(sink('out'));
      },
    });
    const ahead = await aheadIn((stop) => streams.run(runOptions(stop)), counts);
    expect(ahead).toBeLessThan(64 * mebibyte);
  });
});

test('with room for one byte each record comes all the same, once', async () => {
  const sink = memorySink<number>();
  const pipeline = new Pipeline('large');
  pipeline
    .source('a', endless({ read: 0 }, 60))
    .apply<Large>('later', {
      ...jsonState(
        () => null,
        () => undefined,
      ),
      // Takes its time, so that batches wait in front of it.
      onRecord: async (record, context) => {
        await new Promise((resolve) => setImmediate(resolve));
        context.emit(record);
      },
    })
    .map(({ id }) => id)
    .to('out', sink);
  const store = new MemoryCheckpointStore();
  const report = await pipeline.run({ store, checkpoint: { maxQueuedBytes: 1 } });
  expect(report.outcome).toBe('finished');
  expect(sink.records).toEqual(Array.from({ length: 60 }, (_, id) => id));
});

function endless(counts: { read: number }, end = Infinity) {
  return iterableSource<Large>({
    open: function* (first) {
      for (let id = first; id < end; id++) {
        counts.read += 1;
        // Shared: the test counts what a record says that it takes.
        yield { id, body };
      }
    },
  });
}

const body = 'y'.repeat(bodyBytes);

function processed(stream: Stream<Large>): Stream<Large> {
  const name = `p${(stages += 1)}`;
  return stream
    .keyBy(() => 'all')
    .process<number, Large>(name, {
      initial: 0,
      onRecord: (record, context) => context.emit(record),
    });
}

let stages = 0;

/** Takes one batch and never answers, until it is closed. */
function stuckSink(): TwoPhaseSink<Large> {
  const sink = memorySink<Large>();
  return {
    durability: sink.durability,
    openReadOnly: (identity) => sink.openReadOnly(identity),
    open: async (owner) => {
      const session = await sink.open(owner);
      return { ...session, write: () => new Promise<void>(() => undefined) };
    },
  };
}

function runOptions(signal: AbortSignal, checkpoint: CheckpointSettings = {}) {
  const bounds = { intervalMs: 0, timeouts: { alignmentMs: 50 }, tolerableFailures: 0 };
  const store = new MemoryCheckpointStore();
  return { store, signal, handleSignals: false, checkpoint: { ...bounds, ...checkpoint } };
}

/** Bytes that were read when nothing moves any more. */
async function aheadIn(
  run: (stop: AbortSignal) => Promise<unknown>,
  counts: { read: number },
): Promise<number> {
  const stop = new AbortController();
  const running = run(stop.signal).catch(() => undefined);
  let before = -1;
  for (let quiet = 0; quiet < 50;) {
    await new Promise((resolve) => setImmediate(resolve));
    quiet = counts.read === before && counts.read > 0 ? quiet + 1 : 0;
    before = counts.read;
  }
  const ahead = counts.read * bodyBytes;
  stop.abort();
  await running;
  return ahead;
}
