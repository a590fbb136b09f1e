// Functions have to be done when their call is over: what comes later belongs to no checkpoint.

import { describe, expect, test } from '@jest/globals';
import {
  MemoryCheckpointStore,
  Pipeline,
  arraySource,
  jsonState,
  memorySink,
  tumblingWindow,
} from 'tidegate';
import type { MemorySink, ProcessContext, Stream } from 'tidegate';
import type { CustomContext } from 'tidegate/extend';

const eventTime = { timeOf: (time: number) => time };
/** As in JavaScript, where nobody checks it. */
const asyncFunction = (async () => Promise.resolve(1)) as never;
const keyOf = (): string => 'key';
const initial = 0;
const add = (sum: number, next: number): number => sum + next;

function numbers(): Stream<number> {
  return new Pipeline('p').source('numbers', arraySource([1, 2, 3]), { eventTime });
}

describe('an async function', () => {
  const table = new Pipeline('p').table('rows', arraySource([1]), keyOf);
  const slots: readonly (readonly [string, () => unknown])[] = [
    ['convert of map', () => numbers().map(asyncFunction)],
    ['isWanted of filter', () => numbers().filter(asyncFunction)],
    ['expand of flatMap', () => numbers().flatMap(asyncFunction)],
    ['keyOf of lookup', () => numbers().lookup(table, asyncFunction, add as never)],
    ['combine of lookup', () => numbers().lookup(table, keyOf, asyncFunction)],
    ['keyOf of sum', () => numbers().keyBy(asyncFunction).aggregate('sum', { initial, add })],
    ['add of sum', () => numbers().keyBy(keyOf).aggregate('sum', { initial, add: asyncFunction })],
    [
      'result of sum',
      () =>
        numbers()
          .keyBy(keyOf)
          .window('sum', tumblingWindow({ sizeMs: 10 }), { initial, add, result: asyncFunction }),
    ],
    [
      'onTimer of fn',
      () =>
        numbers()
          .keyBy(keyOf)
          .process('fn', { initial, onRecord: () => undefined, onTimer: asyncFunction }),
    ],
    [
      'combine of pairs',
      () => {
        const stream = numbers().keyBy(keyOf);
        return stream.join('pairs', stream, { withinMs: 1, combine: asyncFunction });
      },
    ],
    [
      'eventTime of source other: timeOf',
      () =>
        new Pipeline('p').source('other', arraySource([1]), {
          eventTime: { timeOf: asyncFunction },
        }),
    ],
    ['keyOf of table t', () => new Pipeline('p').table('t', arraySource([1]), asyncFunction)],
  ];

  test.each(slots)('is refused when the pipeline is built: %s', (name, build) => {
    expect(build).toThrow(
      expect.objectContaining({
        code: 'TIDEGATE_PIPELINE',
        message: expect.stringContaining(`${name} is an async function`) as unknown,
      }),
    );
  });

  test('is what apply() is for', async () => {
    const sink = memorySink<number>();
    const pipeline = new Pipeline('p');
    pipeline
      .source('numbers', arraySource([1, 2, 3]))
      .apply<number>('slow', {
        ...stateless,
        onRecord: async (record: number, context) => {
          await new Promise((resolve) => setImmediate(resolve));
          context.emit(10 * record);
        },
      })
      .to('out', sink);

    await pipeline.run({ store: new MemoryCheckpointStore() });

    expect(sink.records).toEqual([10, 20, 30]);
  });
});

const stateless = jsonState(
  () => null,
  () => undefined,
);

describe('a promise where a result belongs', () => {
  const promised = (() => Promise.resolve(true)) as never;
  type Chain = (input: Stream<number>, sink: MemorySink) => void;
  const chains: readonly (readonly [string, Chain])[] = [
    ['map-1', (input, sink) => input.map(promised, { onError: 'skip' }).to('out', sink)],
    ['filter-1', (input, sink) => input.filter(promised, { onError: 'skip' }).to('out', sink)],
    [
      'fn',
      (input, sink) =>
        input
          .keyBy(keyOf)
          .process('fn', { initial, onRecord: promised }, { onError: 'skip' })
          .to('out', sink),
    ],
  ];

  test.each(chains)('ends the run, and is not written: %s', async (operator, chain) => {
    const sink = memorySink();
    const pipeline = new Pipeline('p');
    chain(pipeline.source('numbers', arraySource([1, 2, 3])), sink);

    const run = pipeline.run({ store: new MemoryCheckpointStore(), handleSignals: false });

    await expect(run).rejects.toMatchObject({ code: 'TIDEGATE_HALTED' });
    const { cause } = (await run.catch((error: unknown) => error)) as Error;
    expect((cause as Error).message).toContain(operator);
    expect((cause as Error).message).toContain('returned a promise where a result belongs');
    expect(sink.records).toEqual([]);
  });
});

describe('what comes after the call', () => {
  const late = (doing: string): unknown =>
    expect.objectContaining({
      code: 'TIDEGATE_OPERATOR_LATE',
      message: `operator fn called ${doing} after its call was over`,
      details: { operator: 'fn' },
    });

  test('is refused to a keyed function, whatever it is', async () => {
    const kept: ProcessContext<number, number>[] = [];
    const keep = (context: ProcessContext<number, number>): void => {
      kept.push(context);
      context.emit(1);
    };
    const sink = memorySink<number>();
    const pipeline = new Pipeline('p');
    pipeline
      .source('numbers', arraySource([1]), { eventTime })
      .keyBy(keyOf)
      .process<number, number>('fn', {
        initial,
        onRecord: (record, context) => {
          context.setTimer(record);
          keep(context);
        },
        onTimer: (_time, context) => keep(context),
        sides: ['side'],
      })
      .to('out', sink);
    await pipeline.run({ store: new MemoryCheckpointStore() });

    expect(kept).toHaveLength(2);
    for (const context of kept) {
      expect(() => context.emit(2)).toThrow(late('emit'));
      expect(() => context.emitTo('side', 2)).toThrow(late('emitTo'));
      expect(() => context.setTimer(9)).toThrow(late('setTimer'));
      expect(() => context.deleteTimer(9)).toThrow(late('deleteTimer'));
      expect(() => context.forget()).toThrow(late('forget'));
      expect(() => void (context.state = 9)).toThrow(late('state'));
      // To look at what was there harms nobody.
      expect([context.key, context.state]).toEqual(['key', 0]);
    }
    expect(sink.records).toEqual([1, 1]);
  });

  test.each(['at once', 'by a promise', 'by an error'])(
    'is refused to an operator that has answered %s',
    async (how) => {
      const kept: CustomContext<number>[] = [];
      const answer = (context: CustomContext<number>): void | Promise<void> => {
        kept.push(context);
        if (how === 'by an error') throw new Error('no');
        if (how === 'by a promise') return Promise.resolve().then(() => context.emit(1));
        context.emit(1);
        return undefined;
      };
      const sink = memorySink<number>();
      const pipeline = new Pipeline('p');
      pipeline
        .source('numbers', arraySource([1]), { eventTime })
        .apply<number>(
          'fn',
          {
            ...stateless,
            onRecord: (_record: number, context) => answer(context),
            onTime: (_time, context) => (how === 'by an error' ? undefined : answer(context)),
          },
          { onError: 'skip' },
        )
        .to('out', sink);
      await pipeline.run({ store: new MemoryCheckpointStore() });

      expect(kept.length).toBeGreaterThan(0);
      for (const context of kept) expect(() => context.emit(2)).toThrow(late('emit'));
      expect(sink.records).toEqual(how === 'by an error' ? [] : kept.map(() => 1));
    },
  );
});
