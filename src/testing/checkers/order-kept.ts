// Records become visible in the order of the input, as far as the class of the sink promises it.

import {
  guaranteeOf,
  keyOf,
  textOf,
  type Checker,
  type ObservedSink,
  type Violation,
} from './observation.js';

export const orderKept: Checker = ({ sinks }) => sinks.flatMap(byKey).flatMap(disorderAt);

/** The sink as it is, or, where only records of one key have an order, its keys one by one. */
function byKey(sink: ObservedSink): readonly ObservedSink[] {
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
