// Step 1: the barrier flows, and everything it passes says where it is.

import { TidegateError } from '../../errors.js';
import type { Offsets } from '../../contracts/source.js';
import type { Attempt } from '../attempt.js';
import type { Cut } from '../cut-gate.js';
import { sameOffsets } from '../offsets.js';
import type { StepContext } from '../step-context.js';

/** The cut, once every source, operator, table and sink has reported it. */
export async function takeCut(context: StepContext, attempt: Attempt): Promise<Cut> {
  context.barriers.inject(attempt.barrier, attempt.gate);
  const cut = await attempt.gate.cut;
  const { pinnedTo } = attempt.barrier;
  if (pinnedTo !== undefined) checkEndOfRange(pinnedTo, cut);
  return cut;
}

/** A replay of another range than the recorded one would fill the sinks with other records. */
function checkEndOfRange(pinnedTo: ReadonlyMap<string, Offsets>, cut: Cut): void {
  for (const [source, offsets] of pinnedTo) {
    const reached = cut.sources.get(source)?.offsets;
    if (reached !== undefined && sameOffsets(reached, offsets)) continue;
    throw new TidegateError(
      'TIDEGATE_REPLAY_DIFFERS',
      `source ${source} replayed up to ${describe(reached)}, not to ${JSON.stringify(offsets)}`,
      { details: { source } },
    );
  }
}

function describe(offsets: ReadonlyMap<string, string> | undefined): string {
  return JSON.stringify(Object.fromEntries(offsets ?? []));
}
