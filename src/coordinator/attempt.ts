// One attempt to take a checkpoint: what every step of it can see.

import type { Barrier } from '../contracts/barrier.js';
import type { CheckpointKind } from '../manifest/types.js';
import type { PersistedManifest } from '../store/persisted-manifest.js';
import type { Claim } from './claim.js';
import type { CommitLedger } from './commit-ledger.js';
import type { CutGate } from './cut-gate.js';
import type { GenerationRun } from './generation-run.js';
import type { StateStreams } from './steps/state-stream.js';

/** An attempt that fills lost sinks again from exactly the range of an in-doubt checkpoint. */
export interface PinnedReplay {
  /** The in-doubt checkpoint: its offsets end the range, and it is superseded. */
  readonly target: PersistedManifest;
  /** Sinks that have committed the range already, with their old handles. */
  readonly inherited: ReadonlyMap<string, string>;
}

export interface Attempt {
  readonly barrier: Barrier;
  readonly kind: CheckpointKind;
  readonly label: string | undefined;
  readonly replay: PinnedReplay | undefined;
  readonly run: GenerationRun;
  readonly gate: CutGate;
  readonly claim: Claim;
  readonly ledger: CommitLedger;
  readonly streams: StateStreams;
}
