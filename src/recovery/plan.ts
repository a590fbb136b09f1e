// Decides what recovery does, from the facts alone: no waiting, no clock, no reading or writing.

import { handleOf } from '../manifest/sinks.js';
import { assertNever } from '../assert.js';
import { TidegateError } from '../errors.js';
import { isForeign } from '../manifest/sinks.js';
import { epoch, type CheckpointId, type Epoch } from '../ids.js';
import {
  baseOf,
  failedEpochsIn,
  isReadable,
  newestOf,
  standingsOf,
  type ReadableCheckpoint,
} from './candidates.js';
import { columnsOf } from './columns.js';
import { checkPlan } from './checks.js';
import type { RecoveryFacts } from './facts.js';
import type { Discards, RecoveryPlan } from './plan-types.js';
import { causeOf, noBase } from './refusals.js';
import { planRestore } from './restore.js';
import { matches, recoveryTable, rowName, type Decision, type RecoveryRow } from './table.js';

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
