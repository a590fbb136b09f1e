// A fresh attempt: its own id, its barrier, its gate, its ledger.

import type { Barrier } from '../contracts/barrier.js';
import type { CheckpointKind } from '../manifest/types.js';
import type { Attempt } from './attempt.js';
import { Claim } from './claim.js';
import { CommitLedger } from './commit-ledger.js';
import { CutGate, type CutGateHooks } from './cut-gate.js';
import type { GenerationRun } from './generation-run.js';
import { harmless } from './harmless.js';
import type { StepContext } from './step-context.js';
import { StateStreams } from './steps/state-stream.js';

export interface NewAttempt {
  readonly run: GenerationRun;
  readonly kind: CheckpointKind;
  readonly label: string | undefined;
  readonly dropped: (barrier: Barrier, ...report: Parameters<CutGateHooks['dropped']>) => void;
}

/** @throws TidegateError `TIDEGATE_SEQUENCE_EXHAUSTED` when the generation has no ids left. */
export function newAttempt(context: StepContext, asked: NewAttempt): Attempt {
  const { run, kind, label } = asked;
  const barrier: Barrier = {
    checkpointId: run.store.allocateCheckpointId(),
    epoch: run.nextEpoch,
    generation: run.generation,
  };
  const gate = new CutGate(barrier, context.participants, {
    sinkReached: (sink) => run.writers.get(sink)?.hold(),
    dropped: (...report) => asked.dropped(barrier, ...report),
    release: (operator, snapshot) => {
      const what = `operator ${operator} could not release a snapshot`;
      harmless(context, what, () => snapshot.release?.());
    },
  });
  const books = { claim: new Claim(), ledger: new CommitLedger(), streams: new StateStreams() };
  return { barrier, kind, label, run, gate, ...books };
}
