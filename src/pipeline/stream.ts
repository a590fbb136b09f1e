// Streams: what a user builds a pipeline from, one node a call.

import type { Sink } from '../contracts/sink.js';
import type { DeadLetter, ErrorPolicy } from './flow/record-errors.js';
import {
  deadLetterPort,
  hasEventTime,
  mainPort,
  type Graph,
  type GraphNode,
  type OperatorNode,
  type Output,
} from './graph.js';
import type { Aggregation, KeyedValue } from './stages/aggregate.js';
import type { KeyOf } from './stages/keys.js';
import { openAggregate, openFilter, openFlatMap, openMap, openUnion } from './stages/open.js';

export interface OperatorOptions {
  /** What becomes of a record that makes the function throw. Default `fail`. */
  readonly onError?: ErrorPolicy;
  /** Shown by `explain()` and part of the pipeline's hash. Default: the kind and a number. */
  readonly name?: string;
}

/** Records of one type on their way. Making one changes nothing but the pipeline's description. */
export class Stream<Rec> {
  readonly #graph: Graph;
  readonly #output: Output;

  constructor(graph: Graph, output: Output) {
    this.#graph = graph;
    this.#output = output;
  }

  /** Where the records leave their node. */
  get output(): Output {
    return this.#output;
  }

  /** Records that made this node's function throw, under `onError: 'dead-letter'`. */
  get deadLetters(): Stream<DeadLetter> {
    return new Stream(this.#graph, { node: this.#output.node, port: deadLetterPort });
  }

  map<Out>(convert: (record: Rec) => Out, options: OperatorOptions = {}): Stream<Out> {
    return this.#stateless('map', options, openMap(convert as (record: unknown) => unknown));
  }

  filter(isWanted: (record: Rec) => boolean, options: OperatorOptions = {}): Stream<Rec> {
    const open = openFilter(isWanted as (record: unknown) => boolean);
    return this.#stateless('filter', options, open);
  }

  flatMap<Out>(expand: (record: Rec) => Iterable<Out>, options: OperatorOptions = {}): Stream<Out> {
    const open = openFlatMap(expand as (record: unknown) => Iterable<unknown>);
    return this.#stateless('flatMap', options, open);
  }

  /** What follows is done for each key by itself. */
  keyBy(keyOf: KeyOf<Rec>): KeyedStream<Rec> {
    return new KeyedStream(this.#graph, this.#output, keyOf);
  }

  /**
   * The records of both, in the order in which they arrive. Barriers are aligned here. With more
   * than one source that order is not the same in every run.
   */
  union(...others: readonly Stream<Rec>[]): Stream<Rec> {
    const inputs = [this.#output, ...others.map(({ output }) => output)];
    const node: OperatorNode = {
      role: 'operator',
      kind: 'union',
      name: this.#graph.nameFor('union', undefined),
      inputs,
      // Only where each input has a time is there one for all of them.
      hasEventTime: inputs.every(hasEventTime),
      onError: 'fail',
      isStateful: false,
      open: openUnion(inputs.length),
    };
    return new Stream(this.#graph, { node: this.#graph.add(node), port: mainPort });
  }

  /** Every record goes to this sink, under a name that must stay the same for ever. */
  to(name: string, sink: Sink<Rec>): void {
    this.#graph.add({
      role: 'sink',
      kind: 'sink',
      name,
      inputs: [this.#output],
      hasEventTime: hasEventTime(this.#output),
      onError: 'fail',
      // A writer takes what its stream carries: the types were compared in this signature.
      sink: sink,
    });
  }

  #stateless<Out>(
    kind: string,
    { onError = 'fail', name }: OperatorOptions,
    open: OperatorNode['open'],
  ): Stream<Out> {
    const node: GraphNode = this.#graph.add({
      role: 'operator',
      kind,
      name: this.#graph.nameFor(kind, name),
      inputs: [this.#output],
      hasEventTime: hasEventTime(this.#output),
      onError,
      isStateful: false,
      open,
    });
    return new Stream(this.#graph, { node, port: mainPort });
  }
}

export interface StatefulOptions {
  /** What becomes of a record that makes a function throw. Default `fail`. */
  readonly onError?: ErrorPolicy;
  /** Part of the pipeline's hash: change it when the meaning of the state changes. */
  readonly version?: string;
}

/**
 * The records of a stream by key. Each operator has a name under which its state is saved: unique in
 * the pipeline, and the same for ever.
 */
export class KeyedStream<Rec> {
  readonly #graph: Graph;
  readonly #input: Output;
  readonly #keyOf: KeyOf<Rec>;

  constructor(graph: Graph, input: Output, keyOf: KeyOf<Rec>) {
    this.#graph = graph;
    this.#input = input;
    this.#keyOf = keyOf;
  }

  /** A value by key that every record adds to; sends it on after each record. */
  aggregate<Value, Out = KeyedValue<Value>>(
    name: string,
    aggregation: Aggregation<Rec, Value, Out>,
    { onError = 'fail', version }: StatefulOptions = {},
  ): Stream<Out> {
    const node = this.#graph.add({
      role: 'operator',
      kind: 'aggregate',
      name,
      inputs: [this.#input],
      hasEventTime: hasEventTime(this.#input),
      onError,
      version,
      isStateful: true,
      open: openAggregate(
        name,
        this.#keyOf as KeyOf<unknown>,
        aggregation as Aggregation<unknown, unknown, unknown>,
      ),
    });
    return new Stream(this.#graph, { node, port: mainPort });
  }
}
