// What users give to a pipeline, looked at when it is built: functions that answer at once, whole operators, policies.

import { TidegateError } from '../errors.js';
import { contractProblem, kindOf } from '../given.js';
import { completeOptions, custom, type OptionKind } from '../options.js';
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
    const problem = functionProblem(given);
    if (problem !== undefined) throw invalid(`${name} of ${where} ${problem}`);
  }
}

/** An option that is a function which answers at once. */
export function synchronous(): OptionKind {
  return { problem: functionProblem };
}

function functionProblem(given: unknown): string | undefined {
  if (typeof given !== 'function') return `is ${kindOf(given)}, not a function`;
  if (!isAsync(given)) return undefined;
  return (
    'is an async function, and its promise would be taken for the result: ' +
    'wait in onRecord of apply(), or before the record is read'
  );
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
    if (typeof given === 'function') requireFunctions(where, { [name]: given });
  }
}

/** What a member of an object of functions has to be. */
type Part = 'function' | 'optional-function' | 'any';

/** Every member that such an object can have: the compiler refuses a table with one too few or too many. */
export type PartsOf<Given> = Readonly<Record<keyof Given & string, Part>>;

/**
 * An object in which a user gives functions by name. An instance of a class may have members of its
 * own beside them, but none that looks like a handler.
 *
 * @throws TidegateError `TIDEGATE_PIPELINE` for a function that is missing, none, or does not answer at
 * once; `TIDEGATE_OPTIONS` for names that there are not: `onTimr` would never be called.
 */
export function requireParts<Given extends object>(
  where: string,
  given: Given,
  parts: PartsOf<Given>,
): void {
  const names = Object.keys(parts);
  const needed = names.filter((name) => Reflect.get(parts, name) === 'function');
  requireContract(where, given, needed);
  const table = Object.fromEntries(names.map((name) => [name, custom()]));
  if (isPlain(given)) completeOptions(where, given as Readonly<Record<string, unknown>>, table);
  else requireHandlers(where, given, names);
  for (const name of names) {
    if (Reflect.get(parts, name) === 'any') continue;
    const member: unknown = Reflect.get(given, name);
    if (member !== undefined) requireFunctions(where, { [name]: member });
  }
}

/**
 * @param known Names of all handlers.
 * @throws TidegateError `TIDEGATE_OPTIONS` for a function `on…` that is never called.
 */
export function requireHandlers(where: string, given: object, known: readonly string[]): void {
  const strange = functionNamesOf(given).filter(
    (name) => /^on[A-Z]/.test(name) && !known.includes(name),
  );
  if (strange.length === 0) return;
  const handlers = known.filter((name) => /^on[A-Z]/.test(name)).join(', ');
  throw new TidegateError(
    'TIDEGATE_OPTIONS',
    `${where} has ${strange.map((name) => `${name}()`).join(', ')}, which is never called: there are ${handlers}`,
  );
}

/** Its own, and those of its classes. */
function functionNamesOf(given: object): readonly string[] {
  const names = new Set<string>();
  let from: object | null = given;
  while (from !== null && Object.getPrototypeOf(from) !== null) {
    for (const name of Object.getOwnPropertyNames(from)) names.add(name);
    from = Object.getPrototypeOf(from) as object | null;
  }
  return [...names].filter((name) => typeof Reflect.get(given, name) === 'function');
}

/** @throws TidegateError `TIDEGATE_PIPELINE` for outputs that are no texts. */
export function requireSides(where: string, sides: unknown): void {
  if (sides === undefined) return;
  const areTexts = Array.isArray(sides) && sides.every((side) => typeof side === 'string');
  if (!areTexts) throw invalid(`sides of ${where} is ${kindOf(sides)}, not a list of names`);
}

/** By the root of the chain: an object may come from another realm. */
function isPlain(given: object): boolean {
  const prototype = Object.getPrototypeOf(given) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
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
