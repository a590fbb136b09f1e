import { describe, expect, test } from '@jest/globals';
import { MemoryCheckpointStore, Pipeline, arraySource, memorySink, tumblingWindow } from 'tidegate';
import type { DeadLetter, ErrorPolicy, EventTimeOptions } from 'tidegate';
import { silentLogger } from 'tidegate/extend';
import type { FlowStatus, FlushingSink, TroubledRecords } from 'tidegate/extend';
import { SimulatedClock } from 'tidegate/testing';
import { toError } from '../../src/errors.js';

interface Reading {
  readonly t: unknown;
}

const minute = 60_000;
const day = 24 * 60 * minute;
const start = Date.parse('2026-01-01T00:00Z');
/** One device with a wrong clock among a hundred readings. */
const readings: Reading[] = Array.from({ length: 100 }, (_, i) => ({ t: start + i * minute }));
readings.splice(10, 0, { t: start + 365 * day });

describe('a time in the far future', () => {
  test('makes what follows late where no bound is set, and that shows while it runs', async () => {
    const { report, events, lastStatus } = await run(readings, {});
    expect(report.late).toEqual(new Map([['windows', 90]]));
    expect(events).toContainEqual({ operator: 'windows', trouble: 'late', records: 90, total: 90 });
    expect(lastStatus()?.late).toEqual(new Map([['windows', 90]]));
  });

  test('stops the run under fail, naming the time, the clock and the bound', async () => {
    const failing = run(readings, { maxAheadMs: day });
    await expect(failing).rejects.toThrow('the coordinator has halted');
    const { cause } = toError(await failing.catch((error: unknown) => error));
    expect(toError(cause).message).toContain('operator s failed on a record');
    expect(toError(cause).message).toContain(
      'its event time 2027-01-01T00:00:00.000Z is 31363200000 ms ahead',
    );
    expect(toError(cause).message).toContain('maxAheadMs allows 86400000');
  });

  test.each<[ErrorPolicy | 'clamp', Partial<Record<keyof FlowStatus, number>>, number]>([
    ['skip', { skipped: 1 }, 100],
    ['dead-letter', { skipped: 1, deadLettered: 1 }, 100],
    ['clamp', { clamped: 1 }, 101],
  ])('under %s hurts no other record, and is counted', async (onAhead, counts, inWindows) => {
    const { report, events, lastStatus, sum, letters } = await run(readings, {
      maxAheadMs: day,
      onAhead,
    });
    expect(report.outcome).toBe('finished');
    expect(sum()).toBe(inWindows);
    expect(report.late.size).toBe(0);
    for (const name of ['skipped', 'deadLettered', 'clamped'] as const) {
      const expected = counts[name] === undefined ? new Map() : new Map([['s', counts[name]]]);
      expect(report[name]).toEqual(expected);
      expect(lastStatus()?.[name]).toEqual(expected);
    }
    const trouble = { skip: 'skipped', 'dead-letter': 'dead-lettered', clamp: 'clamped', fail: '' };
    expect(events).toEqual([{ operator: 's', trouble: trouble[onAhead], records: 1, total: 1 }]);
    expect(letters.records.length).toBe(onAhead === 'dead-letter' ? 1 : 0);
  });

  test('goes by the policy of the source where onAhead is not given', async () => {
    const { report } = await run(readings, { maxAheadMs: day }, 'skip');
    expect(report.skipped).toEqual(new Map([['s', 1]]));
  });

  test('is no time at the bound, nor one that the clock has come to', async () => {
    const { report } = await run([{ t: start + 2 * day + 5 }, { t: start + 2 * day + 6 }], {
      maxAheadMs: 5,
      onAhead: 'skip',
    });
    expect(report.skipped).toEqual(new Map([['s', 1]]));
  });

  test('clamped records come at the bound, and are late only where others are', async () => {
    const { windows } = await run([{ t: start }, { t: start + 900 * day }, { t: start + minute }], {
      maxAheadMs: 0,
      onAhead: 'clamp',
    });
    expect(windows.records).toEqual([
      { start, count: 2 },
      { start: start + 2 * day, count: 1 },
    ]);
  });
});

describe('a bound on times is refused', () => {
  test.each<[string, object, string]>([
    ['that is no number', { maxAheadMs: '5' }, 'maxAheadMs is of type string'],
    ['that is negative', { maxAheadMs: -1 }, 'maxAheadMs is -1'],
    ['with a policy that there is not', { maxAheadMs: 1, onAhead: 'drop' }, '"drop"'],
    ['as a policy without a bound', { onAhead: 'skip' }, 'onAhead needs maxAheadMs'],
  ])('%s', (_, times, text) => {
    const source = arraySource<number>([]);
    const eventTime = { timeOf: (time: number) => time, ...times } as EventTimeOptions<number>;
    expect(() => new Pipeline('p').source('s', source, { eventTime })).toThrow(text);
  });

  test('with dead letters that go nowhere', async () => {
    const pipeline = new Pipeline('p');
    const eventTime = { timeOf: Number, maxAheadMs: 1, onAhead: 'dead-letter' } as const;
    pipeline.source('s', arraySource<number>([]), { eventTime }).to('out', memorySink());
    await expect(pipeline.run({ store: new MemoryCheckpointStore() })).rejects.toThrow(
      'dead letters of s go nowhere',
    );
  });

  test('for determinism: what is too far ahead today need not be so tomorrow', () => {
    const sink: FlushingSink = {
      durability: 'idempotent',
      ordersWrites: true,
      // Never opened: nothing is run.
      open: () => Promise.reject(new Error('opened')),
    };
    const explained = (times: object): string => {
      const pipeline = new Pipeline('p', { deterministic: true });
      const eventTime = { timeOf: Number, maxAheadMs: 1, ...times };
      pipeline
        .source('s', arraySource<number>([]), { eventTime })
        .keyBy(() => 'all')
        .aggregate('counts', { initial: 0, add: (count: number) => count + 1 })
        .to('out', sink);
      return pipeline.explain();
    };
    const refusal = 'not every operator is declared deterministic';
    expect(explained({})).not.toContain(refusal);
    expect(explained({ onAhead: 'skip' })).toContain(refusal);
    expect(explained({ onAhead: 'clamp' })).toContain(refusal);
  });
});

describe('a time that is none', () => {
  test.each<[string, unknown, string]>([
    ['NaN', Number.NaN, 'its event time is NaN'],
    ['a fraction', 0.5, 'its event time is 0.5'],
    [
      'a Date',
      new Date(0),
      'is a Date: timeOf must give whole milliseconds since 1970 as a number, give its getTime()',
    ],
    ['a bigint', 5n, 'is a bigint'],
    ['text, which is not shown', 'secret', 'is text'],
    ['missing', undefined, 'its event time is undefined'],
  ])('%s is refused, and the message says what to give', async (_, time, text) => {
    const { letters } = await run([{ t: time }], {}, 'dead-letter');
    expect(letters.records).toHaveLength(1);
    expect(letters.records[0]?.error).toContain(text);
    expect(letters.records[0]?.error).not.toContain('secret');
  });

  test('before 1970 is a time as any other', async () => {
    const { sum } = await run([{ t: -5 * minute }, { t: -1 }, { t: 0 }], {});
    expect(sum()).toBe(3);
  });

  test.each([
    ['seconds', start / 1_000],
    ['microseconds', start * 1_000],
  ])('in %s is told in the log, once', async (unit, time) => {
    const warned: string[] = [];
    const logger = {
      ...silentLogger,
      warn: (_: object, message: string) => void warned.push(message),
    };
    await run([{ t: time }, { t: time }], {}, 'fail', logger);
    expect(warned).toEqual([`event times look like ${unit}: timeOf must give milliseconds`]);
  });
});

async function run(
  records: readonly Reading[],
  times: Partial<EventTimeOptions<Reading>>,
  onError: ErrorPolicy = 'fail',
  logger = silentLogger,
) {
  const pipeline = new Pipeline('readings');
  const windows = memorySink<{ start: number; count: number }>();
  const letters = memorySink<DeadLetter>();
  const source = pipeline.source('s', arraySource(records), {
    eventTime: { timeOf: ({ t }) => t as number, outOfOrderMs: 5 * minute, ...times },
    onError,
  });
  source
    .keyBy(() => 'all')
    .window('windows', tumblingWindow({ sizeMs: 10 * minute }), {
      initial: 0,
      add: (count: number) => count + 1,
      result: (_key, { startMs }, count) => ({ start: startMs, count }),
    })
    .to('windows', windows);
  source.deadLetters.to('letters', letters);
  const clock = new SimulatedClock({ startMs: start + 2 * day });
  const prepared = pipeline.prepare({
    store: new MemoryCheckpointStore(),
    clock,
    logger,
    handleSignals: false,
    checkpoint: { intervalMs: 0 },
  });
  const events: TroubledRecords[] = [];
  prepared.coordinator.events.on('records-troubled', (troubled) => events.push(troubled));
  const report = await prepared.run();
  const lastStatus = (): FlowStatus | undefined => prepared.coordinator.status().flow;
  const sum = (): number => windows.records.reduce((total, { count }) => total + count, 0);
  return { report, events, lastStatus, windows, letters, sum };
}
