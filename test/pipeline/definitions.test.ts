// State that another release of a program has saved, in the hands of one in which an operator is another.

import { describe, expect, test } from '@jest/globals';
import {
  CheckpointCoordinator,
  MemoryCheckpointStore,
  Pipeline,
  arraySource,
  jsonState,
  memorySink,
  slidingWindow,
  tumblingWindow,
} from 'tidegate';
import type { CoordinatorOptions, MemorySink, Stream } from 'tidegate';
import type { CustomOperator, StateVersion } from 'tidegate/extend';
import { StreamPipeline } from 'tidegate/streams';
import { pacedSource } from './support.js';
import { pipeline as connected } from 'node:stream/promises';

interface Event {
  readonly t: number;
}

const events: readonly Event[] = Array.from({ length: 50 }, (_, t) => ({ t }));
const adding = { initial: 0, add: (sum: number) => sum + 1 };
const merge = (earlier: number, later: number): number => earlier + later;
const keyOf = (): string => 'k';

interface Release {
  readonly store: MemoryCheckpointStore;
  readonly sink: MemorySink;
  /** The record at which the release is told to stop; otherwise it goes on to the end. */
  readonly stopAt?: number;
  readonly strictness?: 'strict' | 'lenient';
}

type Connect = (
  stream: Stream<Event>,
  pipeline: Pipeline,
) => { to(name: string, sink: MemorySink): void };

/** A release of a program: the same sources and sinks, another operator. */
async function run(
  { store, sink, stopAt, strictness = 'strict' }: Release,
  connect: Connect,
): Promise<readonly string[]> {
  const stop = new AbortController();
  const pipeline = new Pipeline('p');
  const stream = pipeline
    .source('s', pacedSource(events, { batchRecords: 1 }), { eventTime: { timeOf: ({ t }) => t } })
    .filter(({ t }) => {
      if (t === stopAt) stop.abort();
      return stopAt === undefined || t <= stopAt;
    });
  connect(stream, pipeline).to('out', sink);
  const checkpoint = { intervalMs: 0, strictness };
  const { signal } = stop;
  const report = await pipeline.run({ store, signal, checkpoint, handleSignals: false });
  expect(report.outcome).toBe(stopAt === undefined ? 'finished' : 'stopped');
  return report.recovery?.warnings ?? [];
}

const custom = (): CustomOperator<Event, unknown> => {
  let seen: number[] = [];
  const state = jsonState(
    () => seen,
    (saved) => {
      seen = saved;
    },
  );
  return {
    capture: () => state.capture(),
    restore: (bytes, options) => state.restore(bytes, options),
    reset: () => state.reset(),
    onRecord: ({ t }, context) => {
      seen = [...seen, t];
      context.emit(seen.length);
    },
  };
};

const window =
  (spec: Parameters<typeof slidingWindow>[0], more: object = {}): Connect =>
  (stream) =>
    stream.keyBy(keyOf).window('op', spec, { ...adding, ...more });

const joinWithin =
  (withinMs: number, options: StateVersion = {}): Connect =>
  (stream) => {
    const keyed = stream.keyBy(keyOf);
    const combine = (left: Event, right: Event): string => `${left.t} ${right.t}`;
    return keyed.join('op', stream.keyBy(keyOf), { withinMs, combine }, options);
  };

const processed =
  (options: StateVersion = {}): Connect =>
  (stream) =>
    stream.keyBy(keyOf).process<number, number>(
      'op',
      {
        initial: 0,
        onRecord: (_event, context) => {
          context.state += 1;
          context.setTimer(1_000);
          context.emit(context.state);
        },
      },
      options,
    );

const aggregated =
  (options: StateVersion = {}): Connect =>
  (stream) =>
    stream.keyBy(keyOf).aggregate('op', adding, options);

const applied =
  (options: StateVersion = {}): Connect =>
  (stream) =>
    stream.apply('op', custom(), options);

async function runStreams({ store, sink, stopAt }: Release): Promise<void> {
  const stop = new AbortController();
  const streams = new StreamPipeline('p', {
    sources: { s: pacedSource(events, { batchRecords: 1 }) },
    operators: { op: { ...custom(), definition: { kind: 'counted' } } },
    sinks: { out: sink },
    build: ({ source, map, operator, sink: sinkOf }) =>
      connected(
        source('s'),
        map((event: Event) => {
          if (event.t === stopAt) stop.abort();
          return event;
        }),
        operator('op'),
        sinkOf('out'),
      ),
  });
  const checkpoint = { intervalMs: 0 };
  await streams.run({ store, signal: stop.signal, checkpoint, handleSignals: false });
}

function embedded(options: StateVersion, set: (value: unknown) => void, value: unknown = 7) {
  return async ({ store, sink }: Release): Promise<void> => {
    const coordinator = new CheckpointCoordinator({
      pipeline: 'p',
      store,
      sources: { s: arraySource(events) },
      operators: { op: jsonState(() => value, set, options) },
      sinks: { out: sink },
    });
    await coordinator.start();
    await coordinator.stop();
  };
}

/** Each shows itself in messages as the text behind it. */
const kinds: Readonly<Record<string, readonly [string, (release: Release) => Promise<unknown>]>> = {
  aggregate: ['aggregate', (release) => run(release, aggregated())],
  'aggregate of a version': [
    'aggregate, version 2',
    (release) => run(release, aggregated({ version: 2 })),
  ],
  process: ['process', (release) => run(release, processed())],
  'tumbling window': [
    'window (everyMs 10, offsetMs 0, sizeMs 10)',
    (release) => run(release, window(tumblingWindow({ sizeMs: 10 }))),
  ],
  'tumbling window of another size': [
    'window (everyMs 25, offsetMs 0, sizeMs 25)',
    (release) => run(release, window(tumblingWindow({ sizeMs: 25 }))),
  ],
  'tumbling window elsewhere': [
    'window (everyMs 10, offsetMs 7, sizeMs 10)',
    (release) => run(release, window(tumblingWindow({ sizeMs: 10, offsetMs: -3 }))),
  ],
  'sliding window': [
    'window (everyMs 5, offsetMs 0, sizeMs 10)',
    (release) => run(release, window(slidingWindow({ sizeMs: 10, everyMs: 5 }))),
  ],
  'merged window': [
    'window (everyMs 5, merged true, offsetMs 0, sizeMs 10)',
    (release) => run(release, window(slidingWindow({ sizeMs: 10, everyMs: 5 }), { merge })),
  ],
  join: ['join (withinMs 2)', (release) => run(release, joinWithin(2))],
  'join of another span': ['join (withinMs 3)', (release) => run(release, joinWithin(3))],
  apply: ['apply', (release) => run(release, applied())],
  'operator of a stream': ['apply (operator counted)', (release) => runStreams(release)],
  'variable of a loop': ['json', embedded({}, () => undefined)],
};

const names = Object.keys(kinds);

describe('state of another definition', () => {
  test.each(names)('is refused by each other kind, naming both: of %s', async (name) => {
    const [saved, write] = kinds[name]!;
    for (const other of names) {
      if (other === name) continue;
      const [now, read] = kinds[other]!;
      const store = new MemoryCheckpointStore();
      const sink = memorySink();
      await write({ store, sink, stopAt: 25 });
      const before = [...sink.records];
      const refusal: unknown = await read({ store, sink }).catch((error: unknown) => error);
      const message = (refusal as Error | undefined)?.message;
      expect(message).toContain(
        `its state of operator op is of ${saved}, and the operator is now ${now}: start with`,
      );
      expect(message).toContain('; or give the operator a new name');
      expect(sink.records).toEqual(before);
    }
  });

  test.each(names)('is not what the same program finds: %s', async (name) => {
    const store = new MemoryCheckpointStore();
    const sink = memorySink();
    const [, release] = kinds[name]!;
    await release({ store, sink, stopAt: 25 });
    await release({ store, sink });
  });

  test('is refused also behind a source that was added, and behind a restore', async () => {
    for (const change of ['added', 'restored']) {
      const store = new MemoryCheckpointStore();
      const sink = memorySink();
      const life = async (version: number, more: Partial<CoordinatorOptions> = {}) => {
        const { sources, ...others } = more;
        const coordinator = new CheckpointCoordinator({
          pipeline: 'p',
          store,
          sources: { s: arraySource(events), ...sources },
          operators: { op: jsonState(noValue, noValue, { version }) },
          sinks: { out: sink },
          ...others,
        });
        const { resumed } = await coordinator.start();
        await coordinator.stop();
        return { checkpointId: resumed!.id, acceptDuplicatesIn: {} };
      };
      const restoreFrom = await life(1);
      await life(
        1,
        change === 'added' ? { sources: { more: arraySource(events) } } : { restoreFrom },
      );
      await expect(life(2)).rejects.toThrow(
        'is of json, version 1, and the operator is now json, ve',
      );
    }
  });

  test('is reported under lenient, and the operator starts empty', async () => {
    const store = new MemoryCheckpointStore();
    const sink = memorySink();
    await run({ store, sink, stopAt: 25 }, window(tumblingWindow({ sizeMs: 10 })));
    const next = window(tumblingWindow({ sizeMs: 25 }));
    const warnings = await run({ store, sink, strictness: 'lenient' }, next);
    expect(warnings).toContainEqual(
      expect.stringContaining(
        'its state of operator op is of window (everyMs 10, offsetMs 0, sizeMs 10), and the operator ' +
          'is now window (everyMs 25, offsetMs 0, sizeMs 25)',
      ),
    );
    expect(warnings.join()).toContain('(lenient: it starts empty)');
    // Windows [0, 10) and [10, 20) of the first release; [25, 50) of the second.
    expect(valuesOf(sink)).toEqual([10, 10, 24]);
  });

  test('of a table is refused, and migrated row by row', async () => {
    const rows = arraySource([{ id: 'k', name: 'Ann' }]);
    const release = (options?: StateVersion): Connect => {
      return (stream, pipeline) => {
        const table = pipeline.table<{ name: string }>('rows', rows, () => 'k', options);
        return stream.lookup(table, keyOf, (_event, row) => row?.name);
      };
    };
    const store = new MemoryCheckpointStore();
    const sink = memorySink();
    await run({ store, sink, stopAt: 48 }, release());
    await expect(run({ store, sink }, release({ version: 2 }))).rejects.toThrow(
      'its state of operator table:rows is of table, and the operator is now table, version 2',
    );
    const migrate = (row: { name: string }) => ({ name: row.name.toUpperCase() });
    await run({ store, sink }, release({ version: 2, migrate }));
    expect(sink.records.slice(-2)).toEqual(['Ann', 'ANN']);
  });
});

describe('state of another version', () => {
  interface Lives {
    readonly first: Connect;
    readonly second: Connect;
  }

  async function both({ first, second }: Lives): Promise<MemorySink> {
    const store = new MemoryCheckpointStore();
    const sink = memorySink();
    await run({ store, sink, stopAt: 25 }, first);
    await run({ store, sink }, second);
    return sink;
  }

  const calls: unknown[] = [];
  const hundredMore = (old: number, from: unknown, where: unknown): number => {
    calls.push([old, from, where]);
    return old + 100;
  };

  test.each<[string, StateVersion['version'], StateVersion['version'], unknown]>([
    ['no version', undefined, 1, undefined],
    ['a number', 1, 2, 1],
    ['a text', 'a', 'b', 'a'],
    ['a number that was a text', '1', 2, 1],
  ])('is migrated, entry by entry, from %s', async (_what, before, version, told) => {
    calls.length = 0;
    const first = before === undefined ? {} : { version: before };
    const sink = await both({
      first: aggregated(first),
      second: aggregated({ version: version!, migrate: hundredMore }),
    });
    expect(calls).toEqual([[26, told, { key: 'k' }]]);
    expect(valuesOf(sink).slice(-2)).toEqual([149, 150]);
  });

  test('may be of an aggregate where a process is now, and the other way', async () => {
    const version = { version: 2, migrate: hundredMore };
    const up = await both({ first: aggregated(), second: processed(version) });
    expect(up.records.at(-1)).toBe(150);
    const down = await both({ first: processed(), second: aggregated(version) });
    expect(valuesOf(down).at(-1)).toBe(150);
  });

  test('of a window of another size: what is open keeps its end, later records go to the new ones', async () => {
    const connect = (sizeMs: number, options: StateVersion): Connect => {
      return (stream) =>
        stream.keyBy(keyOf).window('op', tumblingWindow({ sizeMs }), adding, options);
    };
    const sink = await both({
      first: connect(10, {}),
      second: connect(25, { version: 2, migrate: (sum: number) => sum }),
    });
    const results = sink.records as { window: { startMs: number; endMs: number }; value: number }[];
    expect(results.map(({ window: w, value }) => [w.startMs, w.endMs, value])).toEqual([
      [0, 10, 10],
      [10, 20, 10],
      [20, 30, 6],
      [25, 50, 24],
    ]);
    // Every record once.
    expect(results.reduce((sum, { value }) => sum + value, 0)).toBe(50);
  });

  test('of slices of other bounds is refused, also with a migration', async () => {
    const merged = (everyMs: number, options: StateVersion): Connect => {
      return (stream) => {
        const spec = slidingWindow({ sizeMs: 20, everyMs });
        return stream.keyBy(keyOf).window('op', spec, { ...adding, merge }, options);
      };
    };
    const migrate = (sum: number): number => sum;
    const wrong = both({ first: merged(5, {}), second: merged(4, { version: 2, migrate }) });
    await expect(wrong).rejects.toThrow('there is no migrate() from the one to the other');
    const right = await both({ first: merged(5, {}), second: merged(5, { version: 2, migrate }) });
    expect(valuesOf(right)).toEqual([5, 10, 15, 20, 20, 20, 20, 20, 20, 20, 15, 10, 5]);
  });

  test('of a join of a wider span pairs what has been kept, by side', async () => {
    const sides = new Set<unknown>();
    const migrate = (old: Event, _from: unknown, { side }: { side?: string }): Event => {
      sides.add(side);
      return old;
    };
    const sink = await both({
      first: joinWithin(1),
      second: joinWithin(3, { version: 2, migrate }),
    });
    expect(sides).toEqual(new Set(['left', 'right']));
    expect(sink.records).toContain('49 46');
    expect(sink.records).not.toContain('20 22');
  });

  test('of an operator of the user is migrated as bytes, or by the operator', async () => {
    const migrate = (bytes: Uint8Array): Uint8Array => {
      const seen = JSON.parse(Buffer.from(bytes).toString()) as number[];
      return Buffer.from(JSON.stringify([...seen, ...seen]));
    };
    const sink = await both({ first: applied(), second: applied({ version: 2, migrate }) });
    expect(sink.records.at(-1)).toBe(26 + 26 + 24);
    const wrong = { version: 2, migrate: () => 'text' };
    await expect(both({ first: applied(), second: applied(wrong) })).rejects.toThrow(
      'migrate of operator op, from version none, failed: its result is of type string, not bytes',
    );
  });

  test('of a variable of a loop is migrated', async () => {
    const store = new MemoryCheckpointStore();
    const sink = memorySink();
    const seen: unknown[] = [];
    await embedded({ version: 1 }, () => undefined, 7)({ store, sink });
    const set = (value: unknown) => seen.push(value);
    const migrate = (old: number, from: unknown) => ({ old, from });
    await embedded({ version: 2, migrate }, set)({ store, sink });
    expect(seen).toEqual([{ old: 7, from: 1 }]);
  });

  test.each<[string, StateVersion, StateVersion, string]>([
    ['without a migration', {}, { version: 2 }, 'saved it, or give it a migrate(oldValue'],
    [
      'that is newer',
      { version: 10 },
      { version: 9, migrate: (old: number) => old },
      'is of aggregate, version 10, and the operator is now aggregate, version 9: start with the ' +
        'definition that saved it, which is newer',
    ],
    ['that is newer than none', { version: 1 }, {}, 'which is newer'],
    [
      'whose migration throws',
      {},
      {
        version: 2,
        migrate: () => {
          throw new Error('no idea');
        },
      },
      'migrate of operator op, from version none, failed for key "k": no idea',
    ],
    [
      'whose migration gives nothing',
      { version: 'x' },
      { version: 'y', migrate: () => undefined },
      'from version x, failed for key "k": its result cannot be saved as JSON: ',
    ],
    [
      'whose migration gives a promise',
      {},
      { version: 'y', migrate: () => Promise.resolve(1) },
      'an instance of Promise',
    ],
  ])('is refused: %s', async (_what, first, second, message) => {
    const lives = both({ first: aggregated(first), second: aggregated(second) });
    await expect(lives).rejects.toThrow(message);
  });

  test.each<[StateVersion, string]>([
    [{ migrate: (old: number) => old }, 'op: has a migrate() and no version'],
    [{ version: '' }, 'op: has the version empty'],
    [{ version: NaN }, 'op: has the version NaN'],
    [{ version: -1 }, 'op: has the version -1'],
    [{ version: 1, migrate: 1 as never }, 'op: migrate is of type number, not a function'],
    [{ version: 1, migrate: async () => 1 }, 'op: migrate is an async function'],
  ])('is refused when it is built: %#', (options, message) => {
    const stream = new Pipeline('p').source('s', arraySource(events));
    const build = () => stream.keyBy(keyOf).aggregate('op', adding, options);
    expect(build).toThrow(message);
  });
});

test('the hash of a pipeline stands for sizes and versions', () => {
  const hashOf = (connect: Connect): bigint => {
    const pipeline = new Pipeline('p');
    const times = { eventTime: { timeOf: ({ t }: Event) => t } };
    connect(pipeline.source('s', arraySource(events), times), pipeline).to('out', memorySink());
    return pipeline.hash;
  };
  const all = [
    aggregated(),
    aggregated({ version: 1 }),
    window(tumblingWindow({ sizeMs: 10 })),
    window(tumblingWindow({ sizeMs: 25 })),
    window(tumblingWindow({ sizeMs: 10, offsetMs: 1 })),
    window(slidingWindow({ sizeMs: 10, everyMs: 5 })),
    window(slidingWindow({ sizeMs: 10, everyMs: 5 }), { merge }),
    joinWithin(1),
    joinWithin(2),
  ];
  expect(new Set(all.map(hashOf)).size).toBe(all.length);
  expect(hashOf(window({ sizeMs: 10, everyMs: 10, offsetMs: 10 }))).toBe(hashOf(all[2]!));
});

/** Of a variable that is always null. */
function noValue(): null {
  return null;
}

function valuesOf(sink: MemorySink): readonly number[] {
  return (sink.records as { value: number }[]).map(({ value }) => value);
}
