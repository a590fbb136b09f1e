// What JavaScript gives where TypeScript would have complained: a sentence each, before anything is opened.

import { PassThrough } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import {
  CheckpointCoordinator,
  FileSystemCheckpointStore,
  MemoryCheckpointStore,
  Pipeline,
  arraySource,
  consoleSink,
  iterableSource,
  jsonState,
  memorySink,
  pushSource,
  toCheckpointId,
} from 'tidegate';
import type { Stream } from 'tidegate';
import { toEpoch, toGeneration, toStoreId } from 'tidegate/extend';
import { csvSource, fileSink, jsonLinesSource } from 'tidegate/files';
import { httpSink } from 'tidegate/http';
import { json } from 'tidegate/kafka';
import { createManifest, parseManifest } from 'tidegate/manifest';
import { PgliteDatabase } from 'tidegate/pglite';
import { postgresSink, postgresSource, postgresUpsertSink } from 'tidegate/postgres';
import { StreamPipeline } from 'tidegate/streams';
import type { StreamStages } from 'tidegate/streams';
import { crashEverywhere, replaySchedule } from 'tidegate/testing';
import { writeAhead } from 'tidegate/write-ahead';

type Case = readonly [string, () => unknown, string];

const nothing = undefined as never;
const secret = 'postgres://me:hunter2@host/db' as never;
const numbers = (): Stream<number> => new Pipeline('p').source('numbers', arraySource([1]));
const keyed = () => numbers().keyBy(() => 'key');
const coordinator = (change: object): CheckpointCoordinator =>
  new CheckpointCoordinator({
    pipeline: 'p',
    store: new MemoryCheckpointStore(),
    sources: {},
    sinks: {},
    ...change,
  });

const wrong = { keyheader: 'x' } as object;
const adding = { initial: 0, add: (sum: number) => sum + 1 };
const through = (): PassThrough => new PassThrough({ objectMode: true });

function staged(use: (stages: StreamStages) => unknown): () => unknown {
  const sources = { numbers: arraySource([1]) };
  const build = use as never;
  const pipeline = new StreamPipeline('p', { sources, sinks: { out: memorySink() }, build });
  return () => pipeline.prepare({ store: new MemoryCheckpointStore() });
}

function runWith(change: object): () => unknown {
  const pipeline = new Pipeline('p');
  pipeline.source('numbers', arraySource([1])).to('out', memorySink());
  return () => pipeline.prepare({ store: new MemoryCheckpointStore(), ...change });
}

function expectRefusal(code: string, call: () => unknown, message: string): void {
  expect(call).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(message) as unknown }),
  );
}

describe('options', () => {
  const cases: readonly Case[] = [
    ['a file sink', () => fileSink(secret), 'fileSink: expected an options object, got string'],
    ['a file sink', () => fileSink({} as never), 'fileSink: directory is missing'],
    ['a file sink', () => fileSink({ directory: '' }), 'fileSink: directory is empty, not a path'],
    ['a file source', () => csvSource({} as never), 'a file source is of type object'],
    ['a file source', () => jsonLinesSource([] as never), 'a file source is an array'],
    ['a store', () => new FileSystemCheckpointStore(nothing), 'a checkpoint store is undefined'],
    ['HTTP', () => httpSink(secret), 'httpSink: expected an options object, got string'],
    [
      'PostgreSQL',
      () => postgresSink(secret),
      'postgresSink: expected an options object, got string',
    ],
    [
      'PostgreSQL',
      () => postgresUpsertSink(nothing),
      'postgresUpsertSink: expected an options object, got undefined',
    ],
    [
      'PostgreSQL',
      () => postgresSource(null as never),
      'postgresSource: expected an options object, got null',
    ],
    [
      'write-ahead',
      () => writeAhead(memorySink(), nothing),
      'writeAhead: expected an options object, got undefined',
    ],
    [
      'streams',
      () => new StreamPipeline('p', nothing),
      'a StreamPipeline: expected an options object, got undefined',
    ],
    [
      'a run',
      () => new Pipeline('p').prepare(nothing),
      'a run: expected an options object, got undefined',
    ],
    ['a run', runWith({ chekpoint: {} }), 'a run: there is no option chekpoint'],
    [
      'a coordinator',
      () => new CheckpointCoordinator(nothing),
      'a coordinator: expected an options object, got undefined',
    ],
    ['a coordinator', () => coordinator({ pipeline: nothing }), '- pipeline is missing'],
    ['a coordinator', () => coordinator({ operator: {} }), '- there is no option operator'],
    ['a coordinator', () => coordinator({ sources: 3 }), '- sources is of type number'],
    ['a coordinator', () => coordinator({ barriers: {} }), '- barriers has no inject()'],
    ['a coordinator', () => coordinator({ clock: {} }), '- clock has no now()'],
    ['a coordinator', () => coordinator({ logger: {} }), '- logger has no debug()'],
    ['a coordinator', () => coordinator({ pipelineHash: 7 }), '- pipelineHash is of type number'],
    ['its store', () => coordinator({ store: nothing }), '- store is missing'],
    ['its store', () => coordinator({ store: {} }), '- store has no open(), openReadOnly()'],
    ['its table store', () => coordinator({ tableStore: {} }), '- tableStore has no checkpoint()'],
    ['its source', () => coordinator({ sources: { a: nothing } }), '- source a is undefined'],
    [
      'its table',
      () => coordinator({ tables: { a: {} } }),
      '- table a has no position(), restore()',
    ],
    [
      'its operator',
      () => coordinator({ operators: { a: { capture: () => 1 } } }),
      '- operator a has no restore(), reset()',
    ],
    ['its sink', () => coordinator({ sinks: { a: {} } }), '- sink a has no open()'],
    [
      'its sink',
      () => coordinator({ sinks: { a: { open: () => nothing } } }),
      '- sink a has a durability that is missing, not one of durable, last-resource, idempotent',
    ],
    [
      'its sink',
      () => coordinator({ sinks: { a: { open: () => nothing, durability: 'exactly-once' } } }),
      '- sink a has a durability that is "exactly-once", not one of',
    ],
  ];

  const misspelt: readonly Case[] = [
    [
      'HTTP',
      () => httpSink({ url: 'http://host', ...wrong }),
      'httpSink: there is no option keyheader',
    ],
    ['a file sink', () => fileSink({ directory: 'd', ...wrong }), 'fileSink: there is no option'],
    ['CSV', () => csvSource('f', wrong), 'csvSource: there is no option'],
    ['JSON lines', () => jsonLinesSource('f', wrong), 'jsonLinesSource: there is no option'],
    ['a store', () => new FileSystemCheckpointStore('d', wrong), 'a checkpoint store: there is no'],
    [
      'a database',
      () => new PgliteDatabase({ ...wrong } as never),
      'a PgliteDatabase: there is no',
    ],
    ['PostgreSQL', () => postgresSink({ ...wrong } as never), 'postgresSink: there is no option'],
    [
      'PostgreSQL',
      () => postgresUpsertSink({ ...wrong } as never),
      'postgresUpsertSink: there is no',
    ],
    [
      'PostgreSQL',
      () => postgresSource({ ...wrong } as never),
      'postgresSource: there is no option',
    ],
    [
      'write-ahead',
      () => writeAhead(memorySink(), { ...wrong } as never),
      'writeAhead: there is no',
    ],
    ['an array', () => arraySource([], wrong), 'arraySource: there is no option'],
    [
      'an iterable',
      () => iterableSource({ ...wrong } as never),
      'iterableSource: there is no option',
    ],
    ['the console', () => consoleSink(wrong), 'consoleSink: there is no option'],
    ['a pipeline', () => new Pipeline('p', wrong), 'pipeline p: there is no option'],
    [
      'streams',
      () => new StreamPipeline('p', wrong as never),
      'a StreamPipeline: there is no option',
    ],
    ['a run', runWith(wrong), 'a run: there is no option'],
    [
      'a source',
      () => new Pipeline('p').source('a', arraySource([]), wrong),
      'source a: there is no',
    ],
    [
      'event time',
      () => new Pipeline('p').source('a', arraySource([1]), { eventTime: wrong as never }),
      'eventTime of source a: there is no option',
    ],
    [
      'a memory store',
      () => new MemoryCheckpointStore(wrong),
      'a memory store: there is no option',
    ],
    ['map', () => numbers().map(String, wrong), 'map: there is no option'],
    ['aggregate', () => keyed().aggregate('sum', adding, wrong), 'sum: there is no option'],
    ['a stream', staged((stages) => stages.map(String, wrong)), 'map: there is no option'],
    [
      'a stream',
      staged((stages) => stages.source('numbers', wrong)),
      'numbers: there is no option',
    ],
    ['a stream', staged((stages) => stages.sink('out', wrong)), 'out: there is no option'],
    [
      'a stream',
      staged((stages) => stages.perEpoch(through, wrong)),
      'per-epoch: there is no option',
    ],
  ];

  test.each(misspelt)('of %s that there are not are refused: %#', (_what, call, message) => {
    expectRefusal('TIDEGATE_OPTIONS', call, message);
    expectRefusal('TIDEGATE_OPTIONS', call, ' keyheader: there are ');
  });

  test('that there are not are told with all that there are', () => {
    const call = staged((stages) => stages.map(String, wrong));
    expectRefusal('TIDEGATE_OPTIONS', call, 'keyheader: there are highWaterMark, onError, name');
    expectRefusal('TIDEGATE_OPTIONS', () => numbers().map(String, wrong), 'are onError, name');
  });

  test.each([
    [
      'map',
      () => numbers().map(String, null as never),
      'map: expected an options object, got null',
    ],
    [
      'a stream',
      staged((stages) => stages.map(String, null as never)),
      'map: expected an options object, got null',
    ],
    [
      'a stream',
      staged((stages) => stages.perEpoch(through, secret)),
      'per-epoch: expected an options object, got string',
    ],
    [
      'a stream',
      staged((stages) => stages.sink('out', [] as never)),
      'out: expected an options object, got an array',
    ],
  ])('of %s that are none are refused: %#', (_what, call, message) => {
    expectRefusal('TIDEGATE_OPTIONS', call, message);
  });

  test.each<Case>([
    [
      'JSON state',
      () =>
        jsonState(
          () => 1,
          () => undefined,
          { deterministic: 'yes' } as never,
        ),
      'jsonState: deterministic is of type string, not true or false',
    ],
    [
      'a manifest that is read',
      () => parseManifest('{}', { maxBytes: '9' } as never),
      'parseManifest: maxBytes is of type string, not a whole number of 1 or more',
    ],
    [
      'a manifest that is made',
      () => createManifest(1, 1, { vnodeCount: 65_536, clock: {} as never }),
      'createManifest: vnodeCount is 65536, not a whole number from 0 to 65535; clock has no now()',
    ],
    [
      'JSON of Kafka',
      () => json({ numbers: 'big' } as never),
      'json: numbers is "big", not "exact", "bigint", "nearest" or a function',
    ],
    [
      'a client that hands over',
      () => pushSource({ start: {} } as never),
      'pushSource: seek is missing',
    ],
  ])('of %s that do not fit are refused', (_what, call, message) => {
    expectRefusal('TIDEGATE_OPTIONS', call, message);
  });

  test('of a crash test that there are not are refused', async () => {
    const build = () => ({ run: () => Promise.resolve() });
    await expect(crashEverywhere(build, { input: [], ...wrong })).rejects.toMatchObject({
      code: 'TIDEGATE_OPTIONS',
    });
    await expect(
      replaySchedule(build, { input: [], schedule: [], ...wrong }),
    ).rejects.toMatchObject({ code: 'TIDEGATE_OPTIONS' });
  });

  test.each(cases)('of %s are refused: %#', (_what, call, message) => {
    expectRefusal('TIDEGATE_OPTIONS', call, message);
    expect(call).not.toThrow('hunter2');
  });

  test('are refused with every problem at once', () => {
    const call = () => coordinator({ store: {}, sinks: { a: nothing }, pipeline: '' });

    for (const problem of [
      'pipeline has a name that is empty',
      'store has no',
      'sink a is undefined',
    ]) {
      expectRefusal('TIDEGATE_OPTIONS', call, `- ${problem}`);
    }
  });

  test('of a class that is gone, or of one that it cannot have, are refused by a sink of PostgreSQL', () => {
    const call = (durability: string) => () =>
      postgresSink({ pool: {}, table: 't', durability } as never);

    expectRefusal('TIDEGATE_POSTGRES_OPTIONS', call('fenced'), 'put writeAhead in front');
    expectRefusal('TIDEGATE_POSTGRES_OPTIONS', call('idempotent'), 'only durable or last-resource');
  });

  test('of a wrapped sink that is none are refused by the wrapper', () => {
    const call = () => writeAhead(nothing, { directory: 'here' });
    expectRefusal('TIDEGATE_WRITE_AHEAD_OPTIONS', call, 'the wrapped sink is undefined');
  });
});

describe('ids', () => {
  test.each([
    ['a text', () => toCheckpointId('16777217' as never), 'checkpoint id is of type string, not a'],
    ['zero', () => toEpoch(0), 'epoch is 0, not a whole number from 1 to 9007199254740991'],
    ['a fraction', () => toCheckpointId(1.5), 'checkpoint id is 1.5, not'],
    ['no number', () => toCheckpointId(NaN), 'checkpoint id is NaN, not'],
    [
      'too much',
      () => toGeneration(2 ** 29),
      'generation is 536870912, not a whole number from 1 to',
    ],
    ['nothing', () => toStoreId(''), 'a store id is empty, not a text'],
    ['a number', () => toStoreId(7 as never), 'a store id is of type number, not a text'],
  ])('that are %s are refused', (_what, call, message) => {
    expectRefusal('TIDEGATE_OPTIONS', call, message);
  });

  test('that are some are what was given', () => {
    const most = Number.MAX_SAFE_INTEGER;
    expect([toCheckpointId(1), toEpoch(most), toGeneration(2 ** 29 - 1), toStoreId('s')]).toEqual([
      1,
      most,
      2 ** 29 - 1,
      's',
    ]);
  });
});

describe('a pipeline', () => {
  const retry = { onError: 'retry' as never };
  const source = { position: () => ({}), restore: () => undefined };
  const cases: readonly Case[] = [
    ['a source', () => new Pipeline('p').source('a', nothing), 'source a is undefined'],
    ['a source', () => new Pipeline('p').source('a', source as never), 'source a has no read()'],
    [
      'a name',
      () => new Pipeline('p').source(nothing, arraySource([1])),
      'the name of a source is undefined, not text',
    ],
    ['a table', () => new Pipeline('p').table('t', nothing, () => 'k'), 'table t is undefined'],
    ['a table', () => new Pipeline('p').table('t', arraySource([1]), nothing), 'keyOf of table t'],
    [
      'event time',
      () => new Pipeline('p').source('a', arraySource([1]), { eventTime: {} as never }),
      'eventTime of source a: timeOf is missing',
    ],
    ['a policy', () => numbers().map(String, retry), 'map: onError is "retry", not one of fail'],
    ['a policy', () => keyed().aggregate('sum', adding, retry), 'sum: onError is "retry"'],
    [
      'a policy',
      () => new Pipeline('p').source('a', arraySource([1]), retry),
      'source a: onError is "retry"',
    ],
    [
      'a policy',
      staged((stages) => stages.map(String, { onError: 'dead-letter' as never })),
      'map: onError is "dead-letter", not one of fail, skip',
    ],
    ['map', () => numbers().map(nothing), 'convert of map is undefined, not a function'],
    ['filter', () => numbers().filter(secret), 'isWanted of filter is of type string'],
    ['flatMap', () => numbers().flatMap(nothing), 'expand of flatMap is undefined'],
    [
      'lookup',
      () => numbers().lookup({} as never, nothing, nothing),
      'keyOf of lookup is undefined',
    ],
    ['apply', () => numbers().apply('op', nothing), 'op is undefined'],
    [
      'apply',
      () => numbers().apply('op', {} as never),
      'op has no onRecord(), capture(), restore()',
    ],
    ['aggregate', () => keyed().aggregate('op', nothing), 'op is undefined'],
    ['aggregate', () => keyed().aggregate('op', { initial: 0 } as never), 'op has no add()'],
    ['process', () => keyed().process('op', {} as never), 'op has no onRecord()'],
    [
      'keyBy',
      () =>
        numbers()
          .keyBy(nothing)
          .aggregate('op', { initial: 0, add: () => 1 }),
      'keyOf of op is undefined, not a function',
    ],
    ['a sink', () => numbers().to('x', nothing), 'sink x is undefined'],
    ['a sink', () => numbers().to('x', {} as never), 'sink x has no open()'],
  ];

  test.each(cases)('is refused when it is built: %s, %#', (_what, call, message) => {
    expectRefusal('TIDEGATE_PIPELINE', call, message);
    expect(call).not.toThrow('hunter2');
  });
});
