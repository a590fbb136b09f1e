import { describe, expect, test } from '@jest/globals';
import { MemoryCheckpointStore, Pipeline, arraySource, jsonState, memorySink } from 'tidegate';
import type { Stream } from 'tidegate';
import { systemClock } from 'tidegate/extend';
import type { Batch } from '../../src/pipeline/flow/elements.js';
import type { Wiring } from '../../src/pipeline/graph.js';
import { RecordErrors } from '../../src/pipeline/flow/record-errors.js';
import { AggregateOperator } from '../../src/pipeline/stages/aggregate.js';
import { numbersTo } from './support.js';

const onError = 'skip' as const;

/** Sends each number twice, and fails between for those that three divides. */
function twice(number: number, emit: (record: number) => void): void {
  emit(number);
  if (number % 3 === 0) throw new Error(`${number} is not liked`);
  emit(number);
}

const noState = jsonState(
  () => null,
  () => undefined,
);

const operators: Record<string, (numbers: Stream<number>) => Stream<number>> = {
  flatMap: (numbers) =>
    numbers.flatMap(
      function* (number) {
        const given: number[] = [];
        try {
          twice(number, (record) => given.push(record));
        } finally {
          yield* given;
        }
      },
      { onError },
    ),
  process: (numbers) =>
    numbers
      .keyBy(() => 'all')
      .process<number, number>(
        'twice',
        {
          initial: 0,
          onRecord: (number, context) => twice(number, (record) => context.emit(record)),
        },
        { onError },
      ),
  apply: (numbers) =>
    numbers.apply<number>(
      'twice',
      {
        ...noState,
        onRecord: (number, context) => twice(number, (record) => context.emit(record)),
      },
      { onError },
    ),
  'apply with promises': (numbers) =>
    numbers.apply<number>(
      'twice',
      {
        ...noState,
        onRecord: async (number, context) => {
          await Promise.resolve();
          twice(number, (record) => context.emit(record));
        },
      },
      { onError },
    ),
};

describe('a record that is skipped', () => {
  test.each(Object.entries(operators))(
    'leaves no half of its output behind in %s',
    async (_, add) => {
      for (const hasTime of [false, true]) {
        const sink = memorySink<number>();
        const pipeline = new Pipeline('numbers');
        const numbers = pipeline.source(
          'numbers',
          arraySource(numbersTo(8), { batchRecords: 3 }),
          hasTime ? { eventTime: { timeOf: (number) => number } } : {},
        );
        add(numbers).to('out', sink);
        const report = await pipeline.run({ store: new MemoryCheckpointStore() });
        expect(sink.records).toEqual([1, 1, 2, 2, 4, 4, 5, 5, 7, 7]);
        expect([...report.skipped.values()]).toEqual([3]);
      }
    },
  );

  test('leaves nothing in the outputs beside the main one, and becomes a dead letter', async () => {
    const [main, side, letters] = [memorySink(), memorySink(), memorySink()];
    const pipeline = new Pipeline('numbers');
    const split = pipeline
      .source('numbers', arraySource(numbersTo(5)))
      .keyBy(() => 'all')
      .process<number, number>(
        'split',
        {
          initial: 0,
          onRecord: (number, context) => {
            context.emitTo('side', number);
            twice(number, (record) => context.emit(record));
          },
          sides: ['side'],
        },
        { onError: 'dead-letter' },
      );
    split.to('main', main);
    split.side<number>('side').to('side', side);
    split.deadLetters.map(({ record }) => record).to('letters', letters);
    await pipeline.run({ store: new MemoryCheckpointStore() });
    expect(main.records).toEqual([1, 1, 2, 2, 4, 4]);
    expect(side.records).toEqual([1, 2, 4]);
    expect(letters.records).toEqual([0, 3]);
  });

  test('is never a good one that met a capture of a state that cannot be saved', async () => {
    const settings = { vnodeCount: 8, clock: systemClock, isDeterministic: true };
    const operator = new AggregateOperator('newest', () => 'all', {
      initial: 0,
      add: (_, number) => number,
      result: (_, newest) => newest,
    });
    const participant = operator.prepare(settings);
    const sent: unknown[] = [];
    const skipped: string[] = [];
    const output = {
      accept: ({ records }: Batch) => void sent.push(...records),
      mark: () => undefined,
    };
    const [stage] = operator.connect({
      participant,
      output: () => output,
      errors: new RecordErrors({
        operator: 'newest',
        policy: onError,
        deadLetters: output,
        leftOut: (name) => skipped.push(name),
      }),
    } as Partial<Wiring<typeof participant>> as Wiring<typeof participant>);
    void stage?.accept({ records: [Infinity], eventTimes: undefined });
    const snapshot = participant.capture();
    void stage?.accept({ records: [1], eventTimes: undefined });
    expect(sent).toEqual([Infinity, 1]);
    expect(skipped).toEqual([]);
    const encoding = snapshot.encode({ signal: new AbortController().signal });
    const reading = (encoding as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]().next();
    await expect(reading).rejects.toMatchObject({ code: 'TIDEGATE_STATE_NOT_JSON' });
  });

  test('may be a timer: what it has emitted before it threw is not sent on', async () => {
    const sink = memorySink<number>();
    const pipeline = new Pipeline('numbers');
    pipeline
      .source('numbers', arraySource(numbersTo(6)), { eventTime: { timeOf: (number) => number } })
      .keyBy(() => 'all')
      .process<number, number>(
        'timers',
        {
          initial: 0,
          onRecord: (number, context) => context.setTimer(number + 1),
          onTimer: (time, context) => twice(time, (record) => context.emit(record)),
        },
        { onError },
      )
      .to('out', sink);
    await pipeline.run({ store: new MemoryCheckpointStore() });
    expect(sink.records).toEqual([1, 1, 2, 2, 4, 4, 5, 5]);
  });
});
