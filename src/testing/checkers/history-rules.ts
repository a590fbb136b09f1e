// Rules about what happened at the ports: ids, owners, checkpoints in doubt, acknowledgements.

import type { CheckpointManifest } from '../../manifest/types.js';
import type { Checker, HistoryEvent, Violation } from './observation.js';

/** A checkpoint id is given out once, and a later one is always higher. */
export const idsMonotonic: Checker = ({ history }) => [
  ...allocatedOnce(history),
  ...savedOnce(history),
];

function allocatedOnce(history: readonly HistoryEvent[]): readonly Violation[] {
  const violations: Violation[] = [];
  const ownerById = new Map<number, number>();
  const newestByGeneration = new Map<number, number>();
  for (const event of history) {
    if (event.kind === 'store-replaced') {
      ownerById.clear();
      newestByGeneration.clear();
    }
    if (event.kind !== 'allocated') continue;
    const { generation, id } = event;
    const earlier = ownerById.get(id);
    if (earlier !== undefined) {
      violations.push({
        rule: 'a checkpoint id is never reused',
        seen: `id ${id} was given out by generation ${earlier} and by generation ${generation}`,
      });
    }
    for (const [other, newest] of newestByGeneration) {
      const isOrdered = other === generation ? newest < id : newest < id === other < generation;
      if (isOrdered || newest === id) continue;
      violations.push({
        rule: 'checkpoint ids rise with the generations',
        seen: `generation ${generation} gave out ${id}, generation ${other} ${newest}`,
      });
    }
    ownerById.set(id, generation);
    newestByGeneration.set(generation, Math.max(id, newestByGeneration.get(generation) ?? 0));
  }
  return violations;
}

/** An id in a manifest stands for one attempt, whose cut never changes. */
function savedOnce(history: readonly HistoryEvent[]): readonly Violation[] {
  const violations: Violation[] = [];
  const cuts = new Map<number, string>();
  for (const event of history) {
    if (event.kind === 'store-replaced') cuts.clear();
    if (event.kind !== 'saved') continue;
    const { checkpointId } = event.manifest;
    const cut = cutOf(event.manifest);
    const earlier = cuts.get(checkpointId);
    if (earlier !== undefined && earlier !== cut) {
      violations.push({
        rule: 'a checkpoint id stands for one attempt',
        seen: `id ${checkpointId} was saved with the cuts ${earlier} and ${cut}`,
      });
    }
    cuts.set(checkpointId, cut);
  }
  return violations;
}

function cutOf({ epoch, sourceOffsets, tidegate }: CheckpointManifest): string {
  // By name: a map that was read back, and one whose answers came in another order, say the same.
  const offsets = byName(sourceOffsets).map(([source, { offsets }]) => [source, byName(offsets)]);
  const handles = byName(tidegate?.commitHandles ?? new Map<string, string>());
  return JSON.stringify([epoch, tidegate?.generation, offsets, handles]);
}

function byName<Value>(map: ReadonlyMap<string, Value>): readonly (readonly [string, Value])[] {
  return [...map].sort(([left], [right]) => (left < right ? -1 : 1));
}

/** At any moment at most one checkpoint is in doubt: durable, and its sinks not known to have committed. */
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
    .filter((manifest) => !isRolledBack(manifest) && !isCommittedByAll(manifest))
    .map(({ checkpointId }) => checkpointId);
}

function isRolledBack({ tidegate }: CheckpointManifest): boolean {
  return tidegate?.rolledBack !== undefined;
}

function isCommittedByAll({ sinkNames, sinkCommitStatuses }: CheckpointManifest): boolean {
  return sinkNames.every((sink) => sinkCommitStatuses.get(sink)?.kind === 'committed');
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

/** A process that was overtaken by another one never takes the store back. */
export const overtakenOwnerStops: Checker = ({ history }) => {
  const violations: Violation[] = [];
  const newestOf = new Map<number, number>();
  for (const event of history) {
    if (event.kind === 'store-replaced') newestOf.clear();
    if (event.kind !== 'opened') continue;
    const own = newestOf.get(event.life);
    const overtaker = [...newestOf].find(
      ([life, generation]) =>
        // A number below the overtaker's was claimed before it: that claim is fenced by now.
        life !== event.life &&
        own !== undefined &&
        generation > own &&
        event.generation > generation,
    );
    if (overtaker !== undefined) {
      violations.push({
        rule: 'an overtaken owner stops',
        seen:
          `process ${event.life} took generation ${event.generation} ` +
          `after process ${overtaker[0]} had taken ${overtaker[1]}`,
      });
    }
    newestOf.set(event.life, event.generation);
  }
  return violations;
};

/** A source may forget only what a complete, durable checkpoint lies behind. For sources that keep their position as the offset `next`, as the simulated ones do. */
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
  for (const manifest of manifests) {
    if (isRolledBack(manifest) || !isCommittedByAll(manifest)) continue;
    for (const [source, { offsets }] of manifest.sourceOffsets) {
      const next = Number(offsets.get('next') ?? 0);
      durable.set(source, Math.max(next, durable.get(source) ?? 0));
    }
  }
}
