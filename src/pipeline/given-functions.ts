// What users give to a pipeline, looked at when it is built: functions that answer at once, whole operators, policies.

import { contractProblem, kindOf } from '../given.js';
import type { ErrorPolicy } from './flow/record-errors.js';
import { invalid } from './graph.js';

/**
 * @param where What the functions are of, as in `map`, or the name of an operator.
 * @param functions By the name under which the user gave them.
 * @throws TidegateError `TIDEGATE_PIPELINE` for anything but a function that answers at once.
 */
export function requireFunctions(
  where: string,
  functions: Readonly<Record<string, unknown>>,
): void {
  for (const [name, given] of Object.entries(functions)) {
    if (typeof given === 'function') continue;
    throw invalid(`${name} of ${where} is ${kindOf(given)}, not a function`);
  }
  requireSynchronous(where, functions);
}

/**
 * Refuses native async functions: their promise would be taken for a record. What returns a promise
 * without being one is noticed when it is called.
 *
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

/**
 * @param offered What there is here.
 * @throws TidegateError `TIDEGATE_PIPELINE` for an `onError` that is none of them.
 */
export function requirePolicy(
  what: string,
  policy: unknown,
  offered: readonly string[] = ['fail', 'skip', 'dead-letter'] satisfies ErrorPolicy[],
  option = 'onError',
): void {
  if (typeof policy === 'string' && offered.includes(policy)) return;
  const given = typeof policy === 'string' ? JSON.stringify(policy) : kindOf(policy);
  throw invalid(`${option} of ${what} is ${given}, not one of ${offered.join(', ')}`);
}

/** @throws TidegateError `TIDEGATE_PIPELINE` for what has not all these functions. */
export function requireContract(what: string, given: unknown, members: readonly string[]): void {
  const problem = contractProblem(given, members);
  if (problem !== undefined) throw invalid(`${what} ${problem}`);
}

function isAsync(given: object): boolean {
  const tag = Object.prototype.toString.call(given);
  return tag === '[object AsyncFunction]' || tag === '[object AsyncGeneratorFunction]';
}
