// A sink that is written by key ends with the same value for each key as a run without faults.

import { guaranteeOf, keyOf, textOf, type Checker, type Violation } from './observation.js';

/** The value of a key is the last record that has it: see `keyOf`. */
export const lastValues: Checker = ({ ending, sinks }) => {
  if (ending !== 'completed') return [];
  const violations: Violation[] = [];
  for (const sink of sinks) {
    if (guaranteeOf(sink.durability) !== 'effectively once') continue;
    const seen = byKey(sink.visible);
    for (const [key, value] of byKey(sink.expected)) {
      if (seen.get(key) === value) continue;
      violations.push({
        rule: 'the last value of each key stays',
        seen: `sink "${sink.name}" has ${String(seen.get(key))} where ${value} belongs`,
      });
    }
  }
  return violations;
};

function byKey(records: readonly unknown[]): ReadonlyMap<string, string> {
  return new Map(records.map((record) => [keyOf(record), textOf(record)]));
}
