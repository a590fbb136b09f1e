// The campaign against tidegate itself: each of its pipelines crashed in every way.

import { assert } from '../../../src/assert.js';
import {
  explore,
  firstFaults,
  referenceRun,
  type Explored,
  type Subject,
} from '../../../src/testing/simulation/explore.js';
import { asTest, shrink } from '../../../src/testing/simulation/shrink.js';
import { ordersInput, ordersPipeline, type OrdersSetup } from './orders.js';
import { runSchedule, type RunResult } from '../../../src/testing/simulation/run-schedule.js';
import type { Schedule } from '../../../src/testing/simulation/faults.js';
import { faultKindsOf, totalsWithoutFaults } from './setups.js';

export { coreSetups, describeSetup, setups, wideSetups } from './setups.js';

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

/** Runs a setup without faults and compares its output with what was worked out by hand. */
export async function prepareSetup(
  setup: OrdersSetup,
  { seed }: CampaignOptions,
): Promise<PreparedSetup> {
  const subject: Subject = {
    build: ordersPipeline(setup),
    input: ordersInput,
    seed,
    recordIntervalMs: 100,
  };
  const reference = await referenceRun(subject);
  const inOrder = reference.order === 'input';
  for (const [sink, records] of reference.visible) {
    const wanted = texts(totalsWithoutFaults(setup, sink), inOrder);
    const seen = texts(records, inOrder);
    assert(seen === wanted, `without faults sink ${sink} holds ${seen} instead of ${wanted}`);
  }
  const firstCount = firstFaults(reference, faultKindsOf(setup)).length;
  return { setup, subject, reference, firstCount };
}

export function runShare(prepared: PreparedSetup, share: CampaignShare): AsyncGenerator<Explored> {
  const depth = share.secondsPerFirst === 0 ? 1 : 2;
  const kinds = faultKindsOf(prepared.setup);
  return explore(prepared.subject, prepared.reference, { ...share, depth, kinds });
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
    options: `input: ordersInput, seed: ${prepared.subject.seed}`,
  });
}

/** Where only records of one key have an order, all of them are sorted. */
function texts(records: readonly unknown[], isInOrder: boolean): string {
  const each = records.map((record) => JSON.stringify(record));
  return (isInOrder ? each : each.sort()).join();
}
