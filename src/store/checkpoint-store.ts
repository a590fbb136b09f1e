// Where checkpoints live: what every store promises, to its users and to authors of one.

import type { CheckpointId, Generation, StoreId } from '../ids.js';
import type { CheckpointKind, CheckpointManifest } from '../manifest/types.js';

/** What a caller of `open` wants when an owner that seems alive holds the store. */
export type LiveOwnerPolicy = 'refuse' | 'wait' | 'take-over';

/** What a store is opened with. */
export interface OpenStoreOptions {
  /** Name of the pipeline; recorded when the store is created and compared ever after. */
  readonly pipeline: string;
  /** Default `wait`: up to `waitForOwnerMs`, then refuse. Advisory: the generation is the fence. */
  readonly liveOwner?: LiveOwnerPolicy;
  /** Default 5 000. */
  readonly waitForOwnerMs?: number;
  readonly signal?: AbortSignal;
}

/** How long `open` waits for a live owner where the caller does not say. */
export const defaultWaitForOwnerMs = 5_000;

/**
 * State of a stored checkpoint:
 * `complete` every sink committed; `in-doubt` durable, but some sink is not known to have
 * committed; `rolled-back` discarded; `corrupt` the manifest or its sidecar cannot be
 * trusted; `newer` a manifest of a format version that this code does not know, and that it never
 * moves; `orphan` a directory without a manifest.
 */
export type CheckpointState =
  'complete' | 'in-doubt' | 'rolled-back' | 'corrupt' | 'newer' | 'orphan';

/** What a scan says about one checkpoint. */
export interface CheckpointListing {
  readonly id: CheckpointId;
  readonly state: CheckpointState;
  /** The manifest, when it can be read and its checksum holds. */
  readonly manifest?: CheckpointManifest;
  /** Whether the manifest carries a checksum (that holds); a foreign one has none. */
  readonly integrity?: 'verified' | 'unverified';
  readonly kind?: CheckpointKind;
  /** Bytes of manifest and sidecar. */
  readonly byteLength: number;
  /** What is wrong with a `corrupt` one, and which version a `newer` one has. */
  readonly problem?: Error;
}

/** Something that stands where checkpoints stand and cannot be one. */
export interface SkippedEntry {
  readonly name: string;
  /** Why, for people. */
  readonly why: string;
  readonly hasManifest: boolean;
  /** It has a manifest, and its id is above every id that can be kept exactly (2^53-1). */
  readonly isAboveAll: boolean;
}

/** A checkpoint whose manifest, sidecar length, sidecar SHA-256 and ranges were all verified. */
export interface LoadedCheckpoint {
  readonly id: CheckpointId;
  readonly manifest: CheckpointManifest;
  readonly integrity: 'verified' | 'unverified';
  /** Bytes of the sidecar; 0 without one. */
  readonly sidecarByteLength: number;
}

/** A manifest that a store has made durable: what `saveManifest` and `updateManifest` resolve with. */
export interface SavedManifest {
  readonly manifest: CheckpointManifest;
}

/** What writing a sidecar gives: goes into the manifest as `stateChecksum`. */
export interface SidecarReceipt {
  readonly byteLength: number;
  /** Lower-case hex, of `inlineDigest` if one was given, followed by the bytes of the sidecar. */
  readonly sha256: string;
}

/** What a sidecar is written with. */
export interface WriteSidecarOptions {
  /** Refused above this many bytes, before they are written. */
  readonly maxBytes: number;
  /**
   * `inlineStateDigest` of the states that stand in the manifest itself, where there are any: then
   * one checksum covers both, in the form in which LaminarDB verifies it.
   */
  readonly inlineDigest?: string | undefined;
  readonly signal?: AbortSignal;
}

/** What every call of a store is given. */
export interface StoreCallOptions {
  readonly signal?: AbortSignal;
}

/** Who has a store open, by what it wrote when it took its generation. */
export interface StoreOwner {
  readonly generation: number;
  readonly pid: number;
  readonly host: string;
  /** `gone`: it crashed; `unknown`: it cannot be seen from here, such as one of another machine. */
  readonly liveness: 'running' | 'gone' | 'unknown';
}

/** Which checkpoints are kept. */
export interface PruneOptions {
  /** How many complete checkpoints to keep. At least 1; default 3. */
  readonly retainedCheckpoints: number;
  readonly signal?: AbortSignal;
}

/** What was removed. */
export interface PruneReport {
  readonly deleted: readonly CheckpointId[];
}

/**
 * Reading a store, with or without owning it.
 *
 * 1. Nothing read is trusted: lengths and ranges are checked before memory is allocated, and names
 *    in a manifest never become paths.
 * 2. `list` is a scan of what is there, newest first; a pointer to the latest is at most a hint. It
 *    reports a damaged checkpoint as `corrupt` and never throws for one. Where storage does not
 *    answer, or a right is missing, it throws: nothing is known to be damaged then.
 * 3. `load` verifies everything, the sidecar's SHA-256 included, or throws a `StoreError` of kind
 *    `corrupt`; `TIDEGATE_CHECKPOINT_NOT_FOUND` when there is no such checkpoint.
 * 4. `readOperatorState` streams one operator's bytes, inline or from the sidecar, without reading
 *    more than that; undefined when the manifest has no such operator.
 */
export interface StoreReader {
  /** Undefined for a foreign store that tidegate has never owned. */
  readonly storeId: StoreId | undefined;
  readonly pipeline: string | undefined;
  /** Where a person finds it, such as a directory; for messages only. */
  readonly place?: string;
  list(options?: StoreCallOptions): Promise<readonly CheckpointListing[]>;
  /**
   * Rejects with what keeps everybody from owning the store, without owning it: the same error as
   * `open`, except that no live owner is asked for.
   */
  checkOwnable?(pipeline: string): Promise<void>;
  /** Undefined when the newest owner has closed it; for people, the generation is the fence. */
  owner?(): Promise<StoreOwner | undefined>;
  /** What `list` has to leave out, so that people hear of it; a store may not know. */
  skipped?(options?: StoreCallOptions): Promise<readonly SkippedEntry[]>;
  /** What people should know about the place, such as who else can change it; a store may not know. */
  warnings?(options?: StoreCallOptions): Promise<readonly string[]>;
  load(id: CheckpointId, options?: StoreCallOptions): Promise<LoadedCheckpoint>;
  readOperatorState(
    checkpoint: LoadedCheckpoint,
    operator: string,
  ): AsyncIterable<Uint8Array> | undefined;
  close(): Promise<void>;
}

/**
 * A store in the hands of one generation.
 *
 * 5. Every writing call of an owner that has been overtaken has no effect that a newer owner could
 *    see, however late it runs, and ends with `TIDEGATE_FENCED`.
 * 6. `allocateCheckpointId` never returns a number twice, also not across crashes; it is cheap and
 *    does no I/O. `TIDEGATE_SEQUENCE_EXHAUSTED` asks for the next generation. An id that this owner
 *    did not allocate is refused with `TIDEGATE_CHECKPOINT_ID` where something new would get it.
 * 7. The bytes of `writeSidecar` are on the disk when it returns; nothing of it is visible before
 *    `saveManifest` of the same id, which makes both visible and durable together. It may overlap
 *    other calls; all others are done one after the other. A chunk is done with before the next one
 *    is asked for, which may be in the same memory; more than `maxBytes` is `TIDEGATE_STATE_TOO_LARGE`.
 *    The receipt's SHA-256 begins with `inlineDigest`, where one is given.
 * 8. `saveManifest` is atomic and durable when it returns. Its promise is the
 *    right to commit sinks: one that resolves early lets sinks commit what a crash can still take
 *    back. It resolves with the manifest it was given. Saving a manifest that an older generation
 *    wrote makes it durable, and changes nothing but what the update rules allow. One that does not
 *    state the sidecar that was written is refused with `TIDEGATE_STATE_MISMATCH`.
 * 9. `updateManifest` replaces a manifest atomically and durably, if the update rules allow it.
 * 10. A call that fails or is aborted may have taken effect: the caller treats it as unknown. One
 *     whose signal is aborted before it begins does nothing, and rejects with the signal's reason.
 * 11. `prune` counts complete checkpoints, never deletes the newest complete one, anything newer,
 *     or a complete savepoint, and deletes the manifest first.
 * 12. `quarantine` renames what cannot be read so that later scans do not meet it; nothing is deleted.
 * 13. What an owner can see is durable: `open` makes it so before it returns. A checkpoint that an
 *     older owner had renamed in place and not yet synced does not vanish after recovery acted on it.
 */
export interface OwnedStore extends StoreReader {
  readonly storeId: StoreId;
  readonly pipeline: string;
  readonly generation: Generation;
  /**
   * Takes the next generation by compare-and-set from this one, for recovery in process: this
   * object and everything made with it is fenced. `TIDEGATE_FENCED` when another owner was first.
   * One that comes after the signal was aborted is closed, by the store or by the caller.
   */
  takeNextGeneration(options?: StoreCallOptions): Promise<OwnedStore>;
  allocateCheckpointId(): CheckpointId;
  writeSidecar(
    id: CheckpointId,
    chunks: AsyncIterable<Uint8Array>,
    options: WriteSidecarOptions,
  ): Promise<SidecarReceipt>;
  saveManifest(manifest: CheckpointManifest, options?: StoreCallOptions): Promise<SavedManifest>;
  updateManifest(
    previous: SavedManifest,
    next: CheckpointManifest,
    options?: StoreCallOptions,
  ): Promise<SavedManifest>;
  prune(options: PruneOptions): Promise<PruneReport>;
  quarantine(id: CheckpointId, options?: StoreCallOptions): Promise<void>;
}

/** A place for checkpoints. Making one does no I/O. */
export interface CheckpointStore {
  /**
   * Creates the store when it is not there, takes the next generation, fences every older owner.
   * `TIDEGATE_STORE_OWNED` names a live owner, `TIDEGATE_STORE_PIPELINE` another pipeline's store.
   */
  open(options: OpenStoreOptions): Promise<OwnedStore>;
  /** Takes no generation and writes nothing. */
  openReadOnly(options?: StoreCallOptions): Promise<StoreReader>;
}
