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

/** N: the newest checkpoint that is not rolled back. */
export function newestOf(checkpoints: readonly StoredCheckpoint[]): StoredCheckpoint | undefined {
  return checkpoints.find(({ state }) => state !== 'rolled-back');
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
 * manifest was made and says nothing about the others, also when it is no longer registered.
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
