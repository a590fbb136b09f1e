// Whether participants can be used: their outward form, their names, and what their mix can keep.

import type { Participants } from '../../contracts/participants.js';
import { durabilityProblem, isTwoPhase, type Sink } from '../../contracts/sink.js';
import { contractProblem } from '../../given.js';
import type { CheckpointOptions } from './checkpoint-options.js';

const members = {
  source: ['position', 'restore'],
  operator: ['capture', 'restore', 'reset'],
  table: ['position', 'restore'],
} as const;

/** One sentence for each participant that cannot be used at all. */
export function contractProblems(participants: Participants): readonly string[] {
  const { sources, operators, tables, sinks } = participants;
  const problems: string[] = [];
  const expect = (what: string, problem: string | undefined): void => {
    if (problem !== undefined) problems.push(`${what} ${problem}`);
  };
  const groups = { source: sources, operator: operators, table: tables };
  for (const [kind, group] of Object.entries(groups)) {
    for (const [name, given] of group) {
      expect(`${kind} ${name}`, contractProblem(given, members[kind as keyof typeof members]));
    }
  }
  for (const [name, sink] of sinks) expect(`sink ${name}`, sinkProblem(sink));
  return problems;
}

function sinkProblem(sink: Sink): string | undefined {
  return contractProblem(sink, ['open']) ?? durabilityProblem(sink.durability);
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

type Parts = readonly (readonly [setting: string, ms: number])[];

/** What lies between a pre-commit and its commit, setting by setting. */
function commitParts({ timeouts }: CheckpointOptions): Parts {
  return [
    ['timeouts.preCommitMs', timeouts.preCommitMs],
    ['2 × timeouts.persistMs', 2 * timeouts.persistMs],
    ['timeouts.commitMs', timeouts.commitMs],
  ];
}

/** How long an epoch may stay prepared. */
function lifetimeParts(options: CheckpointOptions): Parts {
  return [
    ['intervalMs', options.intervalMs],
    ...commitParts(options),
    ['maxOutageMs', options.maxOutageMs],
    // A sink that does not answer is asked again for so long, and everything has to be there then.
    ['timeouts.inDoubtMs', options.timeouts.inDoubtMs],
  ];
}

/** How long an epoch may be open, from its first record to its commit. */
function epochParts(options: CheckpointOptions): Parts {
  return [
    ['intervalMs', options.intervalMs],
    ['minPauseMs', options.minPauseMs],
    ['timeouts.alignmentMs', options.timeouts.alignmentMs],
    ['timeouts.snapshotMs', options.timeouts.snapshotMs],
    ...commitParts(options),
  ];
}

function lifetimeProblems(name: string, sink: Sink, options: CheckpointOptions): readonly string[] {
  if (!isTwoPhase(sink)) return [];
  const { maxPreparedLifetimeMs: lifetimeMs, maxEpochMs, maxPrepared } = sink;
  const problems: string[] = [];
  const tooShort = (givenMs: number | undefined, parts: Parts): string | undefined => {
    const neededMs = parts.reduce((sum, [, ms]) => sum + ms, 0);
    if (givenMs === undefined || givenMs >= neededMs) return undefined;
    const sum = parts.map(([setting, ms]) => `${setting} ${ms}`).join(' + ');
    return `may take ${neededMs} ms until it is committed: ${sum}`;
  };
  const prepared = tooShort(lifetimeMs, lifetimeParts(options));
  if (prepared !== undefined) {
    problems.push(
      `sink ${name} keeps a prepared epoch for ${lifetimeMs} ms (maxPreparedLifetimeMs), and it ${prepared}`,
    );
  }
  const open = tooShort(maxEpochMs, epochParts(options));
  if (open !== undefined) {
    problems.push(
      `sink ${name} keeps an epoch open for ${maxEpochMs} ms (maxEpochMs; of a Kafka sink it is ` +
        `transactionTimeoutMs), and it ${open}`,
    );
  }
  if (maxPrepared !== undefined && !(maxPrepared >= 1)) {
    problems.push(`sink ${name} allows ${maxPrepared} prepared epochs, and one is needed`);
  }
  return problems;
}
