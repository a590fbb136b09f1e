// A pipeline in words: what reads from what, what it guarantees, and its hash.

import { guaranteeOf } from '../coordinator/options/guarantee.js';
import { DEFAULT_VNODE_COUNT } from '../manifest/types.js';
import { systemClock } from '../runtime/clock.js';
import { PreparedGraph } from './assemble.js';
import { isDeterministic } from './determinism.js';
import { mainPort, type Graph, type GraphNode } from './graph.js';
import type { PipelineOptions } from './options.js';

export function explainGraph(graph: Graph, options: PipelineOptions): string {
  const settings = {
    vnodeCount: DEFAULT_VNODE_COUNT,
    clock: systemClock,
    isDeterministic: isDeterministic(graph, options),
  };
  const parts = new PreparedGraph(graph, settings);
  const guarantee = guaranteeOf(parts.participants());
  const sinks = [...guarantee.sinks].map(
    ([name, { level, why }]) => `  ${name}: ${level} (${why})`,
  );
  return [
    `pipeline ${graph.pipeline}, hash ${graph.hash().toString(16).padStart(16, '0')}`,
    ...graph.nodes.map((node) => `  ${describeNode(node)}`),
    `guarantee: ${guarantee.level}`,
    ...sinks,
    ...graph.problems().map((problem) => `problem: ${problem}`),
  ].join('\n');
}

function describeNode(node: GraphNode): string {
  const kind = node.role === 'sink' ? `${node.sink.durability} sink` : node.kind;
  const inputs = node.inputs.map(({ node: input, port }) =>
    port === mainPort ? input.name : `${input.name} (${port})`,
  );
  const from = inputs.length === 0 ? '' : ` <- ${inputs.join(', ')}`;
  const time = node.role === 'source' && node.hasEventTime ? ', with event time' : '';
  return `${kind} ${node.name}${time}${from}`;
}
