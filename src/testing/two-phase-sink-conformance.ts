// One suite for every two-phase sink: the numbered obligations of the interface as runnable cases.

import { closingSessions } from './conformance/close-sessions.js';
import { commitCases } from './conformance/commit-cases.js';
import { fenceCases } from './conformance/fence-cases.js';
import { prepareCases } from './conformance/prepare-cases.js';
import { questionCases } from './conformance/question-cases.js';
import { rollbackCases } from './conformance/rollback-cases.js';
import type { ConformanceCase, TwoPhaseSinkFactory } from './conformance/sink-system.js';
import { globalRunner, type TestRunner } from './test-runner.js';

export type {
  ConformanceCase,
  SinkBench,
  SinkSystem,
  TwoPhaseSinkFactory,
} from './conformance/sink-system.js';

/**
 * Registers the suite. Without `runner` the globals `describe` and `test` are used.
 *
 * A class that a case is not about passes it unseen: its durability is asked when the case runs. Two
 * obligations have no case, because the suite cannot bring them about: what a session refuses after a
 * failed write (8), and limits of the system behind the sink (9).
 */
export function describeTwoPhaseSink<Rec>(
  factory: TwoPhaseSinkFactory<Rec>,
  runner: TestRunner = globalRunner(),
): void {
  runner.describe(`${factory.name} keeps the obligations of a two-phase sink`, () => {
    for (const item of twoPhaseSinkCases<Rec>()) {
      runner.test(item.title, () => runCase(factory, item));
    }
  });
}

/** The cases themselves, for a runner of your own. Each closes the sessions that it has opened. */
export function twoPhaseSinkCases<Rec>(): readonly ConformanceCase<Rec>[] {
  const cases = [
    ...fenceCases<Rec>(),
    ...prepareCases<Rec>(),
    ...commitCases<Rec>(),
    ...questionCases<Rec>(),
    ...rollbackCases<Rec>(),
  ];
  return cases.map((item) => closingSessions(item));
}

async function runCase<Rec>(
  factory: TwoPhaseSinkFactory<Rec>,
  item: ConformanceCase<Rec>,
): Promise<void> {
  const system = await factory.create();
  try {
    const { durability } = await system.connect();
    if (item.only !== undefined && !item.only.includes(durability)) return;
    await item.run({ system, record: (number) => factory.record(number) });
  } finally {
    await system.close?.();
  }
}
