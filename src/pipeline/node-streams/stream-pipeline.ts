// A pipeline made of Node's own streams: the user connects them, tidegate sends barriers through.

import type { Participants } from '../../contracts/participants.js';
import type { ReadableSource, SourceInput } from '../../contracts/source.js';
import type { Sink } from '../../contracts/sink.js';
import { completeSettings } from '../../coordinator/options/checkpoint-options.js';
import { TidegateError, toError } from '../../errors.js';
import {
  callback,
  completeOptions,
  contract,
  flag,
  required,
  type OptionTable,
} from '../../options.js';
import { systemClock } from '../../runtime/clock.js';
import { silentLogger, type Logger } from '../../runtime/logger.js';
import { explainGraph } from '../explain.js';
import { Dataflow, type Assembly } from '../flow/dataflow.js';
import type { FlowRun, Reader } from '../flow/flow-run.js';
import { SourceCursor } from '../flow/source-cursor.js';
import {
  PreparedRun,
  requireRunOptions,
  type RunOptions,
  type RunReport,
} from '../prepared-run.js';
import { RunCounts } from '../run-counts.js';
import {
  CustomParticipant,
  requireCustomOperator,
  type CustomOperator,
} from '../stages/custom-operator.js';
import { Chain } from './chain.js';
import type { StreamStages } from './stages.js';
import { graphOf, hasPerEpoch, type Declared } from './stream-graph.js';
import { assert } from '../../assert.js';
import { RecordErrors } from '../flow/record-errors.js';
import { SourceReader } from '../flow/source-reader.js';
import { SourceTimes } from '../flow/source-times.js';
import type { SourceStage } from './source-stage.js';

/** Participants by the names under which checkpoints know them. */
export type Declaration<Participant> = Readonly<Record<string, Participant>>;

/** Options of a `StreamPipeline`. */
export interface StreamPipelineOptions<
  Sources extends Declaration<ReadableSource>,
  Operators extends Declaration<CustomOperator<never, unknown>>,
  Sinks extends Declaration<Sink<never>>,
> {
  readonly sources: Sources;
  /** Stages with state, by the names under which it is saved. */
  readonly operators?: Operators;
  readonly sinks: Sinks;
  /**
   * Connects the streams of one generation, as with `pipeline` of `node:stream/promises`, before its
   * first `await`, and returns what that returns. Called when a run is prepared, and again after each
   * recovery in process, when the streams of the generation before have been destroyed: everything
   * that is not declared above must be made here anew.
   */
  readonly build: (
    stages: StreamStages<
      Extract<keyof Sources, string>,
      Extract<keyof Operators, string>,
      Extract<keyof Sinks, string>
    >,
  ) => unknown;
  /** Your word that every stage gives the same output for the same input. Default false. */
  readonly deterministic?: boolean;
}

const optionTable: OptionTable<StreamPipelineOptions<never, never, never>> = {
  sources: required(contract([])),
  operators: contract([]),
  sinks: required(contract([])),
  build: required(callback()),
  deterministic: flag(false),
};

/** A description, like `Pipeline`: it can be run again after a run. */
export class StreamPipeline<
  Sources extends Declaration<ReadableSource> = Declaration<ReadableSource>,
  Operators extends Declaration<CustomOperator<never, unknown>> = Declaration<
    CustomOperator<never, unknown>
  >,
  Sinks extends Declaration<Sink<never>> = Declaration<Sink<never>>,
> {
  readonly name: string;
  readonly #declared: Declared;
  readonly #build: (stages: StreamStages) => unknown;
  readonly #isDeclaredDeterministic: boolean;

  /** @param name Recorded in the store and by the sinks: it must never change. */
  constructor(name: string, options: StreamPipelineOptions<Sources, Operators, Sinks>) {
    completeOptions('a StreamPipeline', options, optionTable);
    for (const [operatorName, operator] of Object.entries(options.operators ?? {})) {
      requireCustomOperator(`operator ${operatorName}`, operator);
    }
    this.name = name;
    this.#declared = {
      sources: options.sources,
      operators: participantsOf(options.operators ?? {}),
      // A writer takes what its chain carries: streams of Node have no types to compare.
      sinks: options.sinks,
    };
    this.#build = options.build;
    this.#isDeclaredDeterministic = options.deterministic ?? false;
  }

  /** Chains, guarantee and hash, as text for people. Builds the streams once and destroys them. */
  explain(): string {
    const chain = this.#newChain(new RunCounts(), silentLogger);
    try {
      const graph = graphOf(this.name, chain.paths, this.#declared);
      return explainGraph(graph, { deterministic: this.#isDeterministicIn(chain) });
    } finally {
      chain.dispose();
    }
  }

  /**
   * Builds the streams and checks them; opens nothing.
   *
   * @throws TidegateError `TIDEGATE_STREAM_FOREIGN` for a stream that would lose barriers, with the
   * ways out; `TIDEGATE_PIPELINE`, `TIDEGATE_OPTIONS`.
   */
  prepare(options: RunOptions): PreparedRun {
    requireRunOptions(options);
    const { clock = systemClock, logger = silentLogger, checkpoint = {} } = options;
    const { maxQueuedBytes } = completeSettings(checkpoint);
    const counts = new RunCounts();
    const chain = this.#newChain(counts, logger);
    try {
      const graph = graphOf(this.name, chain.paths, this.#declared);
      const hash = graph.hash();
      const cursors = this.#newCursors();
      const chains = new Chains(chain, () => this.#nextChain(counts, logger, hash));
      const assemble = (run: FlowRun): Assembly => chains.assemble(run, cursors, counts);
      const dataflow = new Dataflow({
        clock,
        logger,
        maxQueuedBytes,
        counts,
        sources: cursors,
        assemble,
      });
      const participants = this.#participants(cursors);
      const finishing = (): void => chains.current?.finish();
      const dispose = (): void => chain.dispose();
      const ends = { finishing, dispose };
      const parts = { pipeline: this.name, hash, participants, dataflow, counts, ...ends };
      return new PreparedRun(parts, options);
    } catch (error) {
      chain.dispose();
      throw error;
    }
  }

  /** Recovers, runs and ends as `Pipeline.run` does; throws what `prepare` and that throw. */
  async run(options: RunOptions): Promise<RunReport> {
    return this.prepare(options).run();
  }

  #newChain(counts: RunCounts, logger: Logger): Chain {
    return new Chain({
      ...this.#declared,
      pipeline: this.name,
      build: this.#build,
      logger,
      leftOut: (stage, how) => counts.trouble(stage, how),
    });
  }

  /** Of a later generation: its state was saved for the stages of the first. */
  #nextChain(counts: RunCounts, logger: Logger, hash: bigint): Chain {
    const chain = this.#newChain(counts, logger);
    if (graphOf(this.name, chain.paths, this.#declared).hash() === hash) return chain;
    chain.dispose();
    throw new TidegateError(
      'TIDEGATE_PIPELINE',
      `build() of ${this.name} has connected other streams than the first time`,
    );
  }

  #newCursors(): ReadonlyMap<string, SourceCursor> {
    const sources = Object.entries(this.#declared.sources);
    return new Map(sources.map(([name, source]) => [name, new SourceCursor(name, source)]));
  }

  #participants(cursors: ReadonlyMap<string, SourceCursor>): Omit<Participants, 'tableStore'> {
    const { operators, sinks } = this.#declared;
    return {
      sources: new Map([...cursors].map(([name, cursor]) => [name, cursor.participant()])),
      operators: new Map(Object.entries(operators)),
      sinks: new Map(Object.entries(sinks)),
      tables: new Map(),
    };
  }

  #isDeterministicIn({ paths }: Chain): boolean {
    return this.#isDeclaredDeterministic && !hasPerEpoch(paths);
  }
}

/** Gives each generation its chain: the first was built when the run was prepared. */
class Chains {
  /** Of the generation at work. */
  current: Chain | undefined;
  #prepared: Chain | undefined;
  readonly #next: () => Chain;

  constructor(first: Chain, next: () => Chain) {
    this.#prepared = first;
    this.#next = next;
  }

  assemble(run: FlowRun, cursors: ReadonlyMap<string, SourceCursor>, counts: RunCounts): Assembly {
    try {
      const chain = this.#prepared ?? this.#next();
      this.#prepared = undefined;
      this.current = chain;
      chain.bind(run);
      return { tables: [], sources: readersOf(chain.sources, { run, cursors, counts }) };
    } catch (error) {
      // Not at once: the coordinator is in the middle of opening the generation.
      run.track(Promise.reject(toError(error)));
      return { tables: [], sources: [] };
    }
  }
}

function participantsOf(
  operators: Declaration<CustomOperator<never, unknown>>,
): Readonly<Record<string, CustomParticipant>> {
  const participants = Object.entries(operators).map(
    // It takes what its chain carries: streams of Node have no types to compare.
    ([name, operator]) =>
      [name, new CustomParticipant(name, operator as CustomOperator<unknown, unknown>)] as const,
  );
  return Object.fromEntries(participants);
}

interface ReadersOptions {
  readonly run: FlowRun;
  readonly cursors: ReadonlyMap<string, SourceCursor>;
  readonly counts: RunCounts;
}

function readersOf(
  stages: ReadonlyMap<string, SourceStage>,
  { run, cursors, counts }: ReadersOptions,
): readonly Reader[] {
  return [...stages].map(([name, output]) => {
    const cursor = cursors.get(name);
    assert(cursor !== undefined, `source ${name} was not prepared`);
    const errors = new RecordErrors({
      operator: name,
      policy: 'fail',
      deadLetters: output,
      leftOut: () => undefined,
    });
    const times = new SourceTimes({ run, cursor, output, errors });
    const counted = (records: number): void => counts.read(name, records);
    const readLines = (input: SourceInput): void => counts.readLines(name, input);
    const reports = { counted, readLines };
    return new SourceReader({ run, cursor, times, output, errors, kind: 'source', ...reports });
  });
}
