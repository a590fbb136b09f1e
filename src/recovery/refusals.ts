// The causes of rows that end with a human: each names the things, the values and the way out. Pure.

import { hasErrorCode, TidegateError, type ErrorCode } from '../errors.js';
import type { CheckpointId } from '../ids.js';
import { isReadable, newestOf, standingsOf } from './candidates.js';
import { unregisteredSinksOf, supersedingIn, unreadAbove } from './columns.js';
import type { RecoveryFacts, SinkFacts } from './facts.js';
import { rowName, type RecoveryRow } from './table.js';

export function causeOf(row: RecoveryRow, code: ErrorCode, facts: RecoveryFacts): TidegateError {
  const first = firstProblem(facts);
  const what = `${explain(code, facts)} (row ${rowName(row)}: ${row.label})`;
  // Overtaken by another owner is not a refusal to be mended: the caller has to stop.
  const isOvertaken = code === 'TIDEGATE_RECOVERY_SINK_REFUSED' && isFenced(first?.problem);
  return new TidegateError(isOvertaken ? 'TIDEGATE_FENCED' : code, what, {
    cause: first?.problem ?? newestOf(facts.checkpoints)?.problem,
    details: { row: rowName(row) },
  });
}

export function noBase(row: RecoveryRow, facts: RecoveryFacts): TidegateError {
  const newest = newestOf(facts.checkpoints);
  const message =
    `checkpoint ${newest?.id ?? 'in doubt'} cannot be discarded: there is no intact complete ` +
    `checkpoint below it to resume (row ${rowName(row)}: ${row.label})`;
  return new TidegateError('TIDEGATE_RECOVERY_NO_BASE', message);
}

function explain(code: ErrorCode, facts: RecoveryFacts): string {
  const newest = newestOf(facts.checkpoints);
  const id = newest?.id ?? 'none';
  switch (code) {
    case 'TIDEGATE_RECOVERY_UNANSWERED':
    case 'TIDEGATE_RECOVERY_SINK_REFUSED': {
      const first = firstProblem(facts);
      if (first === undefined) return 'a participant';
      return `${first.who}: ${first.problem.message}${outputWithoutCheckpoints(facts)}`;
    }
    case 'TIDEGATE_RECOVERY_UNKNOWN_SINK':
      return `checkpoint ${id} leaves ${newest === undefined ? '' : list(unregisteredSinksOf(facts, newest))} in doubt`;
    case 'TIDEGATE_RECOVERY_NOTHING_TO_RESUME':
      return nothingToResume(facts);
    case 'TIDEGATE_RECOVERY_TWO_IN_DOUBT':
      return `in doubt: checkpoints ${list(inDoubt(facts))}; the newest is ${id}`;
    case 'TIDEGATE_RECOVERY_CORRUPT':
      return `checkpoint ${id} cannot be trusted: ${newest?.problem?.message ?? 'unreadable'}`;
    case 'TIDEGATE_RECOVERY_NEWER_VERSION':
    case 'TIDEGATE_RECOVERY_BEYOND_LIMITS':
      return unread(facts);
    case 'TIDEGATE_RECOVERY_SUPERSEDES':
      return superseding(facts);
    case 'TIDEGATE_RECOVERY_SPLIT':
      return `checkpoint ${id}: ${standings(facts)}`;
    default:
      return `checkpoint ${id}: ${standings(facts)}`;
  }
}

/** What only another program can read: a checkpoint, or what cannot even be one here. */
function unread({ checkpoints, skipped = [] }: RecoveryFacts): string {
  const above = skipped.find(({ isAboveAll }) => isAboveAll);
  if (above !== undefined) return `${above.name}: ${above.why}`;
  const found = unreadAbove(checkpoints);
  const version = `version ${found?.manifest?.version ?? '?'}`;
  return `checkpoint ${found?.id ?? 'none'}: ${found?.problem?.message ?? version}`;
}

interface Problem {
  readonly who: string;
  readonly problem: Error;
}

/** A refusal before a silence: it is the one that can be mended. */
function firstProblem(facts: RecoveryFacts): Problem | undefined {
  const found: Problem[] = [];
  for (const kind of ['refused', 'unanswered'] as const) {
    if (facts.store.kind === kind) found.push({ who: 'the store', problem: facts.store.problem });
    for (const [sink, { answer }] of facts.sinks) {
      if (answer.kind === kind) found.push({ who: `sink ${sink}`, problem: answer.problem });
    }
  }
  return found[0];
}

function isFenced(problem: Error | undefined): boolean {
  return hasErrorCode(problem, 'TIDEGATE_FENCED');
}

function nothingToResume(facts: RecoveryFacts): string {
  const states = facts.checkpoints.map(({ id, state }) => `${id} ${state}`);
  for (const { name, why } of facts.skipped ?? []) states.push(`${name} (${why})`);
  const held = states.length === 0 ? 'no checkpoint' : list(states);
  const markers = committed(facts, ({ lastCommitted }) => lastCommitted);
  const output = markers === '' ? '' : `; ${markers}: ${waysOut}`;
  return `the store${placeOf(facts)} holds ${held}${output}`;
}

/** The checkpoints were taken away and the output was kept, or another directory was named. */
function outputWithoutCheckpoints(facts: RecoveryFacts): string {
  const markers = committed(facts, ({ lastCommittedElsewhere }) => lastCommittedElsewhere);
  if (markers === '' || facts.checkpoints.length > 0) return '';
  return `; the store${placeOf(facts)} holds no checkpoint, and ${markers}: ${waysOut}`;
}

const waysOut =
  'bring the checkpoints back from a copy, or name the directory that has them; to start over on ' +
  'purpose, clear the output together with what the sinks remember, or give the pipeline another name';

function committed(
  facts: RecoveryFacts,
  markerOf: (sink: SinkFacts) => CheckpointId | undefined,
): string {
  const sinks = [...facts.sinks].flatMap(([sink, known]) => {
    const marker = known.twoPhase ? markerOf(known) : undefined;
    return marker === undefined ? [] : [`${sink} up to checkpoint ${marker}`];
  });
  return sinks.length === 0 ? '' : `output is committed in ${list(sinks)}`;
}

function placeOf({ storePlace }: RecoveryFacts): string {
  return storePlace === undefined ? '' : ` in ${storePlace}`;
}

function superseding({ checkpoints }: RecoveryFacts): string {
  const found = supersedingIn(checkpoints);
  const replaced = found?.manifest.tidegate?.supersedes ?? 0;
  return (
    `the manifest of checkpoint ${found?.id ?? 0} says that it supersedes ${replaced}: an earlier ` +
    'version of tidegate replayed that range'
  );
}

function inDoubt(facts: RecoveryFacts): readonly string[] {
  return facts.checkpoints.filter(({ state }) => state === 'in-doubt').map(({ id }) => String(id));
}

function standings(facts: RecoveryFacts): string {
  const newest = newestOf(facts.checkpoints);
  if (newest === undefined || !isReadable(newest)) return 'unreadable';
  return list([...standingsOf(facts, newest)].map(([sink, standing]) => `${sink} ${standing}`));
}

function list(items: readonly string[]): string {
  return items.join(', ');
}
