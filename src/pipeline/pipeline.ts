// The pipeline: sources, operators and sinks as a user writes them down, and the ways to run them.

import type { ReadableSource } from '../contracts/source.js';
import type { EventTimeOptions } from './flow/event-time.js';
import { explainGraph } from './explain.js';
import { Graph, mainPort } from './graph.js';
import { prepareGraph } from './prepare-graph.js';
import { PreparedRun, requireRunOptions, type RunOptions, type RunReport } from './prepared-run.js';
import type { KeyOf } from './stages/keys.js';
import { tableIdentity } from './nodes.js';
import { Stream } from './stream.js';
import { Table } from './table.js';
import {
  pipelineOptions,
  sourcePolicy,
  type PipelineOptions,
  type SourceOptions,
  type TableOptions,
} from './options.js';
import { requireContract, requireFunctions } from './validate-functions.js';

/**
 * A description of a dataflow. Building it opens nothing; it can be run again after a run, by the
 * same object or by the same program started anew.
 */
export class Pipeline {
  readonly name: string;
  readonly #graph: Graph;
  readonly #options: PipelineOptions;

  /** @param name Recorded in the store and by the sinks: it must never change. */
  constructor(name: string, options: PipelineOptions = {}) {
    this.#options = pipelineOptions(name, options);
    this.name = name;
    this.#graph = new Graph(name);
  }

  /** Stands for names, kinds, topology and definitions; see `explain()`. */
  get hash(): bigint {
    return this.#graph.hash();
  }

  /**
   * A stream of records, read from where the last checkpoint has left the source.
   *
   * @throws TidegateError `TIDEGATE_PIPELINE` for a name that is taken, or times that are not whole
   * milliseconds.
   */
  source<Rec>(
    name: string,
    source: ReadableSource<Rec>,
    options: SourceOptions<Rec> = {},
  ): Stream<Rec> {
    const onError = sourcePolicy(name, options);
    const { eventTime } = options;
    requireContract(`source ${name}`, source, ['position', 'restore', 'read']);
    const node = this.#graph.add({
      role: 'source',
      kind: 'source',
      name,
      inputs: [],
      source,
      eventTime: eventTime as EventTimeOptions<unknown> | undefined,
      hasEventTime: eventTime !== undefined,
      onError,
    });
    return new Stream(this.#graph, { node, port: mainPort });
  }

  /**
   * A reference table, filled from a bounded source before any record of a stream is read; a restart
   * reads what has been added to the source since. A later row of a key replaces the earlier one.
   */
  table<Row>(
    name: string,
    source: ReadableSource<Row>,
    keyOf: KeyOf<Row>,
    options: TableOptions = {},
  ): Table<Row> {
    const identity = tableIdentity(name, options);
    requireContract(`table ${name}`, source, ['position', 'restore', 'read']);
    requireFunctions(`table ${name}`, { keyOf });
    return new Table(
      this.#graph.add({
        role: 'table',
        kind: 'table',
        name,
        inputs: [],
        source,
        keyOf: keyOf as KeyOf<unknown>,
        hasEventTime: false,
        onError: 'fail',
        identity,
      }),
    );
  }

  /** Topology, guarantee and hash, as text for people. Opens nothing. */
  explain(): string {
    return explainGraph(this.#graph, this.#options);
  }

  /**
   * A run that has not begun, for those who want to watch its coordinator.
   *
   * @throws TidegateError `TIDEGATE_PIPELINE` or `TIDEGATE_OPTIONS`, with every problem at once.
   */
  prepare(options: RunOptions): PreparedRun {
    requireRunOptions(options);
    return new PreparedRun(prepareGraph(this.#graph, this.#options, options), options);
  }

  /**
   * Recovers, runs and takes checkpoints, until the end of bounded input, a signal, or a halt. Ends
   * with a final checkpoint.
   *
   * @throws TidegateError `TIDEGATE_HALTED` with the cause when a person is needed;
   * `TIDEGATE_FINAL_CHECKPOINT` when the last records are not committed.
   */
  async run(options: RunOptions): Promise<RunReport> {
    return this.prepare(options).run();
  }
}
