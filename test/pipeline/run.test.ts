import { describe, expect, test } from '@jest/globals';
import { MemoryCheckpointStore, Pipeline, arraySource, memorySink } from 'tidegate';
import { SimulatedClock } from 'tidegate/testing';
import { flakySink, numbersTo, pacedSource } from './support.js';

interface Order {
  readonly account: string;
  readonly amount: number;
}

const orders: readonly Order[] = [
  { account: 'ann', amount: 5 },
  { account: 'bob', amount: 7 },
  { account: 'ann', amount: 11 },
];

describe('a pipeline', () => {
  test('takes bounded input through map, filter, flatMap and a keyed aggregate to its sinks', async () => {
    const pipeline = new Pipeline('orders');
    const source = pipeline.source('orders', arraySource(orders));
    const totals = memorySink<{ key: string; value: number }>();
    const doubled = memorySink<number>();
    source
      .keyBy((order) => order.account)
      .aggregate('totals', { initial: 0, add: (total, order) => total + order.amount })
      .to('totals', totals);
    source
      .map((order) => order.amount)
      .filter((amount) => amount > 5)
      .flatMap((amount) => [amount, amount * 2])
      .to('doubled', doubled);

    const report = await pipeline.run({ store: new MemoryCheckpointStore() });

    expect(report.outcome).toBe('finished');
    expect(totals.records).toEqual([
      { key: 'ann', value: 5 },
      { key: 'bob', value: 7 },
      { key: 'ann', value: 16 },
    ]);
    expect(doubled.records).toEqual([7, 14, 11, 22]);
  });

  test('says that a finished job is finished, and does nothing', async () => {
    const store = new MemoryCheckpointStore();
    const sink = memorySink<Order>();
    const build = (): Pipeline => {
      const pipeline = new Pipeline('orders');
      pipeline.source('orders', arraySource(orders)).to('out', sink);
      return pipeline;
    };
    await build().run({ store });
    const second = await build().run({ store });
    expect(second.outcome).toBe('already-finished');
    expect(second.checkpoints).toBe(0);
    expect(sink.records).toEqual(orders);
  });

  test('suspends on a signal and goes on in the next run, exactly once', async () => {
    const store = new MemoryCheckpointStore();
    const sink = memorySink<number>();
    const stop = new AbortController();
    const run = async (signal?: AbortSignal) => {
      const pipeline = new Pipeline('numbers');
      pipeline
        .source('numbers', pacedSource(numbersTo(1_000), { batchRecords: 10 }))
        .map((number) => {
          if (number === 300 && signal !== undefined) stop.abort();
          return number;
        })
        .to('out', sink);
      return pipeline.run({ store, ...(signal === undefined ? {} : { signal }) });
    };
    const first = await run(stop.signal);
    expect(first.outcome).toBe('stopped');
    expect(sink.records.length).toBeGreaterThanOrEqual(300);
    expect(sink.records.length).toBeLessThan(1_000);
    const second = await run();
    expect(second.outcome).toBe('finished');
    expect(sink.records).toEqual(numbersTo(1_000));
  });

  test.each(['write', 'preCommit', 'commit'] as const)(
    'recovers in process when %s fails, and gives every record once',
    async (call) => {
      const inner = memorySink<number>();
      const counts = memorySink<{ key: string; value: number }>();
      const pipeline = new Pipeline('numbers');
      const numbers = pipeline.source('numbers', pacedSource(numbersTo(500), { batchRecords: 10 }));
      numbers.to('out', flakySink(inner, call, 2));
      numbers
        .keyBy((number) => number % 3)
        .aggregate('counts', {
          initial: { n: 0 },
          add: (count) => Object.assign(count, { n: count.n + 1 }),
          result: (key, { n }) => ({ key, value: n }),
        })
        .to('counts', counts);
      const clock = new SimulatedClock();
      const report = await clock.until(
        pipeline.run({
          store: new MemoryCheckpointStore(),
          checkpoint: { intervalMs: 1, timeouts: { commitMs: 5 } },
          clock,
        }),
      );
      expect(report.outcome).toBe('finished');
      expect(inner.records).toEqual(numbersTo(500));
      expect(counts.records.map(({ key, value }) => `${key}:${value}`)).toEqual(
        numbersTo(500).map((number) => `${number % 3}:${Math.floor(number / 3) + 1}`),
      );
    },
  );

  test('rejects with the cause when an operator fails on the same record every time', async () => {
    const pipeline = new Pipeline('numbers');
    pipeline
      .source('numbers', arraySource(numbersTo(10)))
      .map((number) => {
        if (number === 4) throw new Error('four is not liked');
        return number;
      })
      .to('out', memorySink());
    const run = pipeline.run({ store: new MemoryCheckpointStore() });
    await expect(run).rejects.toMatchObject({
      code: 'TIDEGATE_HALTED',
      cause: { code: 'TIDEGATE_OPERATOR_FAILED' },
    });
  });

  test('skips a record that makes an operator throw, or sends it to its dead letters', async () => {
    const pipeline = new Pipeline('numbers');
    const good = memorySink<number>();
    const bad = memorySink();
    const refuse = (number: number): number => {
      if (number % 4 === 0) throw new Error(`${number} is even twice`);
      return number;
    };
    const numbers = pipeline.source('numbers', arraySource(numbersTo(9)));
    numbers.map(refuse, { onError: 'skip', name: 'skipping' }).to('good', good);
    const lettered = numbers.map(refuse, { onError: 'dead-letter', name: 'lettering' });
    lettered.deadLetters.to('bad', bad);
    const report = await pipeline.run({ store: new MemoryCheckpointStore() });
    expect(good.records).toEqual([1, 2, 3, 5, 6, 7]);
    expect(report.skipped.get('skipping')).toBe(3);
    expect(bad.records).toEqual([
      { operator: 'lettering', record: 0, error: '0 is even twice' },
      { operator: 'lettering', record: 4, error: '4 is even twice' },
      { operator: 'lettering', record: 8, error: '8 is even twice' },
    ]);
  });
});
