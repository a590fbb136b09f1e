// Streams: what a user builds a pipeline from, one node a call.

import type { Sink } from '../contracts/sink.js';
import type { DeadLetter } from './flow/record-errors.js';
import {
  deadLetterPort,
  hasEventTime,
  invalid,
  latePort,
  mainPort,
  rowsPort,
  type Graph,
  type GraphNode,
  type OperatorNode,
  type Output,
  type PipelineOperator,
} from './graph.js';
import {
  addSink,
  addStateful,
  addStateless,
  addUnion,
  requireEventTime,
  type StatefulParts,
} from './nodes.js';
import { AggregateOperator, type Aggregation, type KeyedValue } from './stages/aggregate.js';
import { CustomPipelineOperator } from './stages/custom.js';
import type { KeyOf } from './stages/keys.js';
import type { CustomOperator } from './stages/custom-operator.js';
import { JoinOperator, type JoinOptions } from './stages/join.js';
import { ProcessOperator, type KeyedFunction } from './stages/process.js';
import { SlicedWindowOperator } from './stages/sliced-window.js';
import { FilterOperator, FlatMapOperator, MapOperator } from './stages/stateless.js';
import { LookupOperator } from './stages/table.js';
import {
  WindowOperator,
  windowParts,
  type WindowAggregation,
  type WindowResult,
} from './stages/window.js';
import type { OperatorOptions, StatefulOptions } from './options.js';
import { kindOf } from '../given.js';
import { Table } from './table.js';
import { requireFunctions, requireParts } from './validate-functions.js';
import { checkedWindow, type WindowSpec } from './windows.js';

/** Records of one type on their way. Making one changes nothing but the pipeline's description. */
export class Stream<Rec> {
  readonly #graph: Graph;
  readonly #output: Output;

  /** @internal Streams come from a pipeline and from one another. */
  constructor(graph: Graph, output: Output) {
    this.#graph = graph;
    this.#output = output;
  }

  /** @internal Where the records leave their node. */
  get output(): Output {
    return this.#output;
  }

  /** Records that made this node's function throw, under `onError: 'dead-letter'`. */
  get deadLetters(): Stream<DeadLetter> {
    return new Stream(this.#graph, { node: this.#output.node, port: deadLetterPort });
  }

  map<Out>(convert: (record: Rec) => Out, options: OperatorOptions = {}): Stream<Out> {
    const operator = new MapOperator(convert as (record: unknown) => unknown);
    return this.#stateless('map', options, operator);
  }

  filter(isWanted: (record: Rec) => boolean, options: OperatorOptions = {}): Stream<Rec> {
    const operator = new FilterOperator(isWanted as (record: unknown) => boolean);
    return this.#stateless('filter', options, operator);
  }

  flatMap<Out>(expand: (record: Rec) => Iterable<Out>, options: OperatorOptions = {}): Stream<Out> {
    const operator = new FlatMapOperator(expand as (record: unknown) => Iterable<unknown>);
    return this.#stateless('flatMap', options, operator);
  }

  /** Each record together with the row of a reference table that has its key, or none. */
  lookup<Row, Out>(
    table: Table<Row>,
    keyOf: KeyOf<Rec>,
    combine: (record: Rec, row: Row | undefined) => Out,
    options: OperatorOptions = {},
  ): Stream<Out> {
    requireFunctions('lookup', { keyOf, combine });
    if (!(table instanceof Table)) throw invalid(`the table of lookup is ${kindOf(table)}`);
    const operator = new LookupOperator(
      table.node,
      keyOf as KeyOf<unknown>,
      combine as (record: unknown, row: unknown) => unknown,
    );
    const inputs = [this.#output, { node: table.node, port: rowsPort }] as const;
    const node = addStateless(this.#graph, { kind: 'lookup', options, inputs, operator });
    return new Stream(this.#graph, { node, port: mainPort });
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
    return new Stream(this.#graph, { node: addUnion(this.#graph, inputs), port: mainPort });
  }

  /** Every record goes to this sink, under a name that must never change. */
  to(name: string, sink: Sink<Rec>): void {
    addSink(this.#graph, name, this.#output, sink);
  }

  /** An operator that you have written whole, under a name by which its state is saved. */
  apply<Out>(
    name: string,
    operator: CustomOperator<Rec, Out>,
    options: StatefulOptions = {},
  ): Stream<Out> {
    const erased = operator as CustomOperator<unknown, unknown>;
    const node = addStateful(this.#graph, {
      kind: 'apply',
      name,
      options,
      inputs: [this.#output],
      operator: new CustomPipelineOperator(name, erased, hasEventTime(this.#output)),
    });
    return new Stream(this.#graph, { node, port: mainPort });
  }

  #stateless<Out>(kind: string, options: OperatorOptions, operator: PipelineOperator): Stream<Out> {
    const inputs = [this.#output] as const;
    const node = addStateless(this.#graph, { kind, options, inputs, operator });
    return new Stream(this.#graph, { node, port: mainPort });
  }
}

/** A stream of results beside which there are records that came too late for them. */
export class TimedStream<Out, Rec> extends Stream<Out> {
  readonly #late: Stream<Rec>;

  /** @internal Streams come from a pipeline and from one another. */
  constructor(graph: Graph, node: GraphNode) {
    super(graph, { node, port: mainPort });
    this.#late = new Stream(graph, { node, port: latePort });
  }

  /** Records that came when the watermark had passed what they belong to, as they were. */
  get late(): Stream<Rec> {
    return this.#late;
  }
}

/** A stream of a keyed function, and the outputs that it has beside it. */
export class ProcessedStream<Out> extends Stream<Out> {
  readonly #graph: Graph;
  readonly #sides: readonly string[];

  /** @internal Streams come from a pipeline and from one another. */
  constructor(graph: Graph, node: GraphNode, sides: readonly string[]) {
    super(graph, { node, port: mainPort });
    this.#graph = graph;
    this.#sides = sides;
  }

  /** @throws TidegateError `TIDEGATE_PIPELINE` for a name that was not declared in `sides`. */
  side<Side>(name: string): Stream<Side> {
    if (this.#sides.includes(name)) {
      return new Stream(this.#graph, { node: this.output.node, port: name });
    }
    const known = this.#sides.length === 0 ? 'none' : this.#sides.join(', ');
    throw invalid(`${this.output.node.name} has no side output ${name}; declared: ${known}`);
  }
}

/**
 * The records of a stream by key. Each operator has a name under which its state is saved: unique in
 * the pipeline; it must never change.
 */
export class KeyedStream<Rec> {
  readonly #graph: Graph;
  readonly #input: Output;
  readonly #keyOf: KeyOf<Rec>;

  /** @internal Streams come from a pipeline and from one another. */
  constructor(graph: Graph, input: Output, keyOf: KeyOf<Rec>) {
    this.#graph = graph;
    this.#input = input;
    this.#keyOf = keyOf;
  }

  /** A value by key that every record adds to; sends it on after each record. */
  aggregate<Value, Out = KeyedValue<Value>>(
    name: string,
    aggregation: Aggregation<Rec, Value, Out>,
    options: StatefulOptions = {},
  ): Stream<Out> {
    const erased = aggregation as Aggregation<unknown, unknown, unknown>;
    const operator = new AggregateOperator(name, this.#erasedKeyOf, erased);
    const node = this.#add('aggregate', name, options, { operator });
    return new Stream(this.#graph, { node, port: mainPort });
  }

  /** Results of event-time windows, each sent on when the watermark has reached its end. */
  window<Value, Out = WindowResult<Value>>(
    name: string,
    window: WindowSpec,
    aggregation: WindowAggregation<Rec, Value, Out>,
    options: StatefulOptions = {},
  ): TimedStream<Out, Rec> {
    requireEventTime(name, this.#input);
    const erased = aggregation as WindowAggregation<unknown, unknown, unknown>;
    requireParts(name, erased, windowParts);
    const spec = checkedWindow(name, window, erased.merge !== undefined);
    const parts = { name, spec, keyOf: this.#erasedKeyOf, aggregation: erased };
    const { merge } = erased;
    // Without an overlap there is nothing to merge.
    const isMerged = merge !== undefined && spec.everyMs < spec.sizeMs;
    const operator = isMerged
      ? new SlicedWindowOperator({ ...parts, merge })
      : new WindowOperator(parts);
    const settings = { ...spec, ...(isMerged ? { merged: true } : {}) };
    const node = this.#add('window', name, options, { operator, settings });
    return new TimedStream(this.#graph, node);
  }

  /** A function with state and event-time timers for each key. */
  process<State, Out>(
    name: string,
    fn: KeyedFunction<Rec, State, Out>,
    options: StatefulOptions = {},
  ): ProcessedStream<Out> {
    const erased = fn as KeyedFunction<unknown, unknown, unknown>;
    const hasTime = hasEventTime(this.#input);
    const operator = new ProcessOperator(name, this.#erasedKeyOf, erased, hasTime);
    const node = this.#add('process', name, options, { operator });
    return new ProcessedStream(this.#graph, node, fn.sides ?? []);
  }

  /** Pairs of records of both streams with the same key, at most `withinMs` apart in event time. */
  join<Right, Out>(
    name: string,
    right: KeyedStream<Right>,
    join: JoinOptions<Rec, Right, Out>,
    options: StatefulOptions = {},
  ): TimedStream<Out, Rec | Right> {
    requireEventTime(name, this.#input);
    requireEventTime(name, right.#input);
    const erased = join as JoinOptions<unknown, unknown, unknown>;
    const operator = new JoinOperator(name, [this.#erasedKeyOf, right.#erasedKeyOf], erased);
    const settings = { withinMs: join.withinMs };
    const inputs = [this.#input, right.#input];
    const node = this.#add('join', name, options, { operator, settings, inputs });
    return new TimedStream(this.#graph, node);
  }

  get #erasedKeyOf(): KeyOf<unknown> {
    return this.#keyOf as KeyOf<unknown>;
  }

  #add(
    kind: string,
    name: string,
    options: StatefulOptions,
    parts: Pick<StatefulParts, 'operator' | 'settings'> & Partial<Pick<StatefulParts, 'inputs'>>,
  ): OperatorNode {
    return addStateful(this.#graph, { kind, name, options, inputs: [this.#input], ...parts });
  }
}
