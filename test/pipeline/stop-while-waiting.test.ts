import { describe, expect, test } from '@jest/globals';
import { MemoryCheckpointStore, Pipeline, arraySource, memorySink } from 'tidegate';
import type { MemorySink, PreparedRun, RunReport } from 'tidegate';
import type { ReadableSource, TwoPhaseSink, TwoPhaseSinkSession } from 'tidegate/extend';
import { SimulatedClock } from 'tidegate/testing';
import { later, numbersTo, timetabledSource, untilDone } from './support.js';

type Broken = Partial<Record<'open' | 'write' | 'preCommit' | 'commit', boolean>>;

describe('the first request to stop is honoured within a second', () => {
  test('while a sink cannot be opened at the start', async () => {
    const { run, report } = await stopped({ broken: { open: true } });
    expect(report).toMatchObject({ outcome: 'stopped', recovery: undefined });
    expect(run.coordinator.status().phase).toBe('stopped');
  });

  test('while a source hangs as it is put back', async () => {
    const source = { ...arraySource([1]), restore: (): Promise<void> => forever() };
    const { report } = await stopped({ source });
    expect(report).toMatchObject({ outcome: 'stopped', recovery: undefined });
  });

  test('while a recovery in the middle of the run waits for a sink', async () => {
    const world = newWorld();
    const source = timetabledSource(world.clock, [
      { records: [0] },
      { afterMs: 1_000, records: [1] },
    ]);
    const breaks = { write: true, open: true };
    const { report } = await stopped({ world, source, breaks });
    expect(report.outcome).toBe('stopped');
    expect(report.recovery).toBeDefined();
  });

  test('while a commit is tried again and again; the next run has the records', async () => {
    const broken: Broken = { commit: true };
    const world = newWorld();
    const { report } = await stopped({ broken, world });
    expect(report.outcome).toBe('stopped');
    broken.commit = false;
    const again = prepared({ world });
    expect((await untilDone(world.clock, again.run())).outcome).toBe('finished');
    expect(world.sink.records).toEqual(numbersTo(3));
  });

  test('while a source waits and does not look at its signal', async () => {
    const source: ReadableSource<number> = {
      ...arraySource<number>([]),
      read: () => ({ [Symbol.asyncIterator]: () => ({ next: () => forever() }) }),
    };
    const { report } = await stopped({ source });
    expect(report.outcome).toBe('stopped');
  });
});

test('a recovery that ends soon is waited for, and what it has read is committed', async () => {
  const world = newWorld();
  const stop = new AbortController();
  stop.abort();
  const run = prepared({ world, signal: stop.signal });
  const report = await untilDone(world.clock, run.run());
  expect(report.outcome).toBe('stopped');
  expect(report.recovery).toBeDefined();
});

interface Parts {
  readonly source?: ReadableSource<number>;
  readonly broken?: Broken;
  readonly world?: ReturnType<typeof newWorld>;
  readonly signal?: AbortSignal;
}

function newWorld() {
  return {
    clock: new SimulatedClock(),
    store: new MemoryCheckpointStore(),
    sink: memorySink<number>(),
  };
}

/** Runs for a while, asks to stop, and sees to it that a second is enough. */
async function stopped(
  parts: Parts & { readonly breaks?: Broken },
): Promise<{ readonly run: PreparedRun; readonly report: RunReport }> {
  const { world = newWorld(), broken = {}, breaks = {} } = parts;
  const stop = new AbortController();
  const run = prepared({ ...parts, world, broken, signal: stop.signal });
  const running = run.run();
  await later(world.clock, 500);
  Object.assign(broken, breaks);
  await later(world.clock, 1_500);
  stop.abort();
  const before = world.clock.monotonicMs();
  const report = await untilDone(world.clock, running);
  expect(world.clock.monotonicMs() - before).toBeLessThanOrEqual(1_000);
  return { run, report };
}

function prepared({ source, broken = {}, world = newWorld(), signal }: Parts): PreparedRun {
  const { clock, store, sink } = world;
  const pipeline = new Pipeline('waiting');
  pipeline.source('numbers', source ?? arraySource(numbersTo(3))).to('out', fragile(sink, broken));
  const stop = signal === undefined ? {} : { signal };
  return pipeline.prepare({ store, clock, handleSignals: false, ...stop });
}

function fragile(sink: MemorySink<number>, broken: Broken): TwoPhaseSink<number> {
  const check = (call: keyof Broken): void => {
    if (broken[call] === true) throw new Error(`connect ECONNREFUSED (${call})`);
  };
  return {
    durability: sink.durability,
    openReadOnly: (identity) => sink.openReadOnly(identity),
    open: async (owner): Promise<TwoPhaseSinkSession<number>> => {
      check('open');
      const session = await sink.open(owner);
      return {
        ...session,
        write: (records) => {
          check('write');
          return session.write(records);
        },
        preCommit: async (request, options) => {
          check('preCommit');
          return session.preCommit(request, options);
        },
        commit: async (handle, options) => {
          check('commit');
          return session.commit(handle, options);
        },
      };
    },
  };
}

function forever<Value>(): Promise<Value> {
  return new Promise(() => undefined);
}
