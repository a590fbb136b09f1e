// Step 1: the barrier flows, and everything it passes says where it is.

import type { StepInput } from '../attempt.js';
import type { Cut } from '../pending-cut.js';

/** The cut, once every source, operator, table and sink has reported it. */
export async function takeCut({ attempt }: StepInput): Promise<Cut> {
  const { context, barrier, cut } = attempt;
  context.barriers.inject(barrier, cut);
  return cut.complete;
}
