// A checkpoint id is given out once, and a later one is always higher.

import type { CheckpointManifest } from '../../manifest/types.js';
import type { Checker, HistoryEvent, Violation } from './observation.js';

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
