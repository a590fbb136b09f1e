// Whether there is anything that a new checkpoint would save.

import type { Offsets } from '../../contracts/source.js';
import { withDeadline } from '../../runtime/deadline.js';
import type { StepContext } from '../context.js';
import type { Generation } from '../lifecycle/generation.js';
import { toOffsets } from '../offsets.js';

/** In doubt there is news: a checkpoint too many costs less than one too few. */
export async function isIdle(context: StepContext, generation: Generation): Promise<boolean> {
  const { options, barriers, clock, participants } = context;
  if (!options.skipWhenIdle || barriers.hasNews === undefined) return false;
  for (const { writer } of generation.sinks.values()) if (writer.hasNews) return false;
  const offsets = new Map<string, Offsets>();
  for (const [source, position] of generation.base.manifest.sourceOffsets) {
    if (participants.sources.has(source)) offsets.set(source, toOffsets(position.offsets));
  }
  const bound = { clock, timeoutMs: options.alignmentTimeoutMs };
  const answer = await withDeadline(bound, () => barriers.hasNews?.(offsets) ?? true);
  return answer.kind === 'answered' && !answer.value;
}
