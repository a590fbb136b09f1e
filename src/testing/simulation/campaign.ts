// The campaign against tidegate itself: every mix of sinks, each crashed in every way.

import { assert } from '../../assert.js';
import { explore, firstFaults, referenceRun, type Explored, type Subject } from './explore.js';
import { asTest, shrink } from './shrink.js';
import { allMixes } from './mixes.js';
import { orders, ordersPipeline, orderTotals, type OrdersSetup } from './orders.js';
import { runSchedule, type RunResult } from './run-schedule.js';
import type { Schedule } from './faults.js';

/** The seed of the campaign: another one draws other pairs of faults. */
export interface CampaignOptions {
  readonly seed: number;
}

/** One pipeline of the campaign, run once without faults. */
export interface PreparedSetup {
  readonly setup: OrdersSetup;
  readonly subject: Subject;
  readonly reference: RunResult;
  readonly firstCount: number;
}

/** A share of the schedules of one setup. */
export interface CampaignShare {
  readonly secondsPerFirst: number;
  readonly stride: number;
  readonly offset: number;
}

/** Every mix twice: state in the manifest or a sidecar, either policy, stopped at once or not. */
export const setups: readonly OrdersSetup[] = allMixes().flatMap((mix, index) => [
  { mix, hasSidecar: index % 2 === 0, settings: { inDoubtPolicy: 'roll-back' } },
  {
    mix,
    hasSidecar: index % 2 === 1,
    drains: true,
    settings: { inDoubtPolicy: 'roll-forward' },
  },
]);

export function describeSetup({ mix, hasSidecar, settings }: OrdersSetup): string {
  const state = hasSidecar ? 'sidecar' : 'inline';
  return `${mix.join(' + ')} (${state}, ${settings?.inDoubtPolicy ?? 'roll-back'})`;
}

/** Runs a setup without faults and compares its output with what was worked out by hand. */
export async function prepareSetup(
  setup: OrdersSetup,
  { seed }: CampaignOptions,
): Promise<PreparedSetup> {
  const subject: Subject = {
    build: ordersPipeline(setup),
    input: { orders },
    seed,
    recordIntervalMs: 100,
  };
  const reference = await referenceRun(subject);
  const wanted = JSON.stringify(orderTotals);
  for (const [sink, records] of reference.visible) {
    const seen = JSON.stringify(records);
    assert(seen === wanted, `without faults sink ${sink} holds ${seen} instead of ${wanted}`);
  }
  return { setup, subject, reference, firstCount: firstFaults(reference).length };
}

export function runShare(prepared: PreparedSetup, share: CampaignShare): AsyncGenerator<Explored> {
  const depth = share.secondsPerFirst === 0 ? 1 : 2;
  return explore(prepared.subject, prepared.reference, { ...share, depth });
}

export function replay(prepared: PreparedSetup, schedule: Schedule): Promise<RunResult> {
  const expected = prepared.reference.visible;
  return runSchedule({ ...prepared.subject, schedule, expected });
}

/** The shortest schedule that shows a violation, as a test to be pasted. */
export async function describeViolation(
  prepared: PreparedSetup,
  { schedule, result }: Explored,
): Promise<string> {
  const shortest = await shrink(schedule, result.violations, async (candidate) => {
    return (await replay(prepared, candidate)).violations;
  });
  return asTest(shortest, {
    build: `ordersPipeline(${JSON.stringify(prepared.setup)})`,
    options: `input: { orders }, seed: ${prepared.subject.seed}`,
  });
}
