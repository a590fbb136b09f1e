// At any moment at most one checkpoint is in doubt: durable, and its sinks not known to have committed.

import type { CheckpointManifest } from '../../manifest/types.js';
import type { Checker, HistoryEvent, Violation } from './observation.js';

export const oneInDoubt: Checker = ({ history }) => {
  const violations: Violation[] = [];
  // By generation: what an overtaken owner tries to save is refused, and never there to be seen.
  const knownTo = new Map<number, Map<number, CheckpointManifest>>();
  for (const event of history) {
    if (event.kind === 'scanned') knownTo.set(event.generation, byId(event.manifests));
    if (event.kind === 'store-replaced') knownTo.clear();
    if (event.kind !== 'saving' && event.kind !== 'saved') continue;
    // What settles a checkpoint counts when it is durable; what puts one in doubt as soon as it may be.
    if (event.kind === 'saving' && inDoubt([event.manifest]).length === 0) continue;
    const known = knownTo.get(event.generation) ?? new Map<number, CheckpointManifest>();
    knownTo.set(event.generation, known);
    known.set(event.manifest.checkpointId, event.manifest);
    const open = inDoubt([...known.values()]);
    if (open.length > 1) violations.push(tooMany(event, open));
  }
  return violations;
};

function inDoubt(manifests: readonly CheckpointManifest[]): readonly number[] {
  return manifests
    .filter(
      (manifest) =>
        manifest.tidegate?.rolledBack === undefined &&
        manifest.sinkNames.some((sink) => !isCommitted(manifest, sink)),
    )
    .map((manifest) => manifest.checkpointId);
}

function isCommitted(manifest: CheckpointManifest, sink: string): boolean {
  return manifest.sinkCommitStatuses.get(sink)?.kind === 'committed';
}

function tooMany(event: HistoryEvent, open: readonly number[]): Violation {
  const generation = 'generation' in event ? ` by generation ${event.generation}` : '';
  return {
    rule: 'at most one checkpoint is in doubt',
    seen: `checkpoints ${open.join(' and ')} are, after a save${generation}`,
  };
}

function byId(manifests: readonly CheckpointManifest[]): Map<number, CheckpointManifest> {
  return new Map(manifests.map((manifest) => [manifest.checkpointId, manifest]));
}
