// Makes a schedule that shows a violation as short as it gets, and writes it down as a test.

import type { Violation } from '../checkers/observation.js';
import { formatSchedule, type Fault, type Schedule } from './faults.js';

/** Runs a schedule again: what is wrong with it, if anything. */
export type Judge = (schedule: Schedule) => Promise<readonly Violation[]>;

export interface Shrunk {
  readonly schedule: Schedule;
  readonly violations: readonly Violation[];
}

/** Leaves out faults and makes numbers smaller, for as long as a rule stays broken. */
export async function shrink(
  schedule: Schedule,
  violations: readonly Violation[],
  judge: Judge,
): Promise<Shrunk> {
  let shortest: Shrunk = { schedule, violations };
  for (;;) {
    const shorter = await firstBroken(simpler(shortest.schedule), judge);
    if (shorter === undefined) return shortest;
    shortest = shorter;
  }
}

async function firstBroken(
  candidates: readonly Schedule[],
  judge: Judge,
): Promise<Shrunk | undefined> {
  for (const schedule of candidates) {
    const violations = await judge(schedule);
    if (violations.length > 0) return { schedule, violations };
  }
  return undefined;
}

/** Schedules that are one step simpler, the simplest first. */
function simpler(schedule: Schedule): readonly Schedule[] {
  const without = schedule.map((_, index) => schedule.filter((_fault, other) => other !== index));
  const smaller = schedule.flatMap((fault, index) =>
    smallerNumbers(fault).map((number) => schedule.with(index, { ...fault, number })),
  );
  return [...without, ...smaller];
}

function smallerNumbers({ kind, number }: Fault): readonly number[] {
  if (number === undefined || kind === 'outage') return [];
  const least = kind === 'power-before' || kind === 'power-after' ? 0 : 1;
  return [least, Math.floor(number / 2), number - 1].filter(
    (candidate, index, all) =>
      candidate >= least && candidate < number && all.indexOf(candidate) === index,
  );
}

/**
 * A test that shows the violation, to be pasted into a suite.
 *
 * @param setup How the pipeline under test is named there, such as `buildOrders, { input }`.
 */
export function asTest(
  { schedule, violations }: Shrunk,
  setup: { readonly build: string; readonly options: string },
): string {
  const rules = [...new Set(violations.map(({ rule }) => rule))].join(', ');
  const lines = formatSchedule(schedule).map((line) => `    ${JSON.stringify(line)},`);
  const seen = violations.map((violation) => `  // ${violation.rule}: ${violation.seen}`);
  return [
    `test(${JSON.stringify(rules)}, async () => {`,
    ...seen,
    `  const result = await replaySchedule(${setup.build}, { ${setup.options}, schedule: [`,
    ...lines,
    '  ] });',
    '  expect(result.violations).toEqual([]);',
    '});',
  ].join('\n');
}
