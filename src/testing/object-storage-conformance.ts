// One suite for every adapter to object storage: the obligations of the port as runnable cases.

import { conditionCases } from './object-storage-conformance/condition-cases.js';
import { objectCases } from './object-storage-conformance/object-cases.js';
import type {
  ObjectStorageCase,
  ObjectStorageFactory,
} from './object-storage-conformance/storage-bench.js';
import { uploadCases } from './object-storage-conformance/upload-cases.js';
import { globalRunner, type TestRunner } from './test-runner.js';

export type {
  ObjectStorageCase,
  ObjectStorageFactory,
  ObjectStorageSystem,
} from './object-storage-conformance/storage-bench.js';

/**
 * Registers the suite. Without `runner` the globals `describe` and `test` are used.
 *
 * What the suite cannot bring about has no case: lost answers (3), and what stands in an error (4).
 */
export function describeObjectStorage(
  factory: ObjectStorageFactory,
  runner: TestRunner = globalRunner(),
): void {
  runner.describe(`${factory.name} keeps the obligations of object storage`, () => {
    for (const { title, run } of objectStorageCases) {
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
export const objectStorageCases: readonly ObjectStorageCase[] = [
  ...objectCases,
  ...conditionCases,
  ...uploadCases,
];
