// The eighteen tests that came with the original, as ours.

import { expect, test } from '@jest/globals';
import {
  DEFAULT_VNODE_COUNT,
  connectorCheckpoint,
  createManifest,
  decodeInlineState,
  externalOperatorState,
  inlineOperatorState,
  operatorStateFromBytes,
  parseManifest,
  serializeManifest,
  validateManifest,
} from 'tidegate/manifest';
import type { CheckpointManifest } from 'tidegate/manifest';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const stateText = (state: Uint8Array | undefined): string =>
  state === undefined ? 'none' : new TextDecoder().decode(state);
const roundTrip = (manifest: CheckpointManifest): CheckpointManifest =>
  parseManifest(serializeManifest(manifest));
const mandatoryOnly = '{"version": 1, "checkpoint_id": 5, "epoch": 3, "timestamp_ms": 1000}';

test('a new manifest has version 1, its numbers, a creation time and nothing else', () => {
  const manifest = createManifest(1, 5);
  expect(manifest).toMatchObject({ version: 1, checkpointId: 1, epoch: 5, vnodeCount: 256 });
  expect(manifest.timestampMs).toBeGreaterThan(1_700_000_000_000);
  expect(manifest.sourceOffsets.size + manifest.sinkEpochs.size).toBe(0);
  expect(manifest.operatorStates.size).toBe(0);
});

test('a manifest with offsets, epochs, watermark and state survives JSON', () => {
  const offsets = new Map([
    ['partition-0', '1234'],
    ['partition-1', '5678'],
  ]);
  const restored = roundTrip({
    ...createManifest(42, 10),
    sourceOffsets: new Map([['kafka-src', connectorCheckpoint(10, offsets)]]),
    sinkEpochs: new Map([['pg-sink', 9]]),
    watermark: 999_000n,
    operatorStates: new Map([['window-agg', inlineOperatorState(bytes('hello'))]]),
  });
  expect(restored).toMatchObject({ checkpointId: 42, epoch: 10, watermark: 999_000n });
  expect(restored.sourceOffsets.get('kafka-src')?.offsets.get('partition-0')).toBe('1234');
  expect(restored.sinkEpochs.get('pg-sink')).toBe(9);
  const state = restored.operatorStates.get('window-agg');
  expect(stateText(state && decodeInlineState(state))).toBe('hello');
});

test('an older manifest with only the mandatory fields parses', () => {
  const manifest = parseManifest(mandatoryOnly);
  expect(manifest.version).toBe(1);
  expect(manifest.sourceOffsets.size + manifest.sinkEpochs.size).toBe(0);
  expect(manifest.operatorStates.size).toBe(0);
  expect(manifest.watermark).toBeUndefined();
});

test('a new connector position has its epoch and no offsets', () => {
  const position = connectorCheckpoint(5);
  expect(position.epoch).toBe(5);
  expect(position.offsets.size + position.metadata.size).toBe(0);
});

test('a connector position keeps the offsets that it is given', () => {
  const position = connectorCheckpoint(3, new Map([['lsn', '0/ABCD']]));
  expect(position.epoch).toBe(3);
  expect(position.offsets.get('lsn')).toBe('0/ABCD');
});

test('inline state decodes to what was encoded', () => {
  const entry = inlineOperatorState(bytes('state-data'));
  expect(entry.external).toBe(false);
  expect(entry.stateB64).toBeDefined();
  expect(stateText(decodeInlineState(entry))).toBe('state-data');
});

test('external state is a range and has nothing inline', () => {
  const entry = externalOperatorState(1024, 256);
  expect(entry).toMatchObject({ external: true, externalOffset: 1024, externalLength: 256 });
  expect(decodeInlineState(entry)).toBeUndefined();
});

test('empty state is inline and decodes to nothing, not to none', () => {
  expect(stateText(decodeInlineState(inlineOperatorState(bytes(''))))).toBe('');
});

test('table offsets and the table store path survive JSON', () => {
  const restored = roundTrip({
    ...createManifest(1, 1),
    tableOffsets: new Map([['instruments', connectorCheckpoint(1, new Map([['lsn', '0/ABCD']]))]]),
    tableStoreCheckpointPath: '/tmp/rocksdb_cp',
  });
  expect(restored.tableOffsets.size).toBe(1);
  expect(restored.tableStoreCheckpointPath).toBe('/tmp/rocksdb_cp');
});

test('the names of sources and sinks survive JSON', () => {
  const restored = roundTrip({
    ...createManifest(1, 1),
    sourceNames: ['kafka-clicks', 'ws-prices'],
    sinkNames: ['pg-sink'],
  });
  expect(restored.sourceNames).toEqual(['kafka-clicks', 'ws-prices']);
  expect(restored.sinkNames).toEqual(['pg-sink']);
});

test('an older manifest without topology parses', () => {
  const manifest = parseManifest(mandatoryOnly);
  expect(manifest.sourceNames).toEqual([]);
  expect(manifest.sinkNames).toEqual([]);
});

test('the offset of a source that is not named is found', () => {
  const findings = validateManifest(
    {
      ...createManifest(1, 1),
      sourceNames: ['a', 'b'],
      sourceOffsets: new Map([['c', connectorCheckpoint(1)]]),
    },
    DEFAULT_VNODE_COUNT,
  );
  expect(findings.map(({ message }) => message)).toEqual([
    "source_offsets contains 'c' not in source_names",
  ]);
});

test('the pipeline hash survives JSON to the bit', () => {
  const restored = roundTrip({ ...createManifest(1, 1), pipelineHash: 0xdead_beef_cafe_1234n });
  expect(restored.pipelineHash).toBe(0xdead_beef_cafe_1234n);
});

test('state below the threshold goes inline', () => {
  const { entry, sidecar } = operatorStateFromBytes(bytes('small-state'), 1024, 0);
  expect(entry.external).toBe(false);
  expect(sidecar).toBeUndefined();
  expect(stateText(decodeInlineState(entry))).toBe('small-state');
});

test('state above the threshold goes to the sidecar, at the offset given', () => {
  const data = new Uint8Array(2048).fill(0xab);
  const { entry, sidecar } = operatorStateFromBytes(data, 1024, 512);
  expect(entry).toMatchObject({ external: true, externalOffset: 512, externalLength: 2048 });
  expect(decodeInlineState(entry)).toBeUndefined();
  expect(sidecar).toBe(data);
});

test('at exactly the threshold state is inline, one byte above it is external', () => {
  const atThreshold = operatorStateFromBytes(new Uint8Array(100), 100, 0);
  expect(atThreshold.entry.external).toBe(false);
  expect(atThreshold.sidecar).toBeUndefined();
  const above = operatorStateFromBytes(new Uint8Array(101), 100, 0);
  expect(above.entry.external).toBe(true);
  expect(above.sidecar).toHaveLength(101);
});

test('empty state goes inline', () => {
  const { entry, sidecar } = operatorStateFromBytes(bytes(''), 1024, 0);
  expect(entry.external).toBe(false);
  expect(sidecar).toBeUndefined();
  expect(stateText(decodeInlineState(entry))).toBe('');
});

test('an older manifest without pipeline hash parses', () => {
  expect(parseManifest(mandatoryOnly).pipelineHash).toBeUndefined();
});
