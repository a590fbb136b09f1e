// Every record that a run without faults writes is there, at every sink of every class.

import { countByText, type Checker, type ObservedSink, type Violation } from './observation.js';

/** Holds for runs that came to their end; after a refusal the rest of the input is still to come. */
export const nothingLost: Checker = ({ ending, sinks }) =>
  ending === 'completed' ? sinks.flatMap(lostAt) : [];

function lostAt(sink: ObservedSink): readonly Violation[] {
  const seen = countByText(sink.visible);
  const lost: string[] = [];
  for (const [text, count] of countByText(sink.expected)) {
    if ((seen.get(text) ?? 0) < count) lost.push(text);
  }
  if (lost.length === 0) return [];
  return [{ rule: 'nothing is lost', seen: `sink "${sink.name}" lacks ${lost.join(', ')}` }];
}
