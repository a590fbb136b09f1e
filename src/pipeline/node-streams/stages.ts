// What `build` is given: it makes the streams of one generation, each of which carries barriers.

import type { Duplex, Readable, Transform, Writable } from 'node:stream';
import { TidegateError } from '../../errors.js';
import { completeOptions, oneOf, text, whole, type OptionTable } from '../../options.js';
import { RecordErrors, type ErrorPolicy, type RecordErrorsOptions } from '../flow/record-errors.js';
import type { CustomParticipant } from '../stages/custom-operator.js';
import { ForeignStage, type Wrapping } from './foreign-stage.js';
import { Place, type ChainState, type Stage, type StageKind } from './place.js';
import {
  RecordStage,
  filterLogic,
  flatMapLogic,
  mapLogic,
  operatorLogic,
  type RecordLogic,
} from './record-stage.js';
import { SinkStage } from './sink-stage.js';
import { SourceStage, type StageOptions } from './source-stage.js';

/** Options of a stage that handles each record. */
export interface RecordStageOptions extends StageOptions {
  /**
   * What becomes of a record that makes the function throw: `fail` recovers and tries again, and
   * halts when the same record fails each time; `skip` leaves it out and counts it. Default `fail`.
   */
  readonly onError?: Exclude<ErrorPolicy, 'dead-letter'>;
}

const stageTable: OptionTable<StageOptions> = { highWaterMark: whole({ min: 0 }) };

const recordStageTable: OptionTable<RecordStageOptions> = {
  ...stageTable,
  // A chain does not split, so there is no stream for dead letters.
  onError: oneOf(['fail', 'skip']),
};

const namedStageTable: OptionTable<NamedStageOptions> = { ...recordStageTable, name: text() };

const wrappingTable: OptionTable<WrappingOptions> = { ...stageTable, name: text() };

/** @throws TidegateError `TIDEGATE_PIPELINE`; `TIDEGATE_OPTIONS` for names that there are not. */
function requireFitting<Options extends object>(
  stage: string,
  options: Options,
  table: OptionTable<Options>,
): void {
  completeOptions(stage, options, table, { code: 'TIDEGATE_PIPELINE' });
}

/** Options of a stage that needs a name for its state. */
export interface NamedStageOptions extends RecordStageOptions {
  /** Part of the pipeline's hash. Default: the kind and a number. */
  readonly name?: string;
}

/** Options of a stage that wraps a stream of yours. */
export interface WrappingOptions extends StageOptions {
  /** Part of the pipeline's hash, and how messages call the stream. Default: the kind and a number. */
  readonly name?: string;
}

/**
 * Makes the streams of one generation. They are for this call of `build` only, and must be connected
 * before its first `await`: each source, operator and sink once, in chains that neither split nor join.
 */
export interface StreamStages<
  SourceName extends string = string,
  OperatorName extends string = string,
  SinkName extends string = string,
> {
  /** Aborted when the generation is over. */
  readonly signal: AbortSignal;
  /** The records of a source that was declared, in object mode. */
  readonly source: (name: SourceName, options?: StageOptions) => Readable;
  /** Streams of Node carry no types: say what the record is, `(order: Order) => …`. */
  readonly map: (convert: (record: never) => unknown, options?: NamedStageOptions) => Transform;
  readonly filter: (
    isWanted: (record: never) => boolean | Promise<boolean>,
    options?: NamedStageOptions,
  ) => Transform;
  readonly flatMap: (
    expand: (record: never) => Iterable<unknown> | AsyncIterable<unknown>,
    options?: NamedStageOptions,
  ) => Transform;
  /** An operator that was declared: its state is captured as the barrier passes. */
  readonly operator: (name: OperatorName, options?: RecordStageOptions) => Transform;
  /**
   * A stream of yours that gives exactly one record for each that it takes, and remembers nothing
   * from one to the next: that it does is your word, that the numbers agree is checked. A barrier
   * waits until everything has come out; a stream that holds a record back holds the barrier back
   * too, until the attempt is abandoned.
   */
  readonly oneToOne: (stream: Duplex, options?: WrappingOptions) => Duplex;
  /**
   * A stream of yours that may hold records back, drop or add some. It is ended at each barrier, and
   * a new one begun for the record behind it; so it remembers nothing from one epoch to the next,
   * and its output may depend on where the checkpoints fall.
   */
  readonly perEpoch: (create: () => Duplex, options?: WrappingOptions) => Duplex;
  /** A sink that was declared. */
  readonly sink: (name: SinkName, options?: StageOptions) => Writable;
}

export interface StageMakerOptions {
  readonly state: ChainState;
  readonly signal: AbortSignal;
  readonly sources: Readonly<Record<string, unknown>>;
  readonly operators: Readonly<Record<string, CustomParticipant>>;
  readonly sinks: Readonly<Record<string, unknown>>;
  readonly leftOut: RecordErrorsOptions['leftOut'];
}

export class StageMaker implements StreamStages {
  readonly made: Stage[] = [];
  readonly signal: AbortSignal;
  readonly #options: StageMakerOptions;
  readonly #counts = new Map<StageKind, number>();
  /** What was declared and is not used yet. */
  readonly #unused: Set<string>;

  constructor(options: StageMakerOptions) {
    this.#options = options;
    this.signal = options.signal;
    const { sources, operators, sinks } = options;
    this.#unused = new Set([
      ...Object.keys(sources).map((name) => `source ${name}`),
      ...Object.keys(operators).map((name) => `operator ${name}`),
      ...Object.keys(sinks).map((name) => `sink ${name}`),
    ]);
  }

  get unused(): readonly string[] {
    return [...this.#unused];
  }

  readonly source = (name: string, options: StageOptions = {}): Readable => {
    requireFitting(name, options, stageTable);
    return this.#add(new SourceStage(this.#declared('source', name), options));
  };

  readonly map: StreamStages['map'] = (convert, options = {}) =>
    this.#stateless('map', mapLogic(convert as (record: unknown) => unknown), options);

  readonly filter: StreamStages['filter'] = (isWanted, options = {}) =>
    this.#stateless('filter', filterLogic(isWanted as (record: unknown) => unknown), options);

  readonly flatMap: StreamStages['flatMap'] = (expand, options = {}) =>
    this.#stateless('flatMap', flatMapLogic(expand as (record: unknown) => unknown), options);

  readonly operator = (name: string, options: RecordStageOptions = {}): Transform => {
    requireFitting(name, options, recordStageTable);
    const place = this.#declared('operator', name);
    const operator = this.#options.operators[name];
    if (operator === undefined) throw unknownName('operator', name);
    return this.#record(place, operatorLogic(operator), options);
  };

  readonly oneToOne = (stream: Duplex, options: WrappingOptions = {}): Duplex =>
    this.#foreign({ kind: 'one-to-one', stream }, options);

  readonly perEpoch = (create: () => Duplex, options: WrappingOptions = {}): Duplex =>
    this.#foreign({ kind: 'per-epoch', create }, options);

  readonly sink = (name: string, options: StageOptions = {}): Writable => {
    requireFitting(name, options, stageTable);
    return this.#add(new SinkStage(this.#declared('sink', name), options));
  };

  #foreign(wrapping: Wrapping, given: WrappingOptions): Duplex {
    requireFitting(wrapping.kind, given, wrappingTable);
    const { name, ...options } = given;
    return this.#add(new ForeignStage(this.#named(wrapping.kind, name), wrapping, options));
  }

  #stateless(kind: StageKind, logic: RecordLogic, given: NamedStageOptions): Transform {
    requireFitting(kind, given, namedStageTable);
    const { name, ...options } = given;
    return this.#record(this.#named(kind, name), logic, options);
  }

  #record(
    place: Place,
    logic: RecordLogic,
    { onError = 'fail', ...options }: RecordStageOptions,
  ): Transform {
    const errors = new RecordErrors({
      operator: place.name,
      policy: onError,
      // Never sent to: that policy is refused above.
      deadLetters: { accept: () => undefined, mark: () => undefined },
      leftOut: this.#options.leftOut,
    });
    return this.#add(new RecordStage(place, logic, { ...options, errors }));
  }

  #declared(kind: 'source' | 'operator' | 'sink', name: string): Place {
    const declared = this.#options[`${kind}s`];
    if (!Object.hasOwn(declared, name)) throw unknownName(kind, name);
    if (!this.#unused.delete(`${kind} ${name}`)) {
      throw new TidegateError(
        'TIDEGATE_PIPELINE',
        `build() has made two streams of ${kind} ${name}`,
      );
    }
    return new Place(this.#options.state, kind, name);
  }

  #named(kind: StageKind, name: string | undefined): Place {
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    return new Place(this.#options.state, kind, name ?? `${kind}-${count}`);
  }

  #add<Made extends Stage>(stage: Made): Made {
    this.made.push(stage);
    return stage;
  }
}

function unknownName(kind: string, name: string): TidegateError {
  return new TidegateError(
    'TIDEGATE_PIPELINE',
    `build() asks for ${kind} ${name}, which is not declared`,
  );
}
