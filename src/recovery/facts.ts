// What recovery knows before it decides: plain data, read once behind the fence, never changed.

import type { Operator } from '../contracts/operator.js';
import type { Inspection } from '../contracts/sink.js';
import type { ErrorCode } from '../errors.js';
import type { CheckpointId, StoreId } from '../ids.js';
import type { CheckpointManifest } from '../manifest/types.js';
import type { SkippedEntry } from '../store/checkpoint-store.js';
import type { InDoubtPolicy, RestoreChoice } from './request.js';

/** Whether the store could be read. Its errors are never read as "there is nothing". */
export type StoreFact =
  | { readonly kind: 'read' }
  | { readonly kind: 'unanswered'; readonly problem: Error }
  | { readonly kind: 'refused'; readonly problem: Error };

/** How the opening of a sink, and the questions to it, ended. */
export type SinkAnswer =
  | { readonly kind: 'answered' }
  /** Another sink's refusal had settled the matter. */
  | { readonly kind: 'not-asked' }
  /** Asked with backoff until `timeouts.inDoubtMs`. */
  | { readonly kind: 'unanswered'; readonly problem: Error }
  /** It remembers another store or a newer generation, or cannot work as configured. */
  | { readonly kind: 'refused'; readonly problem: Error; readonly code: ErrorCode | undefined };

export interface SinkFacts {
  readonly twoPhase: boolean;
  readonly answer: SinkAnswer;
  /** The newest checkpoint whose marker it has; undefined before the first. */
  readonly lastCommitted: CheckpointId | undefined;
  /** The same under the store that it remembers, where that is another one; for messages only. */
  readonly lastCommittedElsewhere?: CheckpointId;
  /** What it says about where it writes. */
  readonly warnings?: readonly string[];
}

/**
 * `newer` has a format version that this code does not know, `unsupported` a number or a size that it
 * does not take: neither is damaged, and neither is ever moved. The others as
 * the store's states; an orphan is no checkpoint and is left out.
 */
export type StoredState =
  'complete' | 'in-doubt' | 'rolled-back' | 'corrupt' | 'newer' | 'unsupported';

export interface StoredCheckpoint {
  readonly id: CheckpointId;
  readonly state: StoredState;
  /** Present when it can be read, also when the sidecar is damaged. */
  readonly manifest: CheckpointManifest | undefined;
  /** Whether manifest, sidecar and every operator state were verified in this recovery. */
  readonly isIntact: boolean;
  /** What is wrong with a `corrupt`, `newer` or `unsupported` one. */
  readonly problem: Error | undefined;
  /** What each two-phase sink answered about it, where it was asked. */
  readonly inspections: ReadonlyMap<string, Inspection>;
}

/** What there is to compare of an operator. */
export type OperatorShape = Pick<Operator, 'definition' | 'migratesFrom'>;

/** The pipeline as it is registered now. */
export interface Topology {
  readonly sources: ReadonlySet<string>;
  readonly operators: ReadonlySet<string>;
  /** By operator name: what it is, to compare its saved state with. */
  readonly shapes: ReadonlyMap<string, OperatorShape>;
  readonly tables: ReadonlySet<string>;
  readonly hasTableStore: boolean;
  readonly pipelineHash: bigint | undefined;
  readonly vnodeCount: number;
}

export interface RecoveryFacts {
  readonly store: StoreFact;
  /** Undefined when the store was never owned by tidegate. */
  readonly storeId: StoreId | undefined;
  /** Where a person finds the store; for messages only. */
  readonly storePlace?: string;
  /** What the store says about its place. */
  readonly storeWarnings?: readonly string[];
  /** Newest first. */
  readonly checkpoints: readonly StoredCheckpoint[];
  /** What stands among them and cannot be read as one. */
  readonly skipped?: readonly SkippedEntry[];
  /** Every registered sink. */
  readonly sinks: ReadonlyMap<string, SinkFacts>;
  readonly topology: Topology;
  readonly occasion: 'start' | 'in-process';
  /** Whether this recovery has tried for `timeouts.inDoubtMs` already. */
  readonly isInDoubtTimeoutReached: boolean;
  readonly inDoubtPolicy: InDoubtPolicy;
  readonly strictness: 'strict' | 'lenient';
  readonly pipelineHashMismatch: 'warn' | 'refuse';
  readonly restoreFrom: RestoreChoice | undefined;
}
