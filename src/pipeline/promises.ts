// Promises as functions of the user give them.

/** What a function did that should have answered at once. */
export const gavePromise =
  'returned a promise where a result belongs: wait in onRecord of apply(), or before the record is read';

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
