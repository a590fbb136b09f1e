// The nodes that streams put into a pipeline's graph: each kind made in one place.

import type { Sink } from '../contracts/sink.js';
import type { StateVersion } from '../contracts/migration.js';
import type { OperatorDefinition } from '../contracts/operator.js';
import {
  operatorOptions,
  statefulOptions,
  tableOptions,
  type OperatorOptions,
  type StatefulOptions,
  type TableOptions,
} from './options.js';
import { requireContract } from './validate-functions.js';
import {
  hasEventTime,
  invalid,
  type Graph,
  type OperatorNode,
  type Output,
  type PipelineOperator,
} from './graph.js';
import { UnionOperator } from './stages/ends.js';
import type { OperatorIdentity } from './state/keyed-operator.js';

interface StatelessParts {
  readonly kind: string;
  readonly options: OperatorOptions;
  /** The stream first, then the tables that it looks rows up in. */
  readonly inputs: readonly [Output, ...Output[]];
  readonly operator: PipelineOperator;
}

/** Passes each record on by itself and has nothing to save. */
export function addStateless(
  graph: Graph,
  { kind, options, inputs, operator }: StatelessParts,
): OperatorNode {
  const { onError, name } = operatorOptions(kind, options);
  return graph.add({
    role: 'operator',
    kind,
    name: graph.nameFor(kind, name),
    inputs,
    hasEventTime: hasEventTime(inputs[0]),
    onError,
    operator,
  });
}

export function addUnion(graph: Graph, inputs: readonly Output[]): OperatorNode {
  return graph.add({
    role: 'operator',
    kind: 'union',
    name: graph.nameFor('union', undefined),
    inputs,
    // Only where each input has a time is there one for all of them.
    hasEventTime: inputs.every(hasEventTime),
    onError: 'fail',
    operator: new UnionOperator(inputs.length),
  });
}

export interface StatefulParts {
  readonly kind: string;
  /** Under which the state is saved. */
  readonly name: string;
  readonly options: StatefulOptions;
  /** What the state depends on. */
  readonly settings?: OperatorDefinition['settings'];
  readonly inputs: readonly Output[];
  readonly operator: PipelineOperator;
}

/** A participant of checkpoints. */
export function addStateful(
  graph: Graph,
  { kind, name, options, settings, inputs, operator }: StatefulParts,
): OperatorNode {
  const { onError } = statefulOptions(name, options);
  const identity = identityOf(kind, options, settings);
  return graph.add({
    role: 'operator',
    kind,
    name,
    inputs,
    hasEventTime: inputs.every(hasEventTime),
    onError,
    identity,
    operator,
  });
}

function identityOf(
  kind: string,
  options: StateVersion,
  settings: OperatorDefinition['settings'] = {},
): OperatorIdentity {
  const { version, migrate } = options;
  const stateVersion = {
    ...(version === undefined ? {} : { version }),
    ...(migrate === undefined ? {} : { migrate }),
  };
  return { definition: { kind, version, settings }, stateVersion };
}

/** @throws TidegateError `TIDEGATE_OPTIONS`, `TIDEGATE_PIPELINE`. */
export function tableIdentity(name: string, options: TableOptions): OperatorIdentity {
  return identityOf('table', tableOptions(name, options));
}

/** A writer takes what its stream carries: the types were compared where the sink was given. */
export function addSink(graph: Graph, name: string, input: Output, sink: Sink): void {
  requireContract(`sink ${name}`, sink, ['open']);
  graph.add({
    role: 'sink',
    kind: 'sink',
    name,
    inputs: [input],
    hasEventTime: hasEventTime(input),
    onError: 'fail',
    sink,
  });
}

/** @throws TidegateError `TIDEGATE_PIPELINE` for an input whose records have no event time. */
export function requireEventTime(name: string, input: Output): void {
  if (hasEventTime(input)) return;
  throw invalid(
    `${name} needs event times, and ${input.node.name} has none: ` +
      'give its source an eventTime, and unite it only with streams that have one',
  );
}
