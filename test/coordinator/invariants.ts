// What must hold of every log of port calls, whatever went wrong on the way.

import type { CheckpointManifest, SinkCommitStatus } from 'tidegate/manifest';
import type { LoggedCall } from './support/call-log.js';

interface Known {
  readonly statuses: ReadonlyMap<string, SinkCommitStatus>;
  readonly isRolledBack: boolean;
}

/** Sentences about what was violated; empty when all invariants hold. */
export function violations(log: readonly LoggedCall[]): readonly string[] {
  const found: string[] = [];
  const manifests = new Map<number, Known>();
  const durableHandles = new Map<string, number>();
  for (const call of log) {
    switch (call.kind) {
      case 'saved':
        found.push(...movedBack(manifests.get(call.manifest.checkpointId), call.manifest));
        manifests.set(call.manifest.checkpointId, knownOf(call.manifest));
        for (const [sink, handle] of call.manifest.tidegate?.commitHandles ?? []) {
          durableHandles.set(`${sink} ${handle}`, call.manifest.checkpointId);
        }
        found.push(...secondInDoubt(manifests));
        break;
      case 'commit':
        if (!durableHandles.has(`${call.sink} ${call.handle}`)) {
          found.push(
            `sink ${call.sink} was asked to commit ${call.handle}, which no manifest names`,
          );
        }
        break;
      case 'told':
        found.push(...toldTooEarly(manifests.get(call.checkpointId), call.checkpointId));
        break;
      default:
        break;
    }
  }
  return found;
}

function knownOf(manifest: CheckpointManifest): Known {
  return {
    statuses: manifest.sinkCommitStatuses,
    isRolledBack: manifest.tidegate?.rolledBack !== undefined,
  };
}

function movedBack(before: Known | undefined, after: CheckpointManifest): readonly string[] {
  if (before === undefined) return [];
  const found: string[] = [];
  for (const [sink, status] of before.statuses) {
    const next = after.sinkCommitStatuses.get(sink);
    if (status.kind === 'committed' && next?.kind !== 'committed') {
      found.push(
        `sink ${sink} of ${after.checkpointId} went from committed to ${next?.kind ?? 'nothing'}`,
      );
    }
    if (next === undefined) found.push(`sink ${sink} of ${after.checkpointId} lost its status`);
  }
  if (before.isRolledBack && after.tidegate?.rolledBack === undefined) {
    found.push(`checkpoint ${after.checkpointId} was rolled back and is no longer`);
  }
  return found;
}

function isInDoubt(known: Known): boolean {
  if (known.isRolledBack) return false;
  return [...known.statuses.values()].some((status) => status.kind !== 'committed');
}

function secondInDoubt(manifests: ReadonlyMap<number, Known>): readonly string[] {
  const inDoubt = [...manifests].filter(([, known]) => isInDoubt(known)).map(([id]) => id);
  return inDoubt.length > 1 ? [`checkpoints ${inDoubt.join(' and ')} are in doubt at once`] : [];
}

function toldTooEarly(known: Known | undefined, id: number): readonly string[] {
  if (known === undefined) return [`checkpoint ${id} was told and never saved`];
  return isInDoubt(known) ? [`checkpoint ${id} was told before its statuses were durable`] : [];
}
