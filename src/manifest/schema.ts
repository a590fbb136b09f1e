// The manifest field by field: names in JSON, types and order of the Rust original, then our own.

import { boolean, list, map, nullable, oneOf, text, type Codec } from './json/codec.js';
import { counter, i64, u16, u32, u64 } from './json/integers.js';
import { defaulted, optional, required, struct, type OnUnknown } from './json/struct.js';
import type {
  CheckpointManifest,
  ConnectorCheckpoint,
  LostInput,
  ManualDecision,
  OperatorCheckpoint,
  RolledBack,
  SavedDefinition,
  SinkCommitStatus,
  TidegateFields,
} from './types.js';

/** Inside `tidegate`: SHA-256, in hex, of the canonical form of the document without this member. */
export const checksumField = 'manifest_checksum';

/** Our object as it stands in a document: with the checksum that memory does not keep. */
type StoredTidegateFields = TidegateFields & { readonly manifestChecksum?: string };

export type StoredManifest = Omit<CheckpointManifest, 'tidegate'> & {
  readonly tidegate?: StoredTidegateFields;
};

const emptyMap = (): ReadonlyMap<string, never> => new Map<string, never>();
const emptyList = (): readonly never[] => [];
const none = (): undefined => undefined;

const connectorCheckpoint = struct<ConnectorCheckpoint>('a connector checkpoint object', {
  offsets: required('offsets', map(text)),
  epoch: required('epoch', counter),
  metadata: defaulted('metadata', map(text), emptyMap),
});

const operatorCheckpoint = struct<OperatorCheckpoint>('an operator checkpoint object', {
  stateB64: defaulted('state_b64', nullable(text), none),
  external: defaulted('external', boolean, () => false),
  externalOffset: defaulted('external_offset', counter, () => 0),
  externalLength: defaulted('external_length', counter, () => 0),
});

const statusForms = '"Pending", "Committed" or {"Failed": "message"}';

/** An enum as serde writes it: a word, or an object whose one name is the variant. */
const sinkCommitStatus: Codec<SinkCommitStatus> = {
  read(reader) {
    const start = reader.mark();
    if (!reader.nextIs('{')) {
      const variant = reader.readString(statusForms);
      if (variant === 'Pending') return { kind: 'pending' };
      if (variant === 'Committed') return { kind: 'committed' };
      return reader.fail('TIDEGATE_MANIFEST_TYPE', start, JSON.stringify(variant), statusForms);
    }
    let message: string | undefined;
    reader.readObject(statusForms, (name, nameIndex) => {
      if (name !== 'Failed') {
        reader.fail('TIDEGATE_MANIFEST_TYPE', nameIndex, JSON.stringify(name), statusForms);
      }
      message = text.read(reader);
    });
    if (message === undefined) {
      return reader.fail('TIDEGATE_MANIFEST_TYPE', start, 'an empty object', statusForms);
    }
    return { kind: 'failed', message };
  },
  write(status, context) {
    switch (status.kind) {
      case 'pending':
        return 'Pending';
      case 'committed':
        return 'Committed';
      case 'failed': {
        context.enter('Failed');
        const message = text.write(status.message, context);
        context.leave();
        return new Map([['Failed', message]]);
      }
      default: {
        const { kind } = status as { kind: unknown };
        return context.refuse('TIDEGATE_MANIFEST_TYPE', kind, 'pending, committed or failed');
      }
    }
  },
};

const rolledBack = struct<RolledBack>('an object with reason and generation', {
  reason: required('reason', text),
  generation: required('generation', counter),
});

const manualDecision = struct<ManualDecision>('an object with sink, handle, action and reason', {
  sink: required('sink', text),
  handle: required('handle', text),
  action: required('action', oneOf('commit', 'rollback')),
  reason: required('reason', text),
  decidedAtMs: required('decided_at_ms', counter),
  generation: required('generation', counter),
});

const lostInput = struct<LostInput>('an object with checkpoint_id, from, to and reason', {
  checkpointId: required('checkpoint_id', counter),
  from: required('from', map(text)),
  to: required('to', map(text)),
  reason: required('reason', text),
});

const savedDefinition = struct<SavedDefinition>('an object with kind and settings', {
  kind: required('kind', text),
  version: optional('version', text),
  settings: defaulted('settings', map(text), emptyMap),
});

const tidegateFields = struct<StoredTidegateFields>('the object of tidegate', {
  storeId: required('store_id', text),
  pipeline: required('pipeline', text),
  generation: required('generation', counter),
  kind: required('kind', oneOf('checkpoint', 'savepoint')),
  label: optional('label', text),
  commitHandles: defaulted('commit_handles', map(text), emptyMap),
  sinkMarkers: optional('sink_markers', map(counter)),
  operatorDefinitions: optional('operator_definitions', map(savedDefinition)),
  rolledBack: optional('rolled_back', rolledBack),
  supersedes: optional('supersedes', counter),
  restoredFrom: optional('restored_from', counter),
  lostInput: optional('lost_input', map(lostInput)),
  decisions: optional('decisions', list(manualDecision)),
  manifestChecksum: optional(checksumField, text),
});

/**
 * One damaged byte in the name `tidegate` would turn our manifest into a foreign one, whose checksum
 * is not compared.
 */
const refuseDamagedName: OnUnknown = (reader, name, nameIndex, value) => {
  if (!(value instanceof Map) || !value.has(checksumField)) return;
  const found = `an object with a ${checksumField} under the name ${JSON.stringify(name)}`;
  reader.fail('TIDEGATE_MANIFEST_CHECKSUM', nameIndex, found, 'it under the name "tidegate"');
};

export const manifestCodec: Codec<StoredManifest> = struct<StoredManifest>(
  'a manifest object',
  {
    version: required('version', u32),
    checkpointId: required('checkpoint_id', counter),
    epoch: required('epoch', counter),
    timestampMs: required('timestamp_ms', counter),
    sourceOffsets: defaulted('source_offsets', map(connectorCheckpoint), emptyMap),
    sinkEpochs: defaulted('sink_epochs', map(counter), emptyMap),
    sinkCommitStatuses: defaulted('sink_commit_statuses', map(sinkCommitStatus), emptyMap),
    tableOffsets: defaulted('table_offsets', map(connectorCheckpoint), emptyMap),
    operatorStates: defaulted('operator_states', map(operatorCheckpoint), emptyMap),
    tableStoreCheckpointPath: defaulted('table_store_checkpoint_path', nullable(text), none),
    watermark: defaulted('watermark', nullable(i64), none),
    sourceWatermarks: defaulted('source_watermarks', map(i64), emptyMap),
    sourceNames: defaulted('source_names', list(text), emptyList),
    sinkNames: defaulted('sink_names', list(text), emptyList),
    pipelineHash: defaulted('pipeline_hash', nullable(u64), none),
    vnodeCount: defaulted('vnode_count', u16, () => 0),
    stateChecksum: defaulted('state_checksum', nullable(text), none),
    tidegate: optional('tidegate', tidegateFields),
  },
  refuseDamagedName,
);
