// Which checkpoint is N, which is its base, and where each sink stands on one of them. Pure.

import type { Inspection } from '../contracts/sink.js';
import { isForeign, sinksToCommit } from '../manifest/sinks.js';
import type { CheckpointManifest } from '../manifest/types.js';
import type { RecoveryFacts, StoredCheckpoint } from './facts.js';
import { handleOf, statusOf } from './stored-state.js';

/** What one two-phase sink is known to be about one checkpoint. */
export type SinkStanding = 'committed' | 'prepared' | 'absent' | 'cannot-tell';

/** A checkpoint whose manifest can be read. */
export interface ReadableCheckpoint extends StoredCheckpoint {
  readonly manifest: CheckpointManifest;
}

/** N: the newest checkpoint that is neither rolled back nor superseded. */
export function newestOf(checkpoints: readonly StoredCheckpoint[]): StoredCheckpoint | undefined {
  return checkpoints.find(({ state }) => state !== 'rolled-back' && state !== 'superseded');
}

/** The newest complete and intact checkpoint below N. */
export function baseOf(checkpoints: readonly StoredCheckpoint[]): ReadableCheckpoint | undefined {
  const newest = newestOf(checkpoints);
  if (newest === undefined) return undefined;
  return checkpoints
    .filter(isReadable)
    .find(({ id, state, isIntact }) => id < newest.id && state === 'complete' && isIntact);
}

export function isReadable(stored: StoredCheckpoint): stored is ReadableCheckpoint {
  return stored.manifest !== undefined;
}

/**
 * Epochs of another program that failed and were left behind. They are marked before anything new is
 * written: in doubt below a manifest of ours they would be a riddle.
 */
export function failedEpochsIn({ checkpoints }: RecoveryFacts): readonly ReadableCheckpoint[] {
  return checkpoints
    .filter(isReadable)
    .filter(({ state, manifest }) => state === 'rolled-back' && isForeign(manifest));
}

export function twoPhaseNames(facts: RecoveryFacts): ReadonlySet<string> {
  return new Set([...facts.sinks].filter(([, sink]) => sink.twoPhase).map(([name]) => name));
}

/**
 * Where each sink stands that takes part in the decision: by the manifest where that says
 * `Committed`, by the sink's own answer otherwise. A sink without two phases was flushed before the
 * manifest was made and says nothing about the others, also when it is not registered any more.
 */
export function standingsOf(
  facts: RecoveryFacts,
  stored: ReadableCheckpoint,
): ReadonlyMap<string, SinkStanding> {
  const { manifest } = stored;
  const standings = new Map<string, SinkStanding>();
  for (const sink of sinksToCommit(manifest)) {
    const handle = handleOf(manifest, sink);
    const isCommitted = statusOf(manifest, sink).kind === 'committed';
    // Of one that was removed: with two phases it would have a handle, if the manifest is ours.
    const isRemoved = !facts.sinks.has(sink);
    const wasFlushed = isRemoved && isCommitted && manifest.tidegate !== undefined;
    const isFlushed = facts.sinks.get(sink)?.twoPhase === false || wasFlushed;
    if (isFlushed && handle === undefined) continue;
    const standing = isCommitted ? 'committed' : standingBy(stored.inspections.get(sink), handle);
    standings.set(sink, standing);
  }
  return standings;
}

/** Prepared without a handle is of no use: nothing could be committed with it. */
function standingBy(answer: Inspection | undefined, handle: string | undefined): SinkStanding {
  if (answer === undefined || answer === 'unsupported') return 'cannot-tell';
  return answer === 'prepared' && handle === undefined ? 'cannot-tell' : answer;
}

/** Why the range from the base to N cannot be replayed; undefined when it can. */
export function replayObstacle(facts: RecoveryFacts): string | undefined {
  const newest = newestOf(facts.checkpoints);
  const base = baseOf(facts.checkpoints);
  if (!facts.isReplayPossible) return 'the pipeline cannot replay a range into its sinks';
  if (newest === undefined || !isReadable(newest)) return 'the one in doubt cannot be read';
  if (base === undefined) return 'there is no intact checkpoint to replay from';
  const { sources, tables } = facts.topology;
  const { manifest } = newest;
  if (![base.manifest, manifest].every((end) => hasNames(end.sourceOffsets, sources))) {
    return 'its sources are not the ones that are registered';
  }
  if (![base.manifest, manifest].every((end) => hasNames(end.tableOffsets, tables))) {
    return 'its tables are not the ones that are registered';
  }
  const involved = standingsOf(facts, newest);
  if (!hasNames(involved, twoPhaseNames(facts))) {
    return 'its sinks are not the ones that are registered';
  }
  const kept = manifest.tidegate?.commitHandles;
  const handleless = [...involved.keys()].find((sink) => !kept?.has(sink));
  if (handleless !== undefined)
    return `the output of sink ${handleless} was recorded without a handle`;
  // Whoever gets the range again is compared; who has it drops the output unseen.
  const unmarked = [...involved].find(
    ([sink, standing]) => standing !== 'committed' && !manifest.tidegate?.sinkDigests.has(sink),
  );
  if (unmarked === undefined) return undefined;
  return `the output of sink ${unmarked[0]} was recorded without a digest to compare with`;
}

function hasNames(map: ReadonlyMap<string, unknown>, names: ReadonlySet<string>): boolean {
  return map.size === names.size && [...names].every((name) => map.has(name));
}
