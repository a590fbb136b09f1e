import { describe, expect, test } from '@jest/globals';
import {
  MemoryCheckpointStore,
  Pipeline,
  arraySource,
  jsonState,
  memorySink,
  tumblingWindow,
} from 'tidegate';
import type { RunOptions } from 'tidegate';
import type { CustomOperator, ReadableSource } from 'tidegate/extend';
import { SimulatedClock } from 'tidegate/testing';
import { flakySink, pacedSource, timetabledSource } from './support.js';

const eventTime = { timeOf: (time: number) => time };

/** Emits what it is told: records as they are, times behind a `t`; counts both in its state. */
function teller(told: (time: number) => void = () => undefined): CustomOperator<number, string> {
  let calls = 0;
  return {
    ...jsonState(
      () => calls,
      (saved) => {
        calls = saved;
      },
    ),
    onRecord: (record, context) => {
      calls += 1;
      context.emit(String(record));
    },
    onTime: (time, context) => {
      calls += 1;
      told(time);
      context.emit(time === Infinity ? 'end' : `t${time}`);
    },
  };
}

function options(store: MemoryCheckpointStore, clock: SimulatedClock): RunOptions {
  return {
    store,
    clock,
    handleSignals: false,
    checkpoint: { intervalMs: 1, timeouts: { commitMs: 5 } },
  };
}

describe('an operator of a user', () => {
  test.each([1, 2, 5])(
    'is told how far time has come before each record, in batches of %i',
    async (batchRecords) => {
      const sink = memorySink<string>();
      const pipeline = new Pipeline('times');
      pipeline
        .source('times', arraySource([10, 30, 20, 110], { batchRecords }), { eventTime })
        .apply('tell', teller())
        .to('out', sink);
      await pipeline.run({ store: new MemoryCheckpointStore() });
      expect(sink.records).toEqual('10 t10 30 t30 20 110 t110 end'.split(' '));
    },
  );

  test('is told of time and of records one at a time, each after the one before has settled', async () => {
    const sink = memorySink<string>();
    let running = 0;
    let most = 0;
    const slowly = async (work: () => void): Promise<void> => {
      running += 1;
      most = Math.max(most, running);
      await Promise.resolve();
      work();
      running -= 1;
    };
    const inner = teller();
    const pipeline = new Pipeline('times');
    pipeline
      .source('times', arraySource([10, 30, 20]), { eventTime })
      .apply<string>('tell', {
        ...inner,
        onRecord: (record: number, context) => slowly(() => void inner.onRecord(record, context)),
        onTime: (time, context) => slowly(() => void inner.onTime?.(time, context)),
      })
      .to('out', sink);
    await pipeline.run({ store: new MemoryCheckpointStore() });
    expect(sink.records).toEqual('10 t10 30 t30 20 end'.split(' '));
    expect(most).toBe(1);
  });

  test('has no time in a stream without event time, and learns of the end', async () => {
    const sink = memorySink<string>();
    const pipeline = new Pipeline('times');
    const times: unknown[] = [];
    const inner = teller();
    pipeline
      .source('times', arraySource([10, 30]))
      .apply<string>('tell', {
        ...inner,
        onTime: (time, context) => {
          times.push([time, context.time]);
          void inner.onTime?.(time, context);
        },
      })
      .to('out', sink);
    await pipeline.run({ store: new MemoryCheckpointStore() });
    expect(sink.records).toEqual(['10', '30', 'end']);
    expect(times).toEqual([[Infinity, undefined]]);
  });

  test.each([10, 30, 40, 50])(
    'is told no time twice, nor a lower one, by a run that was stopped at %i and goes on',
    async (stopAt) => {
      const store = new MemoryCheckpointStore();
      const sink = memorySink<string>();
      const told: number[] = [];
      const run = async (signal?: AbortSignal, stop?: AbortController) => {
        const clock = new SimulatedClock();
        const pipeline = new Pipeline('times');
        pipeline
          .source('times', pacedSource([10, 30, 20, 40, 50], { batchRecords: 2 }), { eventTime })
          .map((time) => {
            if (time === stopAt) stop?.abort();
            return time;
          })
          .apply(
            'tell',
            teller((time) => told.push(time)),
          )
          .to('out', sink);
        return clock.until(pipeline.run({ ...options(store, clock), ...(signal && { signal }) }));
      };
      const stop = new AbortController();
      await run(stop.signal, stop);
      await run();
      expect((await run()).outcome).toBe('already-finished');
      expect(told).toEqual([10, 30, 40, 50, Infinity]);
      expect(sink.records).toEqual('10 t10 30 t30 20 40 t40 50 t50 end'.split(' '));
    },
  );

  test('is told no lower time when a source that was idle is behind after a restart', async () => {
    const store = new MemoryCheckpointStore();
    const told: number[] = [];
    const sink = memorySink<string>();
    const run = async (stop?: AbortController) => {
      const clock = new SimulatedClock();
      const pipeline = new Pipeline('times');
      const left = timetabledSource(clock, [
        { records: [10, 200] },
        { afterMs: 1_000, records: [300] },
      ]);
      const right = timetabledSource(clock, [
        { records: [20] },
        { afterMs: 500, records: [60] },
        { afterMs: 1, records: [250] },
      ]);
      const tell = teller((time) => {
        told.push(time);
        if (time === 200) stop?.abort();
      });
      pipeline
        .source('left', left, { eventTime })
        .union(pipeline.source('right', right, { eventTime: { ...eventTime, idleAfterMs: 100 } }))
        .apply('tell', tell)
        .to('out', sink);
      const signal = stop?.signal;
      return clock.until(pipeline.run({ ...options(store, clock), ...(signal && { signal }) }));
    };
    expect((await run(new AbortController())).outcome).toBe('stopped');
    expect(told.at(-1)).toBe(200);
    await run();
    expect(told).toEqual([...new Set(told)].sort((a, b) => a - b));
    expect(told.slice(-3)).toEqual([200, 300, Infinity]);
  });

  test('is told of the end of all inputs once, whatever was started anew before and after', async () => {
    const store = new MemoryCheckpointStore();
    const sink = memorySink<string>();
    const run = async (right: ReadableSource<number>, stopAt?: number) => {
      const stop = new AbortController();
      const clock = new SimulatedClock();
      const pipeline = new Pipeline('times');
      pipeline
        .source('left', arraySource([1]))
        .union(pipeline.source('right', right))
        .map((time) => {
          if (time === stopAt) stop.abort();
          return time;
        })
        .apply('tell', teller())
        .to('out', sink);
      const running = pipeline.run({ ...options(store, clock), signal: stop.signal });
      return clock.until(running);
    };
    const numbers = [11, 12, 13, 14, 15, 16];
    const right = () => pacedSource(numbers, { batchRecords: 1, turns: () => 2 });
    expect((await run(right(), 13)).outcome).toBe('stopped');
    expect(sink.records).not.toContain('end');
    expect((await run(right(), 15)).outcome).toBe('stopped');
    expect((await run(right())).outcome).toBe('finished');
    for (let again = 0; again < 2; again++) {
      expect((await run(right())).outcome).toBe('already-finished');
    }
    expect(sink.records.at(-1)).toBe('end');
    expect([...sink.records].sort()).toEqual(['1', ...numbers.map(String), 'end']);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'is told of the end again when what it has emitted was rolled back, at pre-commit %i',
    async (nth) => {
      const sink = memorySink<string>();
      const store = new MemoryCheckpointStore();
      const clock = new SimulatedClock();
      const pipeline = new Pipeline('times');
      pipeline
        .source('times', pacedSource([1, 2, 3, 4], { batchRecords: 1 }), { eventTime })
        .apply('tell', teller())
        .to('out', flakySink(sink, 'preCommit', nth));
      await clock.until(pipeline.run(options(store, clock)));
      expect(sink.records).toEqual('1 t1 2 t2 3 t3 4 t4 end'.split(' '));
    },
  );

  test('can send on at the end what windows and timers behind it still take', async () => {
    const windows = memorySink<string>();
    const timers = memorySink<string>();
    const held: number[] = [];
    const pipeline = new Pipeline('times');
    const last = pipeline
      .source('times', arraySource([10, 130, 120]), { eventTime })
      .apply<number>('last', {
        ...jsonState(
          () => held,
          (saved) => void held.splice(0, Infinity, ...saved),
        ),
        onRecord: (time) => void held.push(time),
        onTime: (time, context) => {
          if (time === Infinity) for (const one of held.splice(0)) context.emit(one);
        },
      });
    const keyed = last.keyBy(() => 'all');
    keyed
      .window('windows', tumblingWindow({ sizeMs: 100 }), {
        initial: 0,
        add: (count: number) => count + 1,
        result: (_key, { startMs }, count) => `${startMs} ${count}`,
      })
      .to('windows', windows);
    keyed
      .process<number, string>('timers', {
        initial: 0,
        onRecord: (_time, context) => {
          context.state += 1;
          context.setTimer((context.time ?? 0) + 50);
        },
        onTimer: (time, context) => context.emit(`${time} ${context.state}`),
      })
      .to('timers', timers);
    const report = await pipeline.run({ store: new MemoryCheckpointStore() });
    // As of the newest watermark: the end of time itself is in no window.
    expect(windows.records).toEqual(['100 3']);
    expect(timers.records).toEqual(['180 3']);
    expect(report.late.size).toBe(0);
  });

  test('halts under its own name when what it does at a time fails, whatever is skipped', async () => {
    const pipeline = new Pipeline('times');
    const failing: CustomOperator<number, string> = {
      ...teller(),
      onTime: (time) => {
        if (time === 20) throw new Error('no twenty');
      },
    };
    pipeline
      .source('times', arraySource([10, 20, 30]), { eventTime })
      .apply('failing', failing, { onError: 'skip' })
      .to('out', memorySink());
    await expect(pipeline.run({ store: new MemoryCheckpointStore() })).rejects.toMatchObject({
      code: 'TIDEGATE_HALTED',
      cause: {
        code: 'TIDEGATE_OPERATOR_FAILED',
        message: 'operator failing failed at time 20: no twenty',
      },
    });
  });
});
