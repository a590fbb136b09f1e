// The options of what a pipeline is built from, each one table, checked when the part is added.

import { stateVersionProblem, type StateVersion } from '../contracts/migration.js';
import {
  completeOptions,
  custom,
  flag,
  nested,
  oneOf,
  required,
  text,
  whole,
  type OptionTable,
} from '../options.js';
import type { AlignmentOptions } from './flow/alignment.js';
import type { EventTimeOptions } from './flow/event-time.js';
import type { ErrorPolicy } from './flow/record-errors.js';
import { synchronous } from './validate-functions.js';

/** Options of a `Pipeline`. */
export interface PipelineOptions {
  /**
   * Your word that every function given to this pipeline gives the same output for the same input.
   * Needed by `idempotent` sinks. Default false.
   */
  readonly deterministic?: boolean;
}

/** Options of a source within a pipeline. */
export interface SourceOptions<Rec> {
  /** Gives records an event time, for windows and timers. Default: none. */
  readonly eventTime?: EventTimeOptions<Rec>;
  /** What becomes of a record whose event time cannot be determined. Default `fail`. */
  readonly onError?: ErrorPolicy;
}

/** Options that operators share. */
export interface OperatorOptions {
  /** What becomes of a record that makes the function throw. Default `fail`. */
  readonly onError?: ErrorPolicy;
  /** Shown by `explain()` and part of the pipeline's hash. Default: the kind and a number. */
  readonly name?: string;
}

export interface StatefulOptions extends StateVersion {
  /** What becomes of a record that makes a function throw. Default `fail`. */
  readonly onError?: ErrorPolicy;
}

/** What can be said about a reference table. */
export type TableOptions = StateVersion;

const code = 'TIDEGATE_PIPELINE';

const onError = oneOf(['fail', 'skip', 'dead-letter'] satisfies ErrorPolicy[], 'fail');
/** A watermark is saved as whole milliseconds: with a fraction it would be lower after a restart. */
const span = whole({ min: 0, unit: 'milliseconds' });
/** As long as a timer can wait: 24.8 days. */
const maxIdleAfterMs = 2 ** 31 - 1;

const sourceTable = { eventTime: custom(), onError } satisfies OptionTable<SourceOptions<never>>;

const eventTimeTable: OptionTable<EventTimeOptions<never>> = {
  timeOf: required(synchronous()),
  outOfOrderMs: span,
  idleAfterMs: whole({ min: 1, max: maxIdleAfterMs, unit: 'milliseconds' }),
  maxAheadMs: span,
  onAhead: oneOf(['fail', 'skip', 'dead-letter', 'clamp']),
  alignment: nested<AlignmentOptions>({ maxDriftMs: required(span), group: text() }),
};

const operatorTable = { onError, name: text() } satisfies OptionTable<OperatorOptions>;

const tableTable: OptionTable<TableOptions> = { version: custom(), migrate: synchronous() };

const statefulTable = { ...tableTable, onError } satisfies OptionTable<StatefulOptions>;

/** @throws TidegateError `TIDEGATE_OPTIONS`, as those of `completeOptions`. */
export function pipelineOptions(pipeline: string, options: PipelineOptions): PipelineOptions {
  return completeOptions(`pipeline ${pipeline}`, options, { deterministic: flag(false) });
}

/**
 * The policy of a source.
 *
 * @throws TidegateError `TIDEGATE_PIPELINE` for values that do not fit, such as spans that no
 * watermark could follow from; `TIDEGATE_OPTIONS` for names that there are not.
 */
export function sourcePolicy<Rec>(source: string, options: SourceOptions<Rec>): ErrorPolicy {
  const { eventTime, ...completed } = completeOptions(`source ${source}`, options, sourceTable, {
    code,
  });
  if (eventTime !== undefined) {
    const { onAhead, maxAheadMs } = eventTime;
    const hasNoBound = onAhead !== undefined && maxAheadMs === undefined;
    const rules = () => [
      hasNoBound ? 'onAhead needs maxAheadMs: without it no record is too far ahead' : undefined,
    ];
    completeOptions(`eventTime of source ${source}`, eventTime, eventTimeTable, { code, rules });
  }
  return completed.onError;
}

/** @throws TidegateError as `sourcePolicy` does. */
export function operatorOptions(kind: string, options: OperatorOptions) {
  return completeOptions(kind, options, operatorTable, { code });
}

/** @throws TidegateError as `sourcePolicy` does; also for a `migrate` without a version. */
export function statefulOptions(operator: string, options: StatefulOptions) {
  return completeOptions(operator, options, statefulTable, {
    code,
    rules: () => [stateVersionProblem(options)],
  });
}

/** @throws TidegateError as `statefulOptions` does. */
export function tableOptions(table: string, options: TableOptions): TableOptions {
  return completeOptions(`table ${table}`, options, tableTable, {
    code,
    rules: () => [stateVersionProblem(options)],
  });
}
