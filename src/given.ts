// What callers without types have given, held against what is needed: a sentence instead of a TypeError.

import { TidegateError } from './errors.js';

/** What a value is, without what it says: it may be a password in the wrong place. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (value === '') return 'empty';
  return Array.isArray(value) ? 'an array' : `of type ${typeof value}`;
}

/** A word for the type of a value, in `expected …, got …`. */
export function typeNameOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : typeof value;
}

/** Whether it can have members at all. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * What keeps a value from standing for a contract: undefined when it has all these functions.
 *
 * @param functions Names of members that must be functions.
 */
export function contractProblem(value: unknown, functions: readonly string[]): string | undefined {
  if (!isObject(value)) return `is ${kindOf(value)}`;
  const missing = functions.filter((name) => typeof Reflect.get(value, name) !== 'function');
  return missing.length === 0
    ? undefined
    : `has no ${missing.map((name) => `${name}()`).join(', ')}`;
}

/** Names of options that there are not: passed over, what was meant by them would be missing. */
export function unknownNames(
  given: object,
  known: Readonly<Record<string, unknown>>,
): readonly string[] {
  return Object.keys(given).filter((name) => !Object.hasOwn(known, name));
}

/** @throws TidegateError `TIDEGATE_OPTIONS` for anything but an object. */
export function requireObject(what: string, options: unknown): void {
  if (isObject(options)) return;
  throw new TidegateError(
    'TIDEGATE_OPTIONS',
    `${what}: expected an options object, got ${typeNameOf(options)}`,
  );
}

/** What keeps a value from being a path: undefined for text that is not empty. */
export function pathProblem(path: unknown): string | undefined {
  return typeof path === 'string' && path !== '' ? undefined : `is ${kindOf(path)}, not a path`;
}

/** @throws TidegateError `TIDEGATE_OPTIONS` for what is no path. */
export function requirePath(what: string, path: unknown): void {
  const problem = pathProblem(path);
  if (problem !== undefined) throw new TidegateError('TIDEGATE_OPTIONS', `${what} ${problem}`);
}
