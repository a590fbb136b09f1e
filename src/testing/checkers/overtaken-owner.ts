// A process that was overtaken by another one never takes the store back.

import type { Checker, Violation } from './observation.js';

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
