// Whether what was given keeps the outward form of its contract: asked before anything is opened.

import type { Participants } from '../../contracts/participants.js';
import { durabilityProblem, type Sink } from '../../contracts/sink.js';
import { contractProblem } from '../../given.js';

const members = {
  source: ['position', 'restore'],
  operator: ['capture', 'restore', 'reset'],
  table: ['position', 'restore'],
} as const;

/** One sentence for each participant, and for the store, that cannot be used at all. */
export function contractProblems(
  { store, tableStore }: { readonly store: unknown; readonly tableStore?: unknown },
  { sources, operators, tables, sinks }: Participants,
): readonly string[] {
  const problems: string[] = [];
  const expect = (what: string, problem: string | undefined): void => {
    if (problem !== undefined) problems.push(`${what} ${problem}`);
  };
  expect('the store', contractProblem(store, ['open', 'openReadOnly']));
  if (tableStore !== undefined) {
    expect('the table store', contractProblem(tableStore, ['checkpoint', 'restore']));
  }
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
