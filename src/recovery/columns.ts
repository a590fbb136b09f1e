// The columns of the recovery table: facts reduced to the few values that its rows look at. Pure.

import { handleOf, statusOf, isTakenByOtherProgram, sinksToCommit } from '../manifest/sinks.js';
import type { RecoveryFacts, StoredCheckpoint } from './facts.js';
import {
  baseOf,
  isReadable,
  newestOf,
  standingsOf,
  twoPhaseNames,
  type ReadableCheckpoint,
  type SinkStanding,
} from './candidates.js';

/** Every column with every value that it can have: rows are patterns over these. */
export const columnValues = {
  /** Whether the store and every sink could be fenced and have answered. */
  answers: ['all', 'missing'],
  /** Whether the sinks accept this owner, are the ones that N needs, and no manifest is a replay. */
  owner: ['accepted', 'refused', 'unknown-sink', 'superseding'],
  newest: ['none', 'nothing-to-resume', 'newer', 'unsupported', 'corrupt', 'complete', 'in-doubt'],
  /** Whether a sink has a marker of a committed checkpoint. */
  markers: ['none', 'some'],
  doubts: ['one-at-most', 'too-many'],
  /** The newest intact complete checkpoint below a corrupt N, and whether a sink is past it. */
  fallback: ['none', 'usable', 'passed'],
  /** What the two-phase sinks of an in-doubt N are. */
  sinks: [
    'cannot-tell',
    'all-committed',
    'all-prepared',
    'none-committed-some-absent',
    'some-committed-rest-prepared',
    'some-committed-some-absent',
  ],
  occasion: ['start', 'in-process'],
  timeout: ['running', 'reached'],
  policy: ['roll-back', 'roll-forward', 'halt'],
} as const;

export type Column = keyof typeof columnValues;
export type ColumnValue<Name extends Column> = (typeof columnValues)[Name][number];
export type Columns = { readonly [Name in Column]: ColumnValue<Name> };

export function columnsOf(facts: RecoveryFacts): Columns {
  const newest = newestOf(facts.checkpoints);
  return {
    answers: isAnswered(facts) ? 'all' : 'missing',
    owner: ownerOf(facts, newest),
    newest: newestColumn(facts, newest),
    markers: sinksPast(facts, 0).size > 0 ? 'some' : 'none',
    doubts: doubtsOf(facts.checkpoints, newest),
    fallback: fallbackOf(facts),
    sinks: sinksColumn(facts, newest),
    occasion: facts.occasion,
    timeout: facts.isInDoubtTimeoutReached ? 'reached' : 'running',
    policy: facts.inDoubtPolicy,
  };
}

/** The two-phase sinks that have committed a checkpoint above `id`, each with its newest one. */
export function sinksPast(facts: RecoveryFacts, id: number): ReadonlyMap<string, number> {
  const past = new Map<string, number>();
  for (const sink of twoPhaseNames(facts)) {
    const newest = newestCommitOf(sink, facts);
    if (newest > id) past.set(sink, newest);
  }
  return past;
}

/**
 * By the sink's own marker, or by a manifest of another program: that one's commits leave no marker
 * in a sink of ours, and what it says is committed must not be written again.
 */
function newestCommitOf(sink: string, facts: RecoveryFacts): number {
  const stated = facts.checkpoints
    .filter(isReadable)
    .filter(({ manifest }) => isTakenByOtherProgram(manifest))
    .filter(({ manifest }) => handleOf(manifest, sink) === undefined)
    .find(({ manifest }) => statusOf(manifest, sink).kind === 'committed');
  return Math.max(facts.sinks.get(sink)?.lastCommitted ?? 0, stated?.id ?? 0);
}

/** The sinks that N leaves in doubt and that no session can be asked about. */
export function unregisteredSinksOf(
  facts: RecoveryFacts,
  newest: StoredCheckpoint,
): readonly string[] {
  if (newest.state !== 'in-doubt' || !isReadable(newest)) return [];
  const { manifest } = newest;
  const known = twoPhaseNames(facts);
  return [...sinksToCommit(manifest)].filter(
    (sink) => statusOf(manifest, sink).kind !== 'committed' && !known.has(sink),
  );
}

function isAnswered(facts: RecoveryFacts): boolean {
  if (facts.store.kind === 'unanswered') return false;
  return [...facts.sinks.values()].every(({ answer }) => answer.kind !== 'unanswered');
}

function ownerOf(facts: RecoveryFacts, newest: StoredCheckpoint | undefined): Columns['owner'] {
  const answers = [facts.store, ...[...facts.sinks.values()].map(({ answer }) => answer)];
  if (answers.some(({ kind }) => kind === 'refused')) return 'refused';
  if (supersedingIn(facts.checkpoints) !== undefined) return 'superseding';
  return newest !== undefined && unregisteredSinksOf(facts, newest).length > 0
    ? 'unknown-sink'
    : 'accepted';
}

/**
 * A manifest of an earlier version that replaces another one, while that matters: its handles may be
 * those of the other one, and the other one is in doubt only for a reader that does not know so.
 */
export function supersedingIn(
  checkpoints: readonly StoredCheckpoint[],
): ReadableCheckpoint | undefined {
  const newest = newestOf(checkpoints);
  const inDoubt = new Set<number | undefined>(
    checkpoints.filter(({ state }) => state === 'in-doubt').map(({ id }) => id),
  );
  return checkpoints.filter(isReadable).find((stored) => {
    const replaced = stored.manifest.tidegate?.supersedes;
    if (replaced === undefined || stored.state === 'rolled-back') return false;
    return stored === newest || inDoubt.has(replaced);
  });
}

function newestColumn(
  { checkpoints, skipped = [] }: RecoveryFacts,
  newest: StoredCheckpoint | undefined,
): Columns['newest'] {
  if (skipped.some(({ isAboveAll }) => isAboveAll)) return 'unsupported';
  if (checkpoints.length === 0) {
    return skipped.some(({ hasManifest }) => hasManifest) ? 'nothing-to-resume' : 'none';
  }
  if (newest === undefined) return 'nothing-to-resume';
  const unread = unreadAbove(checkpoints);
  if (unread !== undefined) return unread.state === 'newer' ? 'newer' : 'unsupported';
  if (newest.state === 'complete' || newest.state === 'in-doubt') return newest.state;
  const hasInDoubt = checkpoints.some(({ state }) => state === 'in-doubt');
  return baseOf(checkpoints) === undefined && !hasInDoubt ? 'nothing-to-resume' : 'corrupt';
}

/** The newest checkpoint that only another program can read, unless a complete one lies above it. */
export function unreadAbove(
  checkpoints: readonly StoredCheckpoint[],
): StoredCheckpoint | undefined {
  const known = checkpoints.find(
    ({ state }) => state === 'complete' || state === 'newer' || state === 'unsupported',
  );
  return known?.state === 'complete' ? undefined : known;
}

/** At most one manifest may be in doubt, and nothing complete may lie above it. */
function doubtsOf(
  checkpoints: readonly StoredCheckpoint[],
  newest: StoredCheckpoint | undefined,
): Columns['doubts'] {
  const inDoubt = checkpoints.filter(({ state }) => state === 'in-doubt').length;
  const allowed = newest?.state === 'complete' ? 0 : 1;
  return inDoubt > allowed ? 'too-many' : 'one-at-most';
}

function fallbackOf(facts: RecoveryFacts): Columns['fallback'] {
  const base = baseOf(facts.checkpoints);
  if (base === undefined) return 'none';
  return sinksPast(facts, base.id).size > 0 ? 'passed' : 'usable';
}

function sinksColumn(facts: RecoveryFacts, newest: StoredCheckpoint | undefined): Columns['sinks'] {
  if (newest?.state !== 'in-doubt' || !isReadable(newest)) return 'all-committed';
  const found = new Set<SinkStanding>(standingsOf(facts, newest).values());
  if (found.has('cannot-tell')) return 'cannot-tell';
  if (!found.has('committed')) {
    return found.has('absent') ? 'none-committed-some-absent' : 'all-prepared';
  }
  if (found.has('absent')) return 'some-committed-some-absent';
  return found.has('prepared') ? 'some-committed-rest-prepared' : 'all-committed';
}
