// What can be said about an operator when it is put into a pipeline.

import type { StateVersion } from '../contracts/migration.js';
import type { ErrorPolicy } from './flow/record-errors.js';

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
