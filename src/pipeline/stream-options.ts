// What can be said about an operator when it is put into a pipeline.

import type { ErrorPolicy } from './flow/record-errors.js';

export interface OperatorOptions {
  /** What becomes of a record that makes the function throw. Default `fail`. */
  readonly onError?: ErrorPolicy;
  /** Shown by `explain()` and part of the pipeline's hash. Default: the kind and a number. */
  readonly name?: string;
}

export interface StatefulOptions {
  /** What becomes of a record that makes a function throw. Default `fail`. */
  readonly onError?: ErrorPolicy;
  /** Part of the pipeline's hash: change it when the meaning of the state changes. */
  readonly version?: string;
}
