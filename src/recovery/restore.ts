// Going back to a chosen checkpoint or savepoint: a plan of its own, beside the table. Pure.

import type { RecoveryPlan } from './plan-types.js';
import { TidegateError } from '../errors.js';
import { epoch, type Epoch } from '../ids.js';
import { failedEpochsIn, isReadable, type ReadableCheckpoint } from './candidates.js';
import { manifestMisfit, sinkRewound } from './checks.js';
import { sinksPast } from './columns.js';
import type { RecoveryFacts } from './facts.js';
import type { RestoreChoice } from './request.js';
import type { RecoveryRow } from './table.js';

/** Not a row of the table: a person has decided. */
const restoreRow: RecoveryRow = {
  number: 0,
  variant: '',
  label: 'a person chose the checkpoint to restore',
  when: {},
  decision: { kind: 'resume' },
};

/**
 * A restore is a new checkpoint on top of all others, so that the next crash resumes it and not
 * what it turned away from. The one in doubt is marked rolled back first: there is no moment at which
 * it lies in doubt below a complete one. A crash in between leaves the choice to be made again; a sink
 * that has committed the discarded one keeps the next start from resuming behind it until then.
 */
export function planRestore(facts: RecoveryFacts, choice: RestoreChoice): RecoveryPlan {
  const chosen = facts.checkpoints.find(({ id }) => id === choice.checkpointId);
  if (chosen === undefined) return refuse(`there is no checkpoint ${choice.checkpointId}`);
  if (chosen.state !== 'complete' || !chosen.isIntact || !isReadable(chosen)) {
    const why = chosen.problem === undefined ? '' : `: ${chosen.problem.message}`;
    return refuse(`checkpoint ${chosen.id} is ${chosen.state}${why}`);
  }
  const refusal =
    duplicates(facts, choice, chosen) ??
    sinkRewound(chosen, facts) ??
    manifestMisfit(chosen, facts);
  if (refusal !== undefined) return { kind: 'refuse', row: restoreRow, cause: refusal };
  const restoredEpoch = epochAboveAll(facts);
  const inDoubt = facts.checkpoints.filter(isReadable).filter(({ state }) => state === 'in-doubt');
  return {
    kind: 'restore',
    row: restoreRow,
    resume: chosen,
    restoredEpoch,
    discards: { rollBack: [...failedEpochsIn(facts), ...inDoubt], saveAgain: [], quarantine: [] },
    nextEpoch: epoch(restoredEpoch + 1),
  };
}

function refuse(why: string): RecoveryPlan {
  return {
    kind: 'refuse',
    row: restoreRow,
    cause: new TidegateError('TIDEGATE_RESTORE_REFUSED', why),
  };
}

function duplicates(
  facts: RecoveryFacts,
  choice: RestoreChoice,
  chosen: ReadableCheckpoint,
): TidegateError | undefined {
  const accepted = new Map<string, number>(Object.entries(choice.acceptDuplicatesIn));
  const past = [...sinksPast(facts, chosen.id)]
    .map(([sink, lastCommitted]) => ({ sink, lastCommitted }))
    .filter(({ sink, lastCommitted }) => lastCommitted > (accepted.get(sink) ?? chosen.id));
  if (past.length === 0) return undefined;
  const found = past.map(({ sink, lastCommitted }) => `${sink} (at ${lastCommitted})`);
  return new TidegateError(
    'TIDEGATE_RESTORE_REFUSED',
    `sinks have committed past checkpoint ${chosen.id} and would get that output a second time: ` +
      found.join(', '),
    { details: { sinks: past.map(({ sink }) => sink) } },
  );
}

/** Above every epoch that was ever used, for good or not. */
function epochAboveAll(facts: RecoveryFacts): Epoch {
  const used = facts.checkpoints
    .filter(isReadable)
    .flatMap(({ manifest }) => [manifest.epoch, ...manifest.sinkEpochs.values()]);
  return epoch(Math.max(...used) + 1);
}
