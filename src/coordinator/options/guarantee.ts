// What a pipeline guarantees, from what its participants declare.

import type { Sink } from '../../contracts/sink.js';
import type { Participants } from '../../contracts/participants.js';

/** From strong to weak: `best-effort` may also lose records. */
export type GuaranteeLevel = 'exactly-once' | 'effectively-once' | 'at-least-once' | 'best-effort';

/** What one sink promises. */
export interface SinkGuarantee {
  readonly level: GuaranteeLevel;
  /** One sentence. */
  readonly why: string;
}

/** What a pipeline promises, and what each sink does to it. */
export interface Guarantee {
  /** The weakest of its sinks. */
  readonly level: GuaranteeLevel;
  readonly sinks: ReadonlyMap<string, SinkGuarantee>;
}

const levels: readonly GuaranteeLevel[] = [
  'exactly-once',
  'effectively-once',
  'at-least-once',
  'best-effort',
];

export function guaranteeOf(participants: Participants): Guarantee {
  const sinks = new Map<string, SinkGuarantee>();
  for (const [name, sink] of participants.sinks) {
    sinks.set(name, sinkGuarantee(sink, participants));
  }
  const weakest = Math.max(0, ...[...sinks.values()].map(({ level }) => levels.indexOf(level)));
  return { level: levels[weakest] ?? 'best-effort', sinks };
}

function sinkGuarantee(sink: Sink, participants: Participants): SinkGuarantee {
  const unreplayable = [...participants.sources].filter(
    ([, { replayable }]) => replayable === false,
  );
  if (unreplayable.length > 0) {
    const names = unreplayable.map(([name]) => name).join(', ');
    return { level: 'best-effort', why: `after a crash ${names} cannot give records again` };
  }
  switch (sink.durability) {
    case 'durable':
      return { level: 'exactly-once', why: 'a fresh process can commit what it has prepared' };
    case 'last-resource': {
      const why = 'it commits first, and its marker decides';
      const { caution } = sink;
      return { level: 'exactly-once', why: caution === undefined ? why : `${why}; ${caution}` };
    }
    case 'idempotent':
      if (sink.ordersWrites !== true) {
        return { level: 'at-least-once', why: 'a late write can overtake a newer one' };
      }
      if (![...participants.operators.values()].every((operator) => operator.deterministic)) {
        return { level: 'at-least-once', why: 'not every operator is declared deterministic' };
      }
      return { level: 'effectively-once', why: 'writing the same again changes nothing' };
    case 'at-least-once':
      return { level: 'at-least-once', why: 'it writes again what a crash interrupted' };
  }
}
