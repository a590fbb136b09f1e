// Rules about what the sinks hold in the end: nothing lost, doubled, out of order or left behind.

import {
  countByText,
  guaranteeOf,
  keyOf,
  textOf,
  type Checker,
  type ObservedSink,
  type Violation,
} from './observation.js';

/** Every record that a run without faults writes is there, at every sink of every class. Holds for runs that came to their end; after a refusal the rest of the input is still to come. */
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

/** No record is visible more often than a run without faults makes it, where that was promised. Holds at every moment, after a refusal too: a human can add what is missing, not take away. */
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

/** Records become visible in the order of the input, as far as the class of the sink promises it. */
export const orderKept: Checker = ({ sinks }) => sinks.flatMap(keysOf).flatMap(disorderAt);

/** The sink as it is, or, where only records of one key have an order, its keys one by one. */
function keysOf(sink: ObservedSink): readonly ObservedSink[] {
  if (sink.order !== 'key') return [sink];
  const keys = new Set([...sink.expected, ...sink.visible].map(keyOf));
  const ofKey = (records: readonly unknown[], key: string): readonly unknown[] =>
    records.filter((record) => keyOf(record) === key);
  return [...keys].map((key) => ({
    ...sink,
    expected: ofKey(sink.expected, key),
    visible: ofKey(sink.visible, key),
  }));
}

function disorderAt(sink: ObservedSink): readonly Violation[] {
  const exactly = guaranteeOf(sink.durability) === 'exactly once';
  const seen = exactly ? firstDifference(sink) : firstGap(sink);
  if (seen === undefined) return [];
  return [{ rule: 'order is kept', seen: `sink "${sink.name}" (${sink.durability}) ${seen}` }];
}

/** What is visible is a beginning of what is expected. */
function firstDifference({ visible, expected }: ObservedSink): string | undefined {
  for (const [index, record] of visible.entries()) {
    if (index >= expected.length) return undefined;
    if (textOf(record) === textOf(expected[index])) continue;
    return `has ${textOf(record)} at ${index} where ${textOf(expected[index])} belongs`;
  }
  return undefined;
}

/**
 * A sink that writes again may step back to an earlier record, but never ahead over one that it
 * has not written.
 */
function firstGap({ visible, expected }: ObservedSink): string | undefined {
  const places = new Map<string, number>();
  for (const [index, record] of expected.entries()) {
    const text = textOf(record);
    if (places.has(text)) return undefined; // Equal records cannot be distinguished.
    places.set(text, index);
  }
  let newest = -1;
  for (const record of visible) {
    const place = places.get(textOf(record));
    if (place === undefined) continue; // Made up: the business of another rule.
    if (place > newest + 1) return `has ${textOf(record)} before record ${newest + 1} was written`;
    newest = Math.max(newest, place);
  }
  return undefined;
}

/** A sink that is written by key ends with the same value for each key as a run without faults. The value of a key is the last record that has it: see `keyOf`. */
export const lastValues: Checker = ({ ending, sinks }) => {
  if (ending !== 'completed') return [];
  const violations: Violation[] = [];
  for (const sink of sinks) {
    if (guaranteeOf(sink.durability) !== 'effectively once') continue;
    const seen = valuesByKey(sink.visible);
    for (const [key, value] of valuesByKey(sink.expected)) {
      if (seen.get(key) === value) continue;
      violations.push({
        rule: 'the last value of each key stays',
        seen: `sink "${sink.name}" has ${String(seen.get(key))} where ${value} belongs`,
      });
    }
  }
  return violations;
};

function valuesByKey(records: readonly unknown[]): ReadonlyMap<string, string> {
  return new Map(records.map((record) => [keyOf(record), textOf(record)]));
}

/** When the input has come to its end no sink holds on to anything that will never be committed. */
export const nothingLeftPrepared: Checker = ({ ending, sinks }) => {
  if (ending !== 'completed') return [];
  return sinks
    .filter((sink) => sink.preparedCount > 0)
    .map((sink) => ({
      rule: 'nothing is left prepared',
      seen: `sink "${sink.name}" still holds ${sink.preparedCount} prepared epochs`,
    }));
};

/** Recovery asks for a human only after something was lost that no protocol can bring back. */
export const refusalJustified: Checker = ({ ending, disaster }) => {
  if (ending === 'completed' || disaster) return [];
  return [{ rule: 'a crash needs no human', seen: 'recovery refused although nothing was lost' }];
};
