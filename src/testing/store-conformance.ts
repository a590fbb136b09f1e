// One suite for every checkpoint store: each numbered obligation of the interface as runnable cases.

import { owningCases } from './store-conformance/owning-cases.js';
import { readingCases } from './store-conformance/reading-cases.js';
import type {
  CheckpointStoreFactory,
  StoreConformanceCase,
} from './store-conformance/store-bench.js';
import { writingCases } from './store-conformance/writing-cases.js';

export type {
  CheckpointStoreFactory,
  StoreConformanceCase,
  StoreSystem,
} from './store-conformance/store-bench.js';

/** The two functions of a test runner that are used: those of Jest, Vitest and node:test fit. */
interface Runner {
  readonly describe: (title: string, body: () => void) => void;
  readonly test: (title: string, body: () => Promise<void>) => void;
}

/** Registers the suite. Without `runner` the globals `describe` and `test` are used. */
export function describeCheckpointStore(
  factory: CheckpointStoreFactory,
  runner: Runner = globalRunner(),
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

function globalRunner(): Runner {
  const { describe, test } = globalThis as Partial<Runner>;
  if (describe === undefined || test === undefined) {
    throw new TypeError('there is no global describe and test: pass { describe, test } as runner');
  }
  return { describe, test };
}
