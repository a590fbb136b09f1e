// Manifests for tests: one with something in every field, and helpers to compare them.

import type {
  CheckpointManifest,
  ConnectorCheckpoint,
  OperatorCheckpoint,
} from 'tidegate/manifest';

export const fullManifest: CheckpointManifest = {
  version: 1,
  checkpointId: 16_777_217,
  epoch: 10,
  timestampMs: 1_700_000_000_123,
  sourceOffsets: new Map([
    [
      'orders',
      {
        offsets: new Map([
          ['partition-0', '1234'],
          ['partition-1', '5678'],
        ]),
        epoch: 10,
        metadata: new Map([['topic', 'orders']]),
      },
    ],
  ]),
  sinkEpochs: new Map([['warehouse', 9]]),
  sinkCommitStatuses: new Map([
    ['archive', { kind: 'committed' }],
    ['ledger', { kind: 'failed', message: 'connection "reset"\nby peer' }],
    ['warehouse', { kind: 'pending' }],
  ]),
  tableOffsets: new Map([
    ['rates', { offsets: new Map([['lsn', '0/ABCD']]), epoch: 10, metadata: new Map() }],
  ]),
  operatorStates: new Map([
    ['totals', { stateB64: 'aGVsbG8=', external: false, externalOffset: 0, externalLength: 0 }],
    ['windows', { stateB64: undefined, external: true, externalOffset: 0, externalLength: 4096 }],
  ]),
  tableStoreCheckpointPath: 'tables/16777217',
  watermark: -(2n ** 63n),
  sourceWatermarks: new Map([['orders', 2n ** 63n - 1n]]),
  sourceNames: ['orders'],
  sinkNames: ['archive', 'ledger', 'warehouse'],
  pipelineHash: 2n ** 64n - 1n,
  vnodeCount: 256,
  stateChecksum: 'a'.repeat(64),
  tidegate: {
    storeId: '0192a3b4-0000-7000-8000-000000000001',
    pipeline: 'orders',
    generation: 1,
    kind: 'savepoint',
    label: 'before the upgrade',
    commitHandles: new Map([['warehouse', 'orders/warehouse/1/16777217']]),
    rolledBack: { reason: 'a sink lost its output', generation: 2 },
    restoredFrom: 16_777_215,
    decisions: [
      {
        sink: 'warehouse',
        handle: 'orders/warehouse/1/16777217',
        action: 'rollback',
        reason: 'the table was loaded by hand',
        decidedAtMs: 1_700_000_001_000,
        generation: 2,
      },
    ],
  },
};

/** A manifest as the Rust original would know it: without members that it ignores. */
export function withoutUnknown(manifest: CheckpointManifest): CheckpointManifest {
  const { unknownFields: _unknown, tidegate: _ours, ...seed } = manifest;
  const connector = ({ offsets, epoch, metadata }: ConnectorCheckpoint): ConnectorCheckpoint => ({
    offsets,
    epoch,
    metadata,
  });
  const operator = ({ unknownFields: _, ...known }: OperatorCheckpoint): OperatorCheckpoint =>
    known;
  return {
    ...seed,
    sourceOffsets: mapValues(seed.sourceOffsets, connector),
    tableOffsets: mapValues(seed.tableOffsets, connector),
    operatorStates: mapValues(seed.operatorStates, operator),
  };
}

function mapValues<Value, Result>(
  map: ReadonlyMap<string, Value>,
  change: (value: Value) => Result,
): ReadonlyMap<string, Result> {
  return new Map([...map].map(([name, value]) => [name, change(value)]));
}
