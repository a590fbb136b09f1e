// One suite for every checkpoint store: the numbered obligations of the interface as runnable cases.

import { owningCases } from './store-conformance/owning-cases.js';
import { readingCases } from './store-conformance/reading-cases.js';
import type {
  CheckpointStoreFactory,
  StoreConformanceCase,
} from './store-conformance/store-bench.js';
import { writingCases } from './store-conformance/writing-cases.js';
import { globalRunner, type TestRunner } from './test-runner.js';

export type {
  CheckpointStoreFactory,
  StoreConformanceCase,
  StoreSystem,
} from './store-conformance/store-bench.js';

/**
 * Registers the suite. Without `runner` the globals `describe` and `test` are used.
 *
 * It goes through the interface alone. What needs the storage behind it has no case: damage (the
 * `corrupt` of 2 and 3), what is left on it (12), and what a power loss leaves (the durability of 7, 8, 9, 13).
 */
export function describeCheckpointStore(
  factory: CheckpointStoreFactory,
  runner: TestRunner = globalRunner(),
): void {
  runner.describe(`${factory.name} keeps the obligations of a checkpoint store`, () => {
    for (const { title, run } of checkpointStoreCases) {
      runner.test(title, async () => {
        const system = await factory.create();
        try {
          await run(system);
        } finally {
          await system.close?.();
        }
      });
    }
  });
}

/** The cases themselves, for a runner of your own. */
export const checkpointStoreCases: readonly StoreConformanceCase[] = [
  ...readingCases,
  ...owningCases,
  ...writingCases,
];
