// Functions that have to answer at once: an async one would answer with a promise in place of a record.

import { invalid } from './graph.js';

/**
 * Refuses native async functions where a pipeline is built. What returns a promise without being one
 * is noticed when it is called.
 *
 * @param where What the functions are of, as in `map`, or the name of an operator.
 * @param functions By the name under which the user gave them; other values are passed over.
 * @throws TidegateError `TIDEGATE_PIPELINE` naming the function and the way out.
 */
export function requireSynchronous(
  where: string,
  functions: Readonly<Record<string, unknown>>,
): void {
  for (const [name, given] of Object.entries(functions)) {
    if (typeof given !== 'function' || !isAsync(given)) continue;
    throw invalid(
      `${name} of ${where} is an async function, and its promise would be taken for the result: ` +
        'wait in onRecord of apply(), or before the record is read',
    );
  }
}

function isAsync(given: object): boolean {
  const tag = Object.prototype.toString.call(given);
  return tag === '[object AsyncFunction]' || tag === '[object AsyncGeneratorFunction]';
}
