// A source may forget only what a complete, durable checkpoint lies behind.

import type { CheckpointManifest } from '../../manifest/types.js';
import type { Checker, Violation } from './observation.js';

/** For sources that keep their position as the offset `next`, as the simulated ones do. */
export const acknowledgedIsDurable: Checker = ({ history }) => {
  const violations: Violation[] = [];
  const durable = new Map<string, number>();
  for (const event of history) {
    if (event.kind === 'saved') note(durable, [event.manifest]);
    if (event.kind === 'scanned') note(durable, event.manifests);
    if (event.kind !== 'acknowledged') continue;
    const limit = durable.get(event.source) ?? 0;
    if (event.next <= limit) continue;
    violations.push({
      rule: 'a source is acknowledged up to a complete checkpoint',
      seen: `source "${event.source}" up to ${event.next}, the checkpoint ends at ${limit}`,
    });
  }
  return violations;
};

function note(durable: Map<string, number>, manifests: readonly CheckpointManifest[]): void {
  for (const manifest of manifests.filter(isComplete)) {
    for (const [source, { offsets }] of manifest.sourceOffsets) {
      const next = Number(offsets.get('next') ?? 0);
      durable.set(source, Math.max(next, durable.get(source) ?? 0));
    }
  }
}

function isComplete(manifest: CheckpointManifest): boolean {
  return (
    manifest.tidegate?.rolledBack === undefined &&
    manifest.sinkNames.every((sink) => manifest.sinkCommitStatuses.get(sink)?.kind === 'committed')
  );
}
