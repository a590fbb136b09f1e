// The checks after the recovery table: a plan that resumes must fit what the sinks have. Pure.

import type { ResumingPlan } from './table.js';
import { handleOf, statusOf, isForeign, sinksToCommit } from '../manifest/sinks.js';
import { TidegateError } from '../errors.js';
import { generationOfCheckpointId } from '../ids.js';
import { type ReadableCheckpoint, twoPhaseNames } from './candidates.js';
import { sinksPast } from './columns.js';
import type { RecoveryFacts, StoredCheckpoint } from './facts.js';
import { errorsOf, findingsOf } from './findings.js';

/** Why a plan must not be carried out; undefined when nothing speaks against it. */
export function checkPlan(plan: ResumingPlan, facts: RecoveryFacts): TidegateError | undefined {
  return (
    sinkAhead(plan, facts) ??
    commitUnproven(plan, facts) ??
    sinkRewound(plan.resume, facts) ??
    manifestMisfit(plan.resume, facts)
  );
}

/** Resuming behind a sink would write to it again what it has: an old copy of the store shows so. */
function sinkAhead(plan: ResumingPlan, facts: RecoveryFacts): TidegateError | undefined {
  for (const [sink, lastCommitted] of sinksPast(facts, plan.resume.id)) {
    const message =
      `sink ${sink} has committed checkpoint ${lastCommitted}, but the newest that can be resumed ` +
      `is ${plan.resume.id}: everything between would be written to it a second time`;
    const details = { sink, lastCommitted, resumed: plan.resume.id };
    return new TidegateError('TIDEGATE_RECOVERY_SINK_AHEAD', message, { details });
  }
  return undefined;
}

/**
 * Resuming below a checkpoint of LaminarDB that cannot be read, or was not asked about: its commits
 * leave no marker in our sinks, so that a sink may have the output without saying so.
 */
function commitUnproven(plan: ResumingPlan, facts: RecoveryFacts): TidegateError | undefined {
  const { resume } = plan;
  const twoPhase = twoPhaseNames(facts);
  const unproven = facts.checkpoints
    .filter(({ id, state }) => id > resume.id && (state === 'corrupt' || state === 'in-doubt'))
    .filter((stored) => plan.kind !== 'roll-back' || stored.id !== plan.target.id)
    .filter((stored) => mayBeCommittedUnseen(stored, resume, twoPhase))
    .map(({ id }) => id);
  if (unproven.length === 0) return undefined;
  const message =
    `LaminarDB may have committed checkpoint ${unproven.join(', ')}, which ` +
    `${unproven.length === 1 ? 'is' : 'are'} damaged or in doubt: its commits leave no marker in ` +
    `${[...twoPhase].join(', ')}, so the output above checkpoint ${resume.id} could be written twice`;
  const details = { checkpoints: unproven, resumed: resume.id };
  return new TidegateError('TIDEGATE_RECOVERY_CORRUPT', message, { details });
}

function mayBeCommittedUnseen(
  { id, manifest }: StoredCheckpoint,
  below: ReadableCheckpoint,
  twoPhase: ReadonlySet<string>,
): boolean {
  if (manifest !== undefined) {
    return isForeign(manifest) && [...sinksToCommit(manifest)].some((sink) => twoPhase.has(sink));
  }
  // An id of a later generation than that of a checkpoint of LaminarDB is one of ours.
  const isOurs = generationOfCheckpointId(id) > generationOfCheckpointId(below.id);
  return twoPhase.size > 0 && isForeign(below.manifest) && !isOurs;
}

/**
 * Whether a sink lacks what the manifest says it has: by its handle, or by the marker that a
 * manifest without handles (of a restore, of an added source) hands on. A foreign manifest has
 * neither, and proves nothing.
 */
export function sinkRewound(
  stored: ReadableCheckpoint,
  facts: RecoveryFacts,
): TidegateError | undefined {
  const handedOn = stored.manifest.tidegate?.sinkMarkers;
  for (const sink of twoPhaseNames(facts)) {
    const marker = handedOn?.get(sink);
    const newest = facts.sinks.get(sink)?.lastCommitted;
    if (marker !== undefined && marker > (newest ?? 0)) {
      const now = newest === undefined ? 'has none now' : `its newest is ${newest} now`;
      return rewound({ sink, checkpoint: marker, newest }, now);
    }
    if (statusOf(stored.manifest, sink).kind !== 'committed') continue;
    if (handleOf(stored.manifest, sink) === undefined) continue;
    const answer = stored.inspections.get(sink);
    if (answer === 'committed') continue;
    const details = { sink, checkpoint: stored.id, answer };
    return rewound(details, `answers ${answer ?? 'nothing'} about it now`);
  }
  return undefined;
}

function rewound(
  details: { readonly sink: string; readonly checkpoint: number } & Record<string, unknown>,
  now: string,
): TidegateError {
  const message =
    `sink ${details.sink} had committed checkpoint ${details.checkpoint}, but ${now}: ` +
    'it was emptied, or set back to an older state';
  return new TidegateError('TIDEGATE_RECOVERY_SINK_REWOUND', message, { details });
}

/** Problems of the manifest itself or of its fit to the pipeline, all in one message. */
export function manifestMisfit(
  stored: ReadableCheckpoint,
  facts: RecoveryFacts,
): TidegateError | undefined {
  const errors = errorsOf(findingsOf(stored.manifest, facts));
  if (errors.length === 0) return undefined;
  const message = `checkpoint ${stored.id} does not fit this pipeline: ${errors.join('; ')}`;
  return new TidegateError('TIDEGATE_RECOVERY_MANIFEST', message, { details: { errors } });
}
