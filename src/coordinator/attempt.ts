// One attempt to take a checkpoint: what every step of it can see.

import type { Barrier } from '../contracts/barrier.js';
import type { CheckpointKind } from '../manifest/types.js';
import type { Claim } from './claim.js';
import type { CommitLedger } from './commit-ledger.js';
import type { CutGate } from './cut-gate.js';
import type { GenerationRun } from './generation-run.js';
import type { StateStreams } from './steps/state-stream.js';

export interface Attempt {
  readonly barrier: Barrier;
  readonly kind: CheckpointKind;
  readonly label: string | undefined;
  readonly run: GenerationRun;
  readonly gate: CutGate;
  readonly claim: Claim;
  readonly ledger: CommitLedger;
  readonly streams: StateStreams;
}
