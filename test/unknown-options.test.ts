// Every public name is looked at: one that takes options refuses a name that there is not.

import { describe, expect, test } from '@jest/globals';
import * as root from '../src/index.js';
import * as extend from '../src/extend/index.js';
import * as manifest from '../src/manifest/index.js';
import * as files from '../src/connectors/files/index.js';
import * as http from '../src/connectors/http/index.js';
import * as kafka from '../src/connectors/kafka/index.js';
import * as pglite from '../src/connectors/pglite/index.js';
import * as postgres from '../src/connectors/postgres/index.js';
import * as s3 from '../src/connectors/s3/index.js';
import * as tasks from '../src/tasks/index.js';
import * as writeAhead from '../src/connectors/write-ahead/index.js';
import * as streams from '../src/pipeline/node-streams/index.js';
import * as testing from '../src/testing/index.js';
import type { StreamStages } from 'tidegate/streams';
import type { Build } from 'tidegate/testing';

const entries = {
  root,
  manifest,
  extend,
  files,
  http,
  kafka,
  pglite,
  postgres,
  s3,
  tasks,
  writeAhead,
  streams,
  testing,
};

/** Well-formed everywhere, and an option of nothing. */
const more: object = { misspelt: 1 };
const wrong = more as never;

const { Pipeline, MemoryCheckpointStore, memorySink, arraySource, tumblingWindow } = root;
const build: Build = () => ({ run: () => Promise.resolve() });

/** By public name: calls that give an option that there is not. */
const takers: Readonly<Record<string, readonly (() => unknown)[]>> = {
  'root.CheckpointCoordinator': [
    () => new root.CheckpointCoordinator(wrong),
    () =>
      new root.CheckpointCoordinator({
        pipeline: 'p',
        store: new MemoryCheckpointStore(),
        sources: {},
        sinks: {},
        checkpoint: wrong,
      }),
  ],
  'manifest.createManifest': [() => manifest.createManifest(1, 1, wrong)],
  'manifest.parseManifest': [() => manifest.parseManifest('{}', wrong)],
  'manifest.serializeManifest': [
    () => manifest.serializeManifest(manifest.createManifest(1, 1), wrong),
  ],
  'root.jsonState': [
    () =>
      root.jsonState(
        () => 1,
        () => 1,
        wrong,
      ),
  ],
  'root.ObjectCheckpointStore': [
    () =>
      new root.ObjectCheckpointStore({
        storage: new testing.SimulatedObjectStorage().connect() as never,
        ...more,
      }),
  ],
  'testing.SimulatedObjectStorage': [() => new testing.SimulatedObjectStorage(wrong)],
  's3.s3Storage': [() => s3.s3Storage({ bucket: 'b', ...more } as never)],
  'postgres.postgresStorage': [() => postgres.postgresStorage({ pool: {}, ...more } as never)],
  'postgres.PostgresCheckpointStore': [
    () => new postgres.PostgresCheckpointStore({ pool: { connect: onRecord }, ...more } as never),
  ],
  's3.objectSink': [
    () =>
      s3.objectSink({ storage: new testing.SimulatedObjectStorage().connect(), ...more } as never),
  ],
  's3.committedObjects': [
    () =>
      s3.committedObjects(new testing.SimulatedObjectStorage().connect() as never, wrong).next(),
  ],
  'kafka.eachBatchSource': [() => kafka.eachBatchSource(wrong)],
  'tasks.kafkaGroup': [() => tasks.kafkaGroup(wrong)],
  'tasks.runTasks': [() => tasks.runTasks(wrong)],
  'root.FileSystemCheckpointStore': [() => new root.FileSystemCheckpointStore('d', wrong)],
  'root.MemoryCheckpointStore': [() => new MemoryCheckpointStore(wrong)],
  'root.arraySource': [() => arraySource([], wrong)],
  'root.consoleSink': [() => root.consoleSink(wrong)],
  'root.pushSource': [() => root.pushSource(wrong)],
  'root.iterableSource': [() => root.iterableSource(wrong)],
  'root.tumblingWindow': [() => tumblingWindow({ sizeMs: 1, ...more })],
  'root.slidingWindow': [() => root.slidingWindow({ sizeMs: 1, everyMs: 1, ...more })],
  'root.Pipeline': [() => new Pipeline('p', wrong)],
  'files.fileSink': [() => files.fileSink({ directory: 'd', ...more })],
  'files.csvSource': [() => files.csvSource('f', wrong)],
  'files.jsonLinesSource': [() => files.jsonLinesSource('f', wrong)],
  'kafka.kafkaSink': [() => kafka.kafkaSink({ kafka: {} as never, topic: 't', ...more })],
  'http.httpSink': [() => http.httpSink({ url: 'http://host', ...more })],
  'kafka.json': [() => kafka.json(wrong)],
  'kafka.kafkaSource': [() => kafka.kafkaSource(wrong)],
  'pglite.PgliteDatabase': [() => new pglite.PgliteDatabase(wrong)],
  'postgres.postgresSink': [() => postgres.postgresSink(wrong)],
  'postgres.postgresUpsertSink': [() => postgres.postgresUpsertSink(wrong)],
  'postgres.postgresSource': [() => postgres.postgresSource(wrong)],
  'writeAhead.writeAhead': [() => writeAhead.writeAhead(memorySink(), wrong)],
  'streams.StreamPipeline': [() => new streams.StreamPipeline('p', wrong)],
  'streams.sourceOfReadable': [() => streams.sourceOfReadable(wrong)],
  'testing.crashEverywhere': [() => testing.crashEverywhere(build, { input: [], ...more })],
  'testing.replaySchedule': [
    () => testing.replaySchedule(build, { input: [], schedule: [], ...more }),
  ],
  'testing.SimulatedClock': [() => new testing.SimulatedClock(wrong)],
};

/** Public functions, classes and values that take no options. A new one has to be put somewhere. */
const others: readonly string[] = [
  ...[
    ...['TidegateError', 'errorCodes', 'hasErrorCode', 'isTidegateError', 'toCheckpointId'],
    ...['defaultCheckpointOptions', 'renderReport', 'memorySink'],
  ].map((name) => `root.${name}`),
  ...[
    ...['canonicalManifest', 'manifestChecksum', 'manifestsEqual', 'manifestIntegrity'],
    ...['connectorCheckpoint', 'decodeInlineState', 'externalOperatorState'],
    ...['inlineOperatorState', 'operatorStateFromBytes', 'tryDecodeInlineState'],
    ...['DEFAULT_VNODE_COUNT', 'manifestVersion', 'ManifestError', 'validateManifest'],
    'checkManifestVersion',
  ].map((name) => `manifest.${name}`),
  ...[
    ...['toEpoch', 'toGeneration', 'toStoreId', 'checkManifestUpdate', 'isTwoPhase'],
    ...['systemClock', 'silentLogger', 'seededRandom', 'systemRandom', 'lostInput'],
  ].map((name) => `extend.${name}`),
];

const othersElsewhere: readonly string[] = [
  'files.nodeFileSystem',
  'extend.ObjectStorageFailure',
  'kafka.KafkaFailure',
  // Its configuration is librdkafka's.
  'kafka.confluentKafka',
  'testing.SimulatedAssigner',
  ...['kafkaJs', 'bytes', 'text'].map((name) => `kafka.${name}`),
  'postgres.JsonText',
  ...['check', 'checkers', 'formatSchedule', 'parseSchedule', 'readableSource', 'startAgain'].map(
    (name) => `testing.${name}`,
  ),
  ...[
    'describeTwoPhaseSink',
    'twoPhaseSinkCases',
    'describeCheckpointStore',
    'describeObjectStorage',
    'objectStorageCases',
  ].map((name) => `testing.${name}`),
  ...['checkpointStoreCases', 'SimulatedDisk'].map((name) => `testing.${name}`),
];

const source = () => new Pipeline('p').source('s', arraySource([1]));
const timed = () =>
  new Pipeline('p').source('s', arraySource([1]), { eventTime: { timeOf: (time) => time } });
const keyed = () => timed().keyBy(() => 'k');
const adding = { initial: 0, add: (sum: number) => sum + 1 };
const merged = { ...adding, merge: (a: number, b: number) => a + b };
const onRecord = (): void => undefined;
const combine = (): number => 1;
const operator = { ...root.jsonState(() => 1, onRecord), onRecord };

class Handler {
  readonly initial = 0;
  /** An instance may have members of its own. */
  readonly limit = 3;

  onRecord(): void {
    this.onTimr();
  }

  onTimr(): void {
    throw new Error(`not within ${this.limit}`);
  }
}

const runnable = () => {
  const pipeline = new Pipeline('p');
  pipeline.source('s', arraySource([1])).to('out', memorySink());
  return pipeline;
};

function staged(use: (stages: StreamStages) => unknown): () => unknown {
  const sinks = { out: memorySink() };
  const sources = { s: arraySource([1]) };
  const operators = { own: operator };
  const parts = { sources, operators, sinks, build: use as never };
  const pipeline = new streams.StreamPipeline('p', parts);
  return () => pipeline.prepare({ store: new MemoryCheckpointStore() });
}

/** Methods of what the public names make. */
const methods: readonly (readonly [string, () => unknown])[] = [
  ['source', () => new Pipeline('p').source('s', arraySource([]), wrong)],
  ['source', () => new Pipeline('p').source('s', arraySource([1]), { eventTime: wrong })],
  ['table', () => new Pipeline('p').table('t', arraySource([1]), () => 'k', wrong)],
  ['prepare', () => runnable().prepare(wrong)],
  ['prepare', () => runnable().prepare({ store: new MemoryCheckpointStore(), checkpoint: wrong })],
  ['run', () => runnable().run({ store: new MemoryCheckpointStore(), ...more })],
  ['map', () => source().map(String, wrong)],
  ['filter', () => source().filter(Boolean, wrong)],
  ['flatMap', () => source().flatMap(() => [], wrong)],
  [
    'lookup',
    () => {
      const pipeline = new Pipeline('p');
      const table = pipeline.table('t', arraySource([1]), () => 'k');
      const stream = pipeline.source('s', arraySource([1]));
      return stream.lookup(table, () => 'k', combine, wrong);
    },
  ],
  ['apply', () => source().apply('op', operator, wrong)],
  ['apply', () => source().apply('op', { ...operator, onTimer: onRecord } as never)],
  ['aggregate', () => keyed().aggregate('op', adding, wrong)],
  ['aggregate', () => keyed().aggregate('op', { ...adding, ...more })],
  ['aggregate', () => keyed().aggregate('op', merged as never)],
  ['window', () => keyed().window('op', tumblingWindow({ sizeMs: 1 }), adding, wrong)],
  ['window', () => keyed().window('op', tumblingWindow({ sizeMs: 1 }), { ...adding, ...more })],
  ['window', () => keyed().window('op', { sizeMs: 1, everyMs: 1, ...more }, adding)],
  ['process', () => keyed().process('op', { initial: 0, onRecord }, wrong)],
  ['process', () => keyed().process('op', { initial: 0, onRecord, onTimr: onRecord } as never)],
  ['process', () => keyed().process('op', new Handler())],
  ['join', () => keyed().join('op', keyed(), { withinMs: 1, combine }, wrong)],
  ['join', () => keyed().join('op', keyed(), { withinMs: 1, combine, ...more })],
  ['build: source', staged((stages) => stages.source('s', wrong))],
  ['build: map', staged((stages) => stages.map(String, wrong))],
  ['build: filter', staged((stages) => stages.filter(Boolean, wrong))],
  ['build: flatMap', staged((stages) => stages.flatMap(() => [], wrong))],
  ['build: operator', staged((stages) => stages.operator('own', wrong))],
  ['build: oneToOne', staged((stages) => stages.oneToOne(undefined as never, wrong))],
  ['build: perEpoch', staged((stages) => stages.perEpoch(undefined as never, wrong))],
  ['build: sink', staged((stages) => stages.sink('out', wrong))],
  [
    'StreamPipeline',
    () =>
      new streams.StreamPipeline('p', {
        sources: {},
        operators: { own: { ...operator, onTimer: onRecord } as never },
        sinks: {},
        build: onRecord,
      }),
  ],
];

describe('options that there are not', () => {
  test('are looked for in every public name', () => {
    const names = Object.entries(entries).flatMap(([entry, module]) =>
      Object.keys(module).map((name) => `${entry}.${name}`),
    );
    const known = [...Object.keys(takers), ...others, ...othersElsewhere];
    expect(names.sort()).toEqual(known.sort());
  });

  test.each(Object.entries(takers))('are refused by %s', async (_name, calls) => {
    for (const call of calls) await expectRefusal(call);
  });

  test.each(methods)('are refused by the method %s: %#', async (_name, call) => {
    await expectRefusal(call);
  });
});

test('an instance of a class may have members of its own beside its handlers', () => {
  class Good {
    readonly initial = 0;
    readonly limit = 3;

    onRecord(): void {
      this.helper();
    }

    helper(): void {
      expect(this.limit).toBe(3);
    }
  }
  expect(() => keyed().process('op', new Good())).not.toThrow();
});

/** At once, or by the promise that is returned; with the name that was misspelt. */
async function expectRefusal(call: () => unknown): Promise<void> {
  let refusal: unknown;
  try {
    await call();
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toMatchObject({ code: 'TIDEGATE_OPTIONS' });
  expect((refusal as Error).message).toMatch(/misspelt|onTim|merge/);
}
