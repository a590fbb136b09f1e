// Streams: what a user builds a pipeline from, one node a call.

import type { Sink } from '../contracts/sink.js';
import type { DeadLetter, ErrorPolicy } from './flow/record-errors.js';
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
  type TableNode,
} from './graph.js';
import type { Aggregation, KeyedValue } from './stages/aggregate.js';
import type { KeyOf } from './stages/keys.js';
import {
  openAggregate,
  openCustom,
  openFilter,
  openFlatMap,
  openJoin,
  openLookup,
  openMap,
  openProcess,
  openUnion,
  openWindow,
} from './stages/open.js';
import type { CustomOperator } from './stages/custom.js';
import type { JoinOptions } from './stages/join.js';
import type { KeyedFunction } from './stages/process.js';
import type { WindowAggregation, WindowResult, WindowSpec } from './stages/window.js';
import { checkedWindow } from './windows.js';

export interface OperatorOptions {
  /** What becomes of a record that makes the function throw. Default `fail`. */
  readonly onError?: ErrorPolicy;
  /** Shown by `explain()` and part of the pipeline's hash. Default: the kind and a number. */
  readonly name?: string;
}

/** A reference table: rows by key, complete before the first record of any source is read. */
export class Table<Row> {
  /** @internal */
  readonly node: TableNode;
  /** Only its type matters: it keeps tables of different rows apart. */
  declare readonly row: Row;

  /** @internal Tables come from a pipeline. */
  constructor(node: TableNode) {
    this.node = node;
  }
}

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

  /** Each record together with the row of a reference table that has its key, or none. */
  lookup<Row, Out>(
    table: Table<Row>,
    keyOf: KeyOf<Rec>,
    combine: (record: Rec, row: Row | undefined) => Out,
    { onError = 'fail', name }: OperatorOptions = {},
  ): Stream<Out> {
    const open = openLookup(
      table.node,
      keyOf as KeyOf<unknown>,
      combine as (record: unknown, row: unknown) => unknown,
    );
    const node = this.#graph.add({
      role: 'operator',
      kind: 'lookup',
      name: this.#graph.nameFor('lookup', name),
      inputs: [this.#output, { node: table.node, port: rowsPort }],
      hasEventTime: hasEventTime(this.#output),
      onError,
      isStateful: false,
      open,
    });
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

  /** An operator that you have written whole, under a name by which its state is saved. */
  apply<Out>(
    name: string,
    operator: CustomOperator<Rec, Out>,
    { onError = 'fail', version }: StatefulOptions = {},
  ): Stream<Out> {
    const node = this.#graph.add({
      role: 'operator',
      kind: 'apply',
      name,
      inputs: [this.#output],
      hasEventTime: hasEventTime(this.#output),
      onError,
      version,
      isStateful: true,
      open: openCustom(name, operator as CustomOperator<unknown, unknown>),
    });
    return new Stream(this.#graph, { node, port: mainPort });
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
 * the pipeline, and the same for ever.
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
    const node = this.#add(
      'aggregate',
      name,
      options,
      openAggregate(name, this.#erasedKeyOf, erased),
    );
    return new Stream(this.#graph, { node, port: mainPort });
  }

  /** Results of event-time windows, each sent on when the watermark has reached its end. */
  window<Value, Out = WindowResult<Value>>(
    name: string,
    window: WindowSpec,
    aggregation: WindowAggregation<Rec, Value, Out>,
    options: StatefulOptions = {},
  ): TimedStream<Out, Rec> {
    this.#refuseWithoutTime(name, this.#input);
    const spec = checkedWindow(name, window);
    const erased = aggregation as WindowAggregation<unknown, unknown, unknown>;
    const open = openWindow(name, spec, this.#erasedKeyOf, erased);
    return new TimedStream(this.#graph, this.#add('window', name, options, open));
  }

  /** A function with state and event-time timers for each key. */
  process<State, Out>(
    name: string,
    fn: KeyedFunction<Rec, State, Out>,
    options: StatefulOptions = {},
  ): ProcessedStream<Out> {
    const erased = fn as KeyedFunction<unknown, unknown, unknown>;
    const open = openProcess(name, this.#erasedKeyOf, erased, hasEventTime(this.#input));
    return new ProcessedStream(
      this.#graph,
      this.#add('process', name, options, open),
      fn.sides ?? [],
    );
  }

  /** Pairs of records of both streams with the same key, at most `withinMs` apart in event time. */
  join<Right, Out>(
    name: string,
    right: KeyedStream<Right>,
    join: JoinOptions<Rec, Right, Out>,
    options: StatefulOptions = {},
  ): TimedStream<Out, Rec | Right> {
    this.#refuseWithoutTime(name, this.#input);
    this.#refuseWithoutTime(name, right.#input);
    if (!Number.isSafeInteger(join.withinMs) || join.withinMs < 0) {
      throw invalid(`join ${name} has withinMs ${join.withinMs}, not whole milliseconds`);
    }
    const erased = join as JoinOptions<unknown, unknown, unknown>;
    const open = openJoin(name, [this.#erasedKeyOf, right.#erasedKeyOf], erased);
    const node = this.#add('join', name, options, open, [this.#input, right.#input]);
    return new TimedStream(this.#graph, node);
  }

  get #erasedKeyOf(): KeyOf<unknown> {
    return this.#keyOf as KeyOf<unknown>;
  }

  #add(
    kind: string,
    name: string,
    { onError = 'fail', version }: StatefulOptions,
    open: OperatorNode['open'],
    inputs: readonly Output[] = [this.#input],
  ): OperatorNode {
    return this.#graph.add({
      role: 'operator',
      kind,
      name,
      inputs,
      hasEventTime: inputs.every(hasEventTime),
      onError,
      version,
      isStateful: true,
      open,
    });
  }

  #refuseWithoutTime(name: string, input: Output): void {
    if (hasEventTime(input)) return;
    throw invalid(
      `${name} needs event times, and ${input.node.name} has none: ` +
        'give its source an eventTime, and unite it only with streams that have one',
    );
  }
}
