// What a pipeline can promise about doing the same again.

import type { Graph, SourceNode } from './graph.js';
import type { PipelineOptions } from './options.js';

/** Whether the same input gives the same output, as far as the user has said and the shape allows. */
export function isDeterministic(graph: Graph, { deterministic = false }: PipelineOptions): boolean {
  const sources = graph.ofRole('source');
  // The order in which several sources are merged is not recorded, so it cannot be repeated.
  const isOne = sources.length === 1 && graph.ofRole('table').length === 0;
  const isOrdered = isOne && sources.every(({ source }) => source.repeatsOrder !== false);
  return deterministic && isOrdered && !sources.some(dependsOnTheClock);
}

/** What is too far ahead, or idle, in one life need not be so when the same records are read again. */
function dependsOnTheClock({ eventTime, onError }: SourceNode): boolean {
  const { idleAfterMs, maxAheadMs, onAhead = onError } = eventTime ?? {};
  return idleAfterMs !== undefined || (maxAheadMs !== undefined && onAhead !== 'fail');
}
