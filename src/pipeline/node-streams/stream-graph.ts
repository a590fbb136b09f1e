// Chains of streams as a graph: their hash, what can be said of them, and what is wrong with the mix.

import { TidegateError } from '../../errors.js';
import type { ReadableSource } from '../../contracts/source.js';
import type { Sink } from '../../contracts/sink.js';
import { Graph, invalid, mainPort, type GraphNode, type PipelineOperator } from '../graph.js';
import type { CustomParticipant } from '../stages/custom-operator.js';
import type { Place } from './place.js';
import type { Path } from './wiring.js';

export interface Declared {
  readonly sources: Readonly<Record<string, ReadableSource>>;
  readonly operators: Readonly<Record<string, CustomParticipant>>;
  readonly sinks: Readonly<Record<string, Sink>>;
}

/** @throws TidegateError `TIDEGATE_PIPELINE` for two stages of one name, or a mix that cannot work. */
export function graphOf(pipeline: string, paths: readonly Path[], declared: Declared): Graph {
  const graph = new Graph(pipeline);
  for (const path of paths) {
    let before: GraphNode | undefined;
    for (const place of path) {
      const inputs = before === undefined ? [] : [{ node: before, port: mainPort }];
      before = graph.add({ ...nodeOf(place, declared), inputs });
    }
  }
  refuseUnrepeatable(pipeline, paths, declared);
  return graph;
}

export function hasPerEpoch(paths: readonly Path[]): boolean {
  return paths.some((path) => path.some(({ kind }) => kind === 'per-epoch'));
}

function nodeOf({ kind, name }: Place, declared: Declared): GraphNode {
  const base = { kind, name, inputs: [], hasEventTime: false, onError: 'fail' } as const;
  const source = declared.sources[name];
  const sink = declared.sinks[name];
  if (kind === 'source' && source !== undefined) {
    return { ...base, role: 'source', source, eventTime: undefined };
  }
  if (kind === 'sink' && sink !== undefined) return { ...base, role: 'sink', sink };
  const participant = kind === 'operator' ? declared.operators[name] : undefined;
  return { ...base, role: 'operator', operator: operatorOf(name, participant) };
}

function operatorOf(name: string, participant: CustomParticipant | undefined): PipelineOperator {
  return {
    prepare: () => participant,
    connect: () => {
      throw new TidegateError('TIDEGATE_BUG', `${name} is a stream, and was built as a stage`);
    },
  };
}

/** What is read again after a crash comes out otherwise where checkpoints fall otherwise. */
function refuseUnrepeatable(pipeline: string, paths: readonly Path[], { sinks }: Declared): void {
  if (!hasPerEpoch(paths)) return;
  for (const [name, { durability }] of Object.entries(sinks)) {
    if (durability !== 'idempotent') continue;
    throw invalid(
      `the streams of ${pipeline} cannot be run: sink ${name} is ${durability}, which needs the same ` +
        'output when records are read again, and that of perEpoch depends on where checkpoints fall',
    );
  }
}
