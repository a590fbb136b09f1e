// No record is visible more often than a run without faults makes it, where that was promised.

import {
  countByText,
  guaranteeOf,
  type Checker,
  type ObservedSink,
  type Violation,
} from './observation.js';

/** Holds at every moment, after a refusal too: a human can add what is missing, not take away. */
export const nothingDuplicated: Checker = ({ sinks }) => sinks.flatMap(duplicatedAt);

function duplicatedAt(sink: ObservedSink): readonly Violation[] {
  const allowed = countByText(sink.expected);
  const isExact = guaranteeOf(sink.durability) === 'exactly once';
  const wrong: string[] = [];
  for (const [text, count] of countByText(sink.visible)) {
    const limit = allowed.get(text) ?? 0;
    // A sink that may write again may still only write what belongs there.
    if (limit === 0 || (isExact && count > limit)) wrong.push(`${text} ${count}x`);
  }
  if (wrong.length === 0) return [];
  return [
    {
      rule: 'nothing is duplicated or made up',
      seen: `sink "${sink.name}" (${sink.durability}) holds ${wrong.join(', ')}`,
    },
  ];
}
