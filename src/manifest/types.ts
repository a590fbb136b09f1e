// What a checkpoint says: the manifest's fields, as the Rust original names and means them.

import type { JsonValue } from './json/value.js';

/** The manifest format version that this code writes, and the highest that it resumes from. */
export const manifestVersion = 1;

/**
 * How many virtual partitions state keys are spread over unless the caller says otherwise. A
 * manifest written with another count cannot be restored: its keys map to other partitions.
 */
export const DEFAULT_VNODE_COUNT = 256;

/** Members that no known field claims; they survive a re-save. */
export type UnknownFields = ReadonlyMap<string, JsonValue>;

/**
 * Where a sink stands in the commit of a checkpoint. `pending` and `failed` both mean that the
 * truth is at the sink and has to be asked for; only `committed` is final.
 */
export type SinkCommitStatus =
  | { readonly kind: 'pending' }
  | { readonly kind: 'committed' }
  | { readonly kind: 'failed'; readonly message: string };

/** A connector's position: names and values are the connector's own (partition, LSN, line …). */
export interface ConnectorCheckpoint {
  readonly offsets: ReadonlyMap<string, string>;
  /** Epoch that this position belongs to. 0 to 2^53-1. */
  readonly epoch: number;
  /** For people: connector type, topic name and the like. */
  readonly metadata: ReadonlyMap<string, string>;
  readonly unknownFields?: UnknownFields;
}

/** One operator's state: inline as base64, or a range of the sidecar `state.bin`. */
export interface OperatorCheckpoint {
  /** Standard base64 with padding, when the state is inline. */
  readonly stateB64: string | undefined;
  /** Whether the state is a range of the sidecar. */
  readonly external: boolean;
  /** Bytes from the start of the sidecar. */
  readonly externalOffset: number;
  /** Bytes in the sidecar. */
  readonly externalLength: number;
  readonly unknownFields?: UnknownFields;
}

/** Taken by the timer or on demand, or kept by a person until a person deletes it. */
export type CheckpointKind = 'checkpoint' | 'savepoint';

/** What an operator was that saved its state: state of another definition is not loaded. */
export interface SavedDefinition {
  /** Such as `window`. */
  readonly kind: string;
  /** As the user declared it; absent where none was. */
  readonly version?: string;
  /** What the state depends on, such as the size of windows. */
  readonly settings: ReadonlyMap<string, string>;
  readonly unknownFields?: UnknownFields;
}

/** Set once by recovery and never cleared: the checkpoint was discarded and is no base and never resumed. */
export interface RolledBack {
  /** For people; no rule reads it. */
  readonly reason: string;
  /** Generation of the owner that rolled it back. */
  readonly generation: number;
  readonly unknownFields?: UnknownFields;
}

/** What a person did to one sink's prepared output, and why; written before it is done. */
export interface ManualDecision {
  readonly sink: string;
  readonly handle: string;
  readonly action: 'commit' | 'rollback';
  readonly reason: string;
  /** Milliseconds since the Unix epoch. */
  readonly decidedAtMs: number;
  /** Generation of the owner that carried it out. */
  readonly generation: number;
  readonly unknownFields?: UnknownFields;
}

/** Input of a source that was gone, and that a person has given up; written before it goes on. */
export interface LostInput {
  /** The checkpoint whose position could not be gone back to. */
  readonly checkpointId: number;
  /** That position. */
  readonly from: ReadonlyMap<string, string>;
  /** Where the source went on. */
  readonly to: ReadonlyMap<string, string>;
  /** What the source said. For people; no rule reads it. */
  readonly reason: string;
  readonly unknownFields?: UnknownFields;
}

/** tidegate's own fields: one additive object that the Rust original ignores. */
export interface TidegateFields {
  /** Uuid of the store that the manifest was made in. */
  readonly storeId: string;
  readonly pipeline: string;
  /** Generation of the owner that took the attempt. */
  readonly generation: number;
  readonly kind: CheckpointKind;
  /** A person's name for a savepoint. */
  readonly label?: string;
  /** What a fresh process needs to commit, roll back or inspect each two-phase sink's output. */
  readonly commitHandles: ReadonlyMap<string, string>;
  /**
   * The newest checkpoint that a sink had committed when this manifest was written, by sink name; of
   * the sinks that have no handle here. At the next start each must still have one as new.
   */
  readonly sinkMarkers?: ReadonlyMap<string, number>;
  /** What each operator was, by operator name; absent where an earlier release wrote the manifest. */
  readonly operatorDefinitions?: ReadonlyMap<string, SavedDefinition>;
  readonly rolledBack?: RolledBack;
  /**
   * Checkpoint id of a manifest that this one replaces. Only versions before 0.2 wrote it, and
   * recovery refuses such a store.
   */
  readonly supersedes?: number;
  /** Checkpoint id of the checkpoint or savepoint that this one restores. */
  readonly restoredFrom?: number;
  /** The newest loss of each source, by source name; handed on from checkpoint to checkpoint. */
  readonly lostInput?: ReadonlyMap<string, LostInput>;
  /** Oldest first. For people; no rule reads them, the sinks are asked. */
  readonly decisions?: readonly ManualDecision[];
  readonly unknownFields?: UnknownFields;
}

/** A complete, durable, consistent cut: everything needed to go on from it, or a pointer to it. */
export interface CheckpointManifest {
  /** Format version. 0 to 2^32-1; this code writes 1. */
  readonly version: number;
  /** The only key of a checkpoint. Unique and increasing. */
  readonly checkpointId: number;
  /** Number of the cut; an attempt that came to nothing leaves its number to the next. */
  readonly epoch: number;
  /** Creation time, milliseconds since the Unix epoch. */
  readonly timestampMs: number;
  /** Position of each source, by source name. */
  readonly sourceOffsets: ReadonlyMap<string, ConnectorCheckpoint>;
  /** Last *committed* epoch of each sink, by sink name; absent before its first commit. */
  readonly sinkEpochs: ReadonlyMap<string, number>;
  /** Where each sink stands in the commit of this checkpoint, by sink name. */
  readonly sinkCommitStatuses: ReadonlyMap<string, SinkCommitStatus>;
  /** Position of the source behind each reference table, by table name. */
  readonly tableOffsets: ReadonlyMap<string, ConnectorCheckpoint>;
  /** State of each operator, by operator name. */
  readonly operatorStates: ReadonlyMap<string, OperatorCheckpoint>;
  /** Path of the table store's own checkpoint, as the table store gave it. */
  readonly tableStoreCheckpointPath: string | undefined;
  /** The pipeline's watermark. A signed 64-bit integer; what it counts is the pipeline's matter. */
  readonly watermark: bigint | undefined;
  /** Watermark of each source, by source name. Signed 64-bit integers. */
  readonly sourceWatermarks: ReadonlyMap<string, bigint>;
  /** Sorted names of all registered sources. */
  readonly sourceNames: readonly string[];
  /** Sorted names of all registered sinks. */
  readonly sinkNames: readonly string[];
  /** Hash over names, kinds, topology and declared versions. An unsigned 64-bit integer. */
  readonly pipelineHash: bigint | undefined;
  /** Virtual partition count. 0 to 65535; 0 means a legacy manifest that did not record it. */
  readonly vnodeCount: number;
  /** SHA-256 of the sidecar, in hex, when there is a sidecar. */
  readonly stateChecksum: string | undefined;
  /** Absent in a foreign manifest, which is accepted and counts as unverified. */
  readonly tidegate?: TidegateFields;
  readonly unknownFields?: UnknownFields;
}

/** One inconsistency that `validateManifest` found. */
export interface ManifestValidationError {
  readonly message: string;
}
