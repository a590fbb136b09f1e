// A checkpoint id is given out once, and a later one is always higher.

import type { Checker, HistoryEvent, Violation } from './observation.js';

export const idsMonotonic: Checker = ({ history }) => [
  ...allocatedOnce(history),
  ...savedByOneAttempt(history),
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

/** An id in a manifest stands for one attempt, for ever. */
function savedByOneAttempt(history: readonly HistoryEvent[]): readonly Violation[] {
  const violations: Violation[] = [];
  const attempts = new Map<number, string>();
  for (const event of history) {
    if (event.kind === 'store-replaced') attempts.clear();
    if (event.kind !== 'saved') continue;
    const { checkpointId, tidegate } = event.manifest;
    if (tidegate === undefined) continue;
    const earlier = attempts.get(checkpointId);
    if (earlier !== undefined && earlier !== tidegate.attempt) {
      violations.push({
        rule: 'a checkpoint id stands for one attempt',
        seen: `id ${checkpointId} was saved by attempts ${earlier} and ${tidegate.attempt}`,
      });
    }
    attempts.set(checkpointId, tidegate.attempt);
  }
  return violations;
}
