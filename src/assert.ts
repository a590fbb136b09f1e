// Assertions about tidegate's own state: one that fails is a bug in tidegate, never bad input.

import { TidegateError } from './errors.js';

/** Throws `TIDEGATE_BUG` when a fact that the code relies on does not hold. Always on. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new TidegateError('TIDEGATE_BUG', message);
}

/** Ends a switch over a closed union: the compiler refuses a case that was forgotten. */
export function assertNever(value: never, what: string): never {
  throw new TidegateError('TIDEGATE_BUG', `unexpected ${what}: ${JSON.stringify(value)}`);
}
