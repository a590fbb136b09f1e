import { getMaxListeners } from 'node:events';
import { expect, test } from '@jest/globals';
import { MemoryCheckpointStore, Pipeline, arraySource, memorySink } from 'tidegate';
import type { MemorySink } from 'tidegate';
import type { CallOptions, ReadableSource, TwoPhaseSink } from 'tidegate/extend';
import { numbersTo } from './support.js';

interface Listening {
  now: number;
  most: number;
  /** How many may listen to each signal before Node warns. */
  readonly allowed: number[];
}

const hundred = numbersTo(100);

/** The warning itself goes past a test runner: it comes where a signal allows fewer listeners. */
test('a hundred sources, stages and sinks may all listen to the signals that they are given', async () => {
  const pipeline = new Pipeline('many');
  const sinks = hundred.map(() => memorySink<number>());
  const listening: Listening = { now: 0, most: 0, allowed: [] };
  const [first, ...others] = hundred.map((number) =>
    pipeline
      .source(`s${number}`, listeningSource(number, listening), { eventTime: { timeOf: Number } })
      .map((record) => record)
      .keyBy(() => 'all')
      .process<number, number>(`p${number}`, {
        initial: 0,
        onRecord: (record, context) => context.emit(record),
      }),
  );
  const all = first!.union(...others);
  for (const [number, sink] of sinks.entries()) {
    all.to(`out${number}`, listeningSink(sink, listening));
  }
  const report = await pipeline.run({ store: new MemoryCheckpointStore() });
  expect(report.outcome).toBe('finished');
  expect(listening).toMatchObject({ now: 0, most: 100 });
  expect(sinks.every(({ records }) => records.length === 100)).toBe(true);
  expect(new Set(listening.allowed)).toEqual(new Set([Infinity]));
});

/** Listens to its signal until all of them do. */
function listeningSource(record: number, listening: Listening): ReadableSource<number> {
  const source = arraySource([record]);
  return {
    ...source,
    async *read({ signal }) {
      const onAbort = (): void => undefined;
      signal.addEventListener('abort', onAbort);
      listening.allowed.push(getMaxListeners(signal));
      listening.now += 1;
      listening.most = Math.max(listening.most, listening.now);
      while (listening.most < 100 && !signal.aborted)
        await new Promise((resolve) => setImmediate(resolve));
      yield* source.read({ signal });
      signal.removeEventListener('abort', onAbort);
      listening.now -= 1;
    },
  };
}

function listeningSink(sink: MemorySink<number>, { allowed }: Listening): TwoPhaseSink<number> {
  const look = ({ signal }: CallOptions): number => allowed.push(getMaxListeners(signal));
  return {
    durability: sink.durability,
    openReadOnly: (identity) => sink.openReadOnly(identity),
    open: async (owner, options) => {
      look(options);
      const session = await sink.open(owner);
      return {
        ...session,
        preCommit: (request, given) => {
          look(given);
          return session.preCommit(request, given);
        },
        commit: (handle, given) => {
          look(given);
          return session.commit(handle, given);
        },
      };
    },
  };
}
