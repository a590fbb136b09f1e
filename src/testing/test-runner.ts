// The test runner that a conformance suite registers itself with.

/** The two functions of a test runner that are used: those of Jest, Vitest and node:test fit. */
export interface TestRunner {
  describe(title: string, body: () => void): void;
  test(title: string, body: () => Promise<void>): void;
}

/**
 * The globals of Jest and of Vitest with `globals: true`.
 *
 * @throws TypeError when there are none.
 */
export function globalRunner(): TestRunner {
  const { describe, test } = globalThis as Partial<TestRunner>;
  if (describe === undefined || test === undefined) {
    throw new TypeError('there is no global describe and test: pass { describe, test } as runner');
  }
  return { describe, test };
}
