import { expect, test } from '@jest/globals';
import { MemoryCheckpointStore, Pipeline, arraySource, memorySink } from 'tidegate';
import { SimulatedClock } from 'tidegate/testing';
import { untilSettled } from './node-streams/support.js';
import { flakySink, numbersTo, pacedSource } from './support.js';

interface Rate {
  readonly currency: string;
  readonly rate: number;
}

const rates: readonly Rate[] = [
  { currency: 'EUR', rate: 1 },
  { currency: 'USD', rate: 2 },
  { currency: 'USD', rate: 3 },
];

test('a reference table is complete before the first record, and its offsets are saved', async () => {
  const store = new MemoryCheckpointStore();
  const sink = memorySink<number>();
  const pipeline = new Pipeline('sales');
  const table = pipeline.table('rates', pacedSource(rates, { batchRecords: 1 }), (r) => r.currency);
  pipeline
    .source('sales', pacedSource(numbersTo(50), { batchRecords: 5 }))
    .lookup(
      table,
      (n) => (n % 2 === 0 ? 'EUR' : 'USD'),
      (n, row) => n * (row?.rate ?? 0),
    )
    .to('out', flakySink(sink, 'preCommit', 2));
  const clock = new SimulatedClock();
  await clock.until(pipeline.run({ store, clock, checkpoint: { intervalMs: 1 } }));
  expect(sink.records).toEqual(numbersTo(50).map((n) => n * (n % 2 === 0 ? 1 : 3)));
  const [newest] = await (await store.openReadOnly()).list();
  expect(newest?.manifest?.tableOffsets.get('rates')?.offsets.get('next')).toBe('3');
});

test('a table that fails lets the others stop before anything is put back', async () => {
  let failures = 0;
  const calls: string[] = [];
  const failing = pacedSource(rates, {
    batchRecords: 1,
    turns: () => {
      failures += 1;
      if (failures === 1) throw new Error('failed on purpose');
      return 1;
    },
  });
  const slow = pacedSource(rates, { batchRecords: 1, turns: () => 5 });
  const watched: typeof slow = {
    ...slow,
    restore: (offsets, options) => {
      calls.push('restore');
      return slow.restore(offsets, options);
    },
    async *read(options) {
      calls.push('read');
      try {
        yield* slow.read(options);
      } finally {
        calls.push('end');
      }
    },
  };
  const pipeline = new Pipeline('sales');
  const one = pipeline.table('failing', failing, (r) => r.currency);
  const other = pipeline.table('slow', watched, (r) => r.currency);
  const sink = memorySink<number>();
  pipeline
    .source('sales', arraySource(['EUR', 'USD']))
    .lookup(
      one,
      (currency) => currency,
      (currency, row) => ({ currency, rate: row?.rate ?? 0 }),
    )
    .lookup(
      other,
      ({ currency }) => currency,
      ({ rate }, row) => rate * 10 + (row?.rate ?? 0),
    )
    .to('out', sink);
  const clock = new SimulatedClock();
  await untilSettled(clock, pipeline.run({ store: new MemoryCheckpointStore(), clock }));
  expect(sink.records).toEqual([11, 33]);
  expect(calls.join(' ')).toBe('restore read end restore read end');
});

test('a restart keeps the rows, and reads what was added to the table since', async () => {
  const store = new MemoryCheckpointStore();
  const sink = memorySink<string>();
  const stop = new AbortController();
  const run = async (rows: readonly Rate[], signal?: AbortSignal) => {
    const pipeline = new Pipeline('sales');
    const table = pipeline.table('rates', arraySource(rows), (r) => r.currency);
    pipeline
      .source('sales', pacedSource(['EUR', 'USD', 'CHF', 'EUR'], { batchRecords: 1 }))
      .map((currency) => {
        if (currency === 'USD' && signal !== undefined) stop.abort();
        return currency;
      })
      .lookup(
        table,
        (currency) => currency,
        (currency, row) => `${currency} ${row?.rate ?? '-'}`,
      )
      .to('out', sink);
    const clock = new SimulatedClock();
    const running = pipeline.run({ store, clock, ...(signal === undefined ? {} : { signal }) });
    return clock.until(running);
  };
  expect((await run(rates, stop.signal)).outcome).toBe('stopped');
  const before = sink.records.length;
  await run([...rates, { currency: 'CHF', rate: 4 }, { currency: 'EUR', rate: 5 }]);
  const after = ['EUR 1', 'USD 3', 'CHF -', 'EUR 1'].slice(0, before);
  const since = ['EUR 5', 'USD 3', 'CHF 4', 'EUR 5'].slice(before);
  expect(before).toBeGreaterThan(0);
  expect(sink.records).toEqual([...after, ...since]);
});
