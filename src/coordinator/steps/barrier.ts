// Step 1: the barrier flows, and everything it passes says where it is.

import type { Attempt } from '../attempt.js';
import type { Cut } from '../cut-gate.js';
import type { StepContext } from '../step-context.js';

/** The cut, once every source, operator, table and sink has reported it. */
export function takeCut({ barriers }: StepContext, { barrier, gate }: Attempt): Promise<Cut> {
  barriers.inject(barrier, gate);
  return gate.cut;
}
