// Promises as functions of the user give them.

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
