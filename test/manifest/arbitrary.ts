// Any manifest at all, for property tests.

import fc from 'fast-check';
import type {
  CheckpointManifest,
  ConnectorCheckpoint,
  JsonValue,
  OperatorCheckpoint,
  SinkCommitStatus,
  TidegateFields,
} from 'tidegate/manifest';

const name = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: 'grapheme', maxLength: 8 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('__proto__', 'constructor', '', '"', '\\', '\u2028', '\ufeff'),
  },
  {
    weight: 1,
    arbitrary: fc.string({ unit: 'binary', maxLength: 4 }).map((text) => text.toWellFormed()),
  },
);

const counter = fc.oneof(fc.nat(), fc.constantFrom(0, 1, Number.MAX_SAFE_INTEGER), fc.maxSafeNat());
const i64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

const mapOf = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<ReadonlyMap<string, Value>> =>
  fc.array(fc.tuple(name, value), { maxLength: 4 }).map((entries) => new Map(entries));

const jsonNumber = fc
  .oneof(u64.map(String), fc.constantFrom('-0', '1e400', '-1.50E-7', '0.10'))
  .map((numberText): JsonValue => ({ numberText }));

const json = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<JsonValue[]>(null, true, false),
    name,
    jsonNumber,
    fc.array(tie('value'), { maxLength: 3 }),
    mapOf(tie('value')),
  ),
})).value;

/** Members that no field claims: none mostly, and never under a name that one claims. */
const unknownFields = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc
      .array(
        fc.tuple(
          name.map((text) => `x-${text}`),
          json,
        ),
        { minLength: 1, maxLength: 3 },
      )
      .map((entries) => ({ unknownFields: new Map(entries) })),
  },
);

const status: fc.Arbitrary<SinkCommitStatus> = fc.oneof(
  fc.constant<SinkCommitStatus>({ kind: 'pending' }),
  fc.constant<SinkCommitStatus>({ kind: 'committed' }),
  name.map((message): SinkCommitStatus => ({ kind: 'failed', message })),
);

const connector: fc.Arbitrary<ConnectorCheckpoint> = fc
  .record({ offsets: mapOf(name), epoch: counter, metadata: mapOf(name) })
  .chain((fields) => unknownFields.map((unknown) => ({ ...fields, ...unknown })));

const operator: fc.Arbitrary<OperatorCheckpoint> = fc
  .record({
    stateB64: fc.option(fc.base64String({ maxLength: 24 }), { nil: undefined }),
    external: fc.boolean(),
    externalOffset: counter,
    externalLength: counter,
  })
  .chain((fields) => unknownFields.map((unknown) => ({ ...fields, ...unknown })));

const tidegate: fc.Arbitrary<TidegateFields> = fc
  .record(
    {
      storeId: fc.uuid(),
      pipeline: name,
      generation: counter,
      kind: fc.constantFrom('checkpoint' as const, 'savepoint' as const),
      label: name,
      commitHandles: mapOf(name),
      operatorDefinitions: mapOf(
        fc.record(
          { kind: name, version: name, settings: mapOf(name) },
          { requiredKeys: ['kind', 'settings'] },
        ),
      ),
      rolledBack: fc.record({ reason: name, generation: counter }),
      supersedes: counter,
      restoredFrom: counter,
      decisions: fc.array(
        fc.record({
          sink: name,
          handle: name,
          action: fc.constantFrom('commit' as const, 'rollback' as const),
          reason: name,
          decidedAtMs: counter,
          generation: counter,
        }),
        { maxLength: 2 },
      ),
    },
    {
      requiredKeys: ['storeId', 'pipeline', 'generation', 'kind', 'commitHandles'],
    },
  )
  .chain((fields) => unknownFields.map((unknown) => ({ ...fields, ...unknown })));

const seedFields = fc.record({
  version: fc.oneof(fc.constant(1), fc.nat({ max: 2 ** 31 - 1 })),
  checkpointId: counter,
  epoch: counter,
  timestampMs: counter,
  sourceOffsets: mapOf(connector),
  sinkEpochs: mapOf(counter),
  sinkCommitStatuses: mapOf(status),
  tableOffsets: mapOf(connector),
  operatorStates: mapOf(operator),
  tableStoreCheckpointPath: fc.option(name, { nil: undefined }),
  watermark: fc.option(i64, { nil: undefined }),
  sourceWatermarks: mapOf(i64),
  sourceNames: fc.array(name, { maxLength: 3 }),
  sinkNames: fc.array(name, { maxLength: 3 }),
  pipelineHash: fc.option(u64, { nil: undefined }),
  vnodeCount: fc.nat({ max: 65535 }),
  stateChecksum: fc.option(name, { nil: undefined }),
});

/** A manifest that tidegate wrote: with its object, hence with a checksum. */
export const anyOwnManifest: fc.Arbitrary<CheckpointManifest> = fc
  .tuple(seedFields, tidegate, unknownFields)
  .map(([seed, ours, unknown]) => ({ ...seed, tidegate: ours, ...unknown }));

/** A manifest of ours or a foreign one. */
export const anyManifest: fc.Arbitrary<CheckpointManifest> = fc.oneof(
  anyOwnManifest,
  fc.tuple(seedFields, unknownFields).map(([seed, unknown]) => ({ ...seed, ...unknown })),
);
