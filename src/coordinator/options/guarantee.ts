// What a pipeline guarantees, from what its participants declare; what cannot be kept is refused.

import { isTwoPhase, type Sink } from '../../contracts/sink.js';
import type { Participants } from '../../contracts/participants.js';
import type { CheckpointOptions } from './checkpoint-options.js';

/** From strong to weak: `best-effort` may also lose records. */
export type GuaranteeLevel = 'exactly-once' | 'effectively-once' | 'at-least-once' | 'best-effort';

export interface SinkGuarantee {
  readonly level: GuaranteeLevel;
  /** One sentence for people. */
  readonly why: string;
}

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
    case 'last-resource':
      return { level: 'exactly-once', why: 'it commits first, and its marker decides' };
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

/** What the mix of participants cannot keep, one sentence each; empty when it can be run. */
export function participantProblems(
  participants: Participants,
  options: CheckpointOptions,
): readonly string[] {
  const twoPhase = [...participants.sinks].filter(([, sink]) => isTwoPhase(sink));
  const problems = [...nameProblems(participants)];
  const lastResources = namesOf(participants, 'last-resource');
  if (lastResources.length > 1) {
    problems.push(
      `sinks ${lastResources.join(', ')} are all last-resource, and only one can commit first: ` +
        'put writeAhead in front of the others',
    );
  }
  for (const [name, source] of participants.sources) {
    if (source.replayable === false && twoPhase.length > 0) {
      problems.push(
        `source ${name} cannot be replayed, so exactly once at ${twoPhase[0]?.[0] ?? ''} cannot be kept`,
      );
    }
  }
  for (const [name, sink] of participants.sinks)
    problems.push(...lifetimeProblems(name, sink, options));
  return problems;
}

function namesOf(participants: Participants, durability: Sink['durability']): readonly string[] {
  return [...participants.sinks]
    .filter(([, sink]) => sink.durability === durability)
    .map(([name]) => name);
}

/** Durable names are made of them, and a position or a handle is found by them again. */
function nameProblems(participants: Participants): readonly string[] {
  const problems: string[] = [];
  const groups = [
    ['source', participants.sources],
    ['operator', participants.operators],
    ['sink', participants.sinks],
    ['table', participants.tables],
  ] as const;
  for (const [kind, group] of groups) {
    for (const name of group.keys()) {
      if (!isUsableName(name)) problems.push(`${kind} name ${JSON.stringify(name)} ${nameRule}`);
    }
  }
  for (const name of participants.tables.keys()) {
    if (participants.sources.has(name)) problems.push(`${name} names both a source and a table`);
  }
  return problems;
}

export const nameRule = 'is empty, longer than 200 characters, or has a control character or /';

export function isUsableName(name: unknown): boolean {
  if (typeof name !== 'string') return false;
  const isPlain = Array.from(name).every((character) => character >= ' ' && character !== '/');
  return name.trim() !== '' && name.length <= 200 && isPlain;
}

function lifetimeProblems(name: string, sink: Sink, options: CheckpointOptions): readonly string[] {
  if (!isTwoPhase(sink)) return [];
  const problems: string[] = [];
  const { maxPreparedLifetimeMs: lifetimeMs, maxPrepared } = sink;
  const neededMs =
    options.intervalMs +
    options.preCommitTimeoutMs +
    2 * options.persistTimeoutMs +
    options.commitTimeoutMs +
    options.maxOutageMs +
    // A sink that does not answer is asked again for so long, and everything has to be there then.
    options.inDoubtTimeoutMs;
  if (lifetimeMs !== undefined && !(lifetimeMs >= neededMs)) {
    problems.push(
      `sink ${name} keeps a prepared epoch for ${lifetimeMs} ms, but interval, bounds and outage ` +
        `need ${neededMs} ms`,
    );
  }
  if (maxPrepared !== undefined && !(maxPrepared >= 1)) {
    problems.push(`sink ${name} allows ${maxPrepared} prepared epochs, and one is needed`);
  }
  return problems;
}
