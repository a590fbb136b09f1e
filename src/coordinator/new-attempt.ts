// A fresh attempt: its own id, its barrier, its gate, its ledger.

import type { Barrier } from '../contracts/barrier.js';
import type { Offsets } from '../contracts/source.js';
import { attemptId } from '../ids.js';
import type { CheckpointKind } from '../manifest/types.js';
import { newUuid } from '../runtime/uuid.js';
import type { Attempt, PinnedReplay } from './attempt.js';
import { Claim } from './claim.js';
import { CommitLedger } from './commit-ledger.js';
import { CutGate, type CutGateHooks } from './cut-gate.js';
import type { GenerationRun } from './generation-run.js';
import { harmless } from './harmless.js';
import type { StepContext } from './step-context.js';
import { StateStreams } from './steps/state-stream.js';
import { toOffsets } from './offsets.js';

export interface NewAttempt {
  readonly run: GenerationRun;
  readonly kind: CheckpointKind;
  readonly label: string | undefined;
  readonly replay: PinnedReplay | undefined;
  readonly dropped: (barrier: Barrier, ...report: Parameters<CutGateHooks['dropped']>) => void;
}

/** @throws TidegateError `TIDEGATE_SEQUENCE_EXHAUSTED` when the generation has no ids left. */
export function newAttempt(context: StepContext, asked: NewAttempt): Attempt {
  const { clock, random, participants } = context;
  const { run, kind, label, replay } = asked;
  const barrier: Barrier = {
    checkpointId: run.store.allocateCheckpointId(),
    epoch: run.nextEpoch,
    generation: run.generation,
    attempt: attemptId(newUuid(clock, random)),
    ...(replay === undefined ? {} : { pinnedTo: pinnedOffsets(replay) }),
  };
  const gate = new CutGate(barrier, participants, {
    sinkReached: (sink) => run.writers.get(sink)?.hold(),
    dropped: (...report) => asked.dropped(barrier, ...report),
    release: (operator, snapshot) => {
      const what = `operator ${operator} could not release a snapshot`;
      harmless(context, what, () => snapshot.release?.());
    },
  });
  const books = { claim: new Claim(), ledger: new CommitLedger(), streams: new StateStreams() };
  return { barrier, kind, label, replay, run, gate, ...books };
}

/** Where each source ends a replay. */
export function pinnedOffsets({ target }: PinnedReplay): ReadonlyMap<string, Offsets> {
  const offsets = new Map<string, Offsets>();
  for (const [source, position] of target.manifest.sourceOffsets) {
    offsets.set(source, toOffsets(position.offsets));
  }
  return offsets;
}
