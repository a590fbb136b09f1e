// Promises as functions of the user give them.

import { TidegateError } from '../errors.js';

/** Of a function that should have answered at once: it answers every record so, whatever the policy. */
export function promiseGiven(operator: string): TidegateError {
  return new TidegateError(
    'TIDEGATE_OPERATOR_FAILED',
    `operator ${operator} returned a promise where a result belongs: wait in onRecord of apply(), ` +
      'or before the record is read',
    { details: { operator } },
  );
}

/** Not by class: a promise of another realm, as test runners make them, is of another one. */
export function isPromise(value: unknown): value is Promise<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function' &&
    'catch' in value
  );
}
