// One call of a function that a user wrote: what it is given works until the call is over, and not longer.

import { TidegateError } from '../../errors.js';

/**
 * Behind the end of a call a barrier may have passed. What would be sent on or changed then is in no
 * checkpoint together with the record that it comes from, and a crash would lose it.
 */
export class CallScope {
  #isOver = false;

  constructor(private readonly operator: string) {}

  end(): void {
    this.#isOver = true;
  }

  /** @throws TidegateError `TIDEGATE_OPERATOR_LATE` once the call is over. */
  check(doing: string): void {
    if (!this.#isOver) return;
    throw new TidegateError(
      'TIDEGATE_OPERATOR_LATE',
      `operator ${this.operator} called ${doing} after its call was over`,
      { details: { operator: this.operator } },
    );
  }
}

/** Runs a call that may answer later; it is over once it has returned, or its promise has settled. */
export function duringCall(
  operator: string,
  call: (current: CallScope) => void | Promise<void>,
): Promise<void> | undefined {
  const current = new CallScope(operator);
  let working: Promise<void> | undefined;
  try {
    working = call(current) ?? undefined;
  } finally {
    if (working === undefined) current.end();
  }
  return working?.finally(() => current.end());
}
