// Carries a plan out. Every action is idempotent: a crash inside recovery is just another crash.

import { completed, rolledBack } from '../manifest/create.js';
import type { Discards, RecoveryPlan, ResumingPlan } from './table.js';
import { assertNever } from '../assert.js';
import { checkpointId, epoch, type Epoch } from '../ids.js';
import type { CheckpointManifest } from '../manifest/types.js';
import type { LoadedCheckpoint } from '../store/checkpoint-store.js';
import type { PersistedManifest } from '../store/persisted-manifest.js';
import { timeoutFor } from './ask.js';
import type { ReadableCheckpoint } from './candidates.js';
import { copyCheckpoint, recordMoved } from './copy-checkpoint.js';
import { type Resumed, restoreParticipants } from './restore.js';
import { ownerOf, save, update, write, type RecoveryPass } from './pass.js';
import { commitSinks, discardPrepared, verifyPrepared } from './sink-actions.js';
import { writeStartCheckpoint } from './start-checkpoint.js';

type Executable = Exclude<RecoveryPlan, { readonly kind: 'refuse' } | { readonly kind: 'halt' }>;

/** Everything is where `base` says, and nothing is prepared at any sink. */
interface Ready {
  readonly base: PersistedManifest;
  readonly nextEpoch: Epoch;
}

export type Executed = { readonly kind: 'resumed' } & Ready;

/**
 * Settles the sinks and the store first, then puts participants back.
 *
 * @throws PassEnded when something answers differently than the facts said, or not at all.
 */
export async function executePlan(pass: RecoveryPass, plan: Executable): Promise<Executed> {
  if (plan.kind === 'fresh') return startFresh(pass);
  // A restore writes a manifest of its own below, so what it discards has to be durable before.
  if (plan.kind === 'restore') await saveDiscards(pass, plan.discards, restoreReason(plan));
  const base = await settle(pass, plan);
  if (plan.kind !== 'restore') await saveDiscards(pass, plan.discards);
  return resumeAt(pass, { base, resumed: plan.resume }, plan.nextEpoch);
}

async function startFresh(pass: RecoveryPass): Promise<Executed> {
  await discardPrepared(pass);
  const base = await writeStartCheckpoint(pass);
  const { manifest } = base;
  const resumed = { id: checkpointId(manifest.checkpointId), manifest };
  return resumeAt(pass, { base, resumed }, epoch(manifest.epoch + 1));
}

/** The base. Afterwards no sink has anything prepared, and the base is durable and complete. */
async function settle(pass: RecoveryPass, plan: ResumingPlan): Promise<PersistedManifest> {
  const { manifest } = plan.resume;
  switch (plan.kind) {
    case 'resume': {
      const base = await save(pass, inFull(plan.resume));
      await discardPrepared(pass);
      return base;
    }
    case 'roll-forward': {
      // Visible is not durable: a power failure must not take it away once a sink has committed.
      const persisted = await save(pass, manifest);
      await verifyPrepared(pass, plan.commit);
      await commitSinks(pass, persisted, plan.commit);
      const base = await update(pass, persisted, completed(persisted.manifest));
      await discardPrepared(pass);
      return base;
    }
    case 'roll-back':
      // The sinks first: one of them may still say that it has committed.
      await discardPrepared(pass, handlesOf(plan.target));
      return save(pass, manifest);
    case 'restore':
      return restoreChosen(pass, plan);
    default:
      return assertNever(plan, 'plan');
  }
}

/** A complete one is saved as it is; one that all sinks have committed becomes complete. */
function inFull({ state, manifest }: ReadableCheckpoint): CheckpointManifest {
  return state === 'complete' ? manifest : completed(manifest);
}

function handlesOf({ manifest }: ReadableCheckpoint): ReadonlyMap<string, string> {
  return manifest.tidegate?.commitHandles ?? new Map();
}

async function restoreChosen(
  pass: RecoveryPass,
  plan: ResumingPlan & { kind: 'restore' },
): Promise<PersistedManifest> {
  const { resume, restoredEpoch } = plan;
  const base = await copyCheckpoint(pass, {
    from: await loadedFor(pass, resume),
    content: resume.manifest,
    epoch: restoredEpoch,
    fields: { restoredFrom: resume.id },
  });
  // Only now: a sink that cannot answer must not keep the choice from being durable.
  await discardPrepared(pass);
  return base;
}

function restoreReason({ resume }: ResumingPlan): string {
  return `a person restored checkpoint ${resume.id} instead`;
}

/** Before any manifest of this generation's own: so a mark that is seen below one is durable. */
async function saveDiscards(
  pass: RecoveryPass,
  discards: Discards,
  reason = 'no sink had committed it',
): Promise<void> {
  const { store } = pass;
  for (const { manifest, state } of discards.rollBack) {
    const hadFailed = state === 'rolled-back';
    const why = hadFailed ? 'its epoch failed where it was taken' : reason;
    await save(pass, rolledBack(manifest, ownerOf(store), why));
  }
  for (const { manifest } of discards.saveAgain) await save(pass, manifest);
  for (const id of discards.quarantine) {
    await write(pass, `quarantining checkpoint ${id}`, (signal) =>
      store.quarantine(id, { signal }),
    );
  }
}

async function resumeAt(
  pass: RecoveryPass,
  { base, resumed }: { readonly base: PersistedManifest; readonly resumed: Resumed },
  nextEpoch: Epoch,
): Promise<Executed> {
  const from = await loadedFor(pass, base);
  const extended = await recordMoved(pass, { from, base, resumed, epoch: nextEpoch });
  if (extended === undefined) {
    await restoreParticipants(pass, from);
    return { kind: 'resumed', base, nextEpoch };
  }
  await restoreParticipants(pass, await loadedFor(pass, extended));
  return { kind: 'resumed', base: extended, nextEpoch: epoch(nextEpoch + 1) };
}

/** Verified when the facts were read; one that was written since is verified now. */
async function loadedFor(
  pass: RecoveryPass,
  stored: PersistedManifest | ReadableCheckpoint,
): Promise<LoadedCheckpoint> {
  const id = checkpointId(stored.manifest.checkpointId);
  const known = pass.loaded.get(id);
  if (known !== undefined) return known;
  const byteLength = [...stored.manifest.operatorStates.values()].reduce(
    (sum, { externalLength }) => sum + externalLength,
    0,
  );
  return write(
    pass,
    `loading checkpoint ${id}`,
    (signal) => pass.store.load(id, { signal }),
    timeoutFor(pass.budget.callTimeoutMs, byteLength),
  );
}
