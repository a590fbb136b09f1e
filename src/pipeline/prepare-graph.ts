// A graph made ready to be run: checked, its participants made, its dataflow waiting to be resumed.

import { completeSettings } from '../coordinator/options/checkpoint-options.js';
import { systemClock } from '../runtime/clock.js';
import { PreparedGraph } from './assemble.js';
import { isDeterministic } from './determinism.js';
import { Dataflow } from './flow/dataflow.js';
import { invalid, type Graph } from './graph.js';
import type { PipelineOptions } from './options.js';
import type { RunOptions, RunParts } from './prepared-run.js';

/** @throws TidegateError `TIDEGATE_PIPELINE`, with every problem at once. Does no I/O. */
export function prepareGraph(
  graph: Graph,
  pipelineOptions: PipelineOptions,
  { clock = systemClock, logger, checkpoint = {}, metadata }: RunOptions,
): RunParts {
  const problems = graph.problems();
  if (problems.length > 0) {
    const list = problems.map((problem) => `- ${problem}`).join('\n');
    throw invalid(`pipeline ${graph.pipeline} cannot be run:\n${list}`);
  }
  const { vnodeCount, maxQueuedBytes } = completeSettings(checkpoint);
  const settings = { vnodeCount, clock, isDeterministic: isDeterministic(graph, pipelineOptions) };
  const parts = new PreparedGraph(graph, settings);
  for (const cursor of parts.cursors.values()) cursor.runMetadata = metadata;
  return {
    pipeline: graph.pipeline,
    hash: graph.hash(),
    participants: parts.participants(),
    counts: parts.counts,
    dataflow: new Dataflow({
      clock,
      ...(logger === undefined ? {} : { logger }),
      maxQueuedBytes,
      counts: parts.counts,
      sources: parts.cursors,
      assemble: (run) => parts.assemble(run),
    }),
  };
}
