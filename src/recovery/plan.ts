// Decides what recovery does, from the facts alone: no waiting, no clock, no reading or writing.

import { handleOf, isForeign } from '../manifest/sinks.js';
import { assertNever } from '../assert.js';
import { TidegateError } from '../errors.js';
import { epoch, type CheckpointId, type Epoch } from '../ids.js';
import {
  baseOf,
  failedEpochsIn,
  isReadable,
  newestOf,
  standingsOf,
  type ReadableCheckpoint,
} from './candidates.js';
import { columnsOf, sinksPast } from './columns.js';
import { checkPlan, manifestMisfit, sinkRewound } from './checks.js';
import type { RecoveryFacts } from './facts.js';
import {
  type Discards,
  type RecoveryPlan,
  matches,
  recoveryTable,
  rowName,
  type Decision,
  type RecoveryRow,
} from './table.js';
import { causeOf, noBase } from './refusals.js';
import type { RestoreChoice } from './request.js';

/** Pure: the same facts give the same plan. */
export function planRecovery(facts: RecoveryFacts): RecoveryPlan {
  const row = decidingRow(facts);
  const { restoreFrom } = facts;
  if (restoreFrom !== undefined && !isBarred(row)) return planRestore(facts, restoreFrom);
  const plan = planOf(row, facts);
  if (plan.kind === 'refuse' || plan.kind === 'halt' || plan.kind === 'fresh') return plan;
  const cause = checkPlan(plan, facts);
  return cause === undefined ? plan : { kind: 'refuse', row, cause };
}

/** No person's choice helps where a participant is silent or belongs to another owner. */
function isBarred(row: RecoveryRow): boolean {
  return row.number === 1 || rowName(row) === '2a';
}

/** The first row of the table that fits. */
function decidingRow(facts: RecoveryFacts): RecoveryRow {
  const columns = columnsOf(facts);
  const row = recoveryTable.find((candidate) => matches(candidate, columns));
  if (row !== undefined) return row;
  const found = JSON.stringify(columns);
  throw new TidegateError('TIDEGATE_BUG', `no row of the recovery table fits ${found}`);
}

function planOf(row: RecoveryRow, facts: RecoveryFacts): RecoveryPlan {
  const { decision } = row;
  if (decision.kind === 'refuse' || decision.kind === 'halt') {
    return { kind: decision.kind, row, cause: causeOf(row, decision.code, facts) };
  }
  if (decision.kind === 'fresh') return { kind: 'fresh', row };
  const newest = newestOf(facts.checkpoints);
  const base = baseOf(facts.checkpoints);
  const resume = isAtNewest(decision) ? newest : base;
  if (resume === undefined || newest === undefined || !isReadable(resume)) {
    return { kind: 'refuse', row, cause: noBase(row, facts) };
  }
  const resuming = {
    row,
    resume,
    discards: discardsAbove(resume.id, facts),
    nextEpoch: epochAfter(facts, resume),
  };
  switch (decision.kind) {
    case 'resume':
    case 'fall-back':
      return { kind: 'resume', ...resuming };
    case 'roll-forward':
      return { kind: 'roll-forward', ...resuming, commit: preparedHandles(facts, resume) };
    case 'roll-back':
      return { kind: 'roll-back', ...resuming, target: readable(newest) };
    default:
      return assertNever(decision, 'decision');
  }
}

function isAtNewest(decision: Decision): boolean {
  return decision.kind === 'resume' || decision.kind === 'roll-forward';
}

function preparedHandles(
  facts: RecoveryFacts,
  stored: ReadableCheckpoint,
): ReadonlyMap<string, string> {
  const result = new Map<string, string>();
  for (const [sink, standing] of standingsOf(facts, stored)) {
    const handle = handleOf(stored.manifest, sink);
    if (standing === 'prepared' && handle !== undefined) result.set(sink, handle);
  }
  return result;
}

function discardsAbove(id: CheckpointId, facts: RecoveryFacts): Discards {
  const above = facts.checkpoints.filter((stored) => stored.id > id);
  const readableAbove = above.filter(isReadable);
  return {
    // Failed epochs first: the newest of another program, once marked, no longer explains them.
    rollBack: [
      ...failedEpochsIn(facts),
      ...readableAbove.filter(({ state }) => state === 'in-doubt'),
    ],
    saveAgain: readableAbove.filter(
      ({ state, manifest }) => state === 'rolled-back' && !isForeign(manifest),
    ),
    quarantine: above.filter(({ state }) => state === 'corrupt').map((stored) => stored.id),
  };
}

/** Above every epoch that was used for good; a discarded epoch leaves its number to the next. */
function epochAfter(facts: RecoveryFacts, resume: ReadableCheckpoint): Epoch {
  const used = facts.checkpoints
    .filter(isReadable)
    .filter(({ id, state }) => state === 'complete' || id === resume.id)
    .flatMap(({ manifest }) => [manifest.epoch, ...manifest.sinkEpochs.values()]);
  return epoch(Math.max(...used) + 1);
}

function readable(stored: ReturnType<typeof newestOf> & object): ReadableCheckpoint {
  if (isReadable(stored)) return stored;
  throw new TidegateError('TIDEGATE_BUG', `checkpoint ${stored.id} is in doubt but not readable`);
}

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
function planRestore(facts: RecoveryFacts, choice: RestoreChoice): RecoveryPlan {
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
