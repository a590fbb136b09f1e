// The options of a component as one table: what each may be, its default, and one check for all of them.

import type { ErrorCode } from './errors.js';
import { TidegateError } from './errors.js';
import {
  contractProblem,
  isObject,
  kindOf,
  pathProblem,
  typeNameOf,
  unknownNames,
} from './given.js';

/**
 * What an option may be.
 *
 * `problem` says what keeps a value from being it, without quoting text: it may be a password in the
 * wrong place. It is not asked about undefined: that is `isRequired`.
 */
export interface OptionKind<Default = unknown> {
  readonly problem: (value: unknown) => string | undefined;
  readonly isRequired?: boolean;
  readonly default?: Default;
  /** Of an object of options of its own. */
  readonly table?: Readonly<Record<string, OptionKind>>;
}

/** An option with a value when it is left out. */
type WithDefault<Value> = OptionKind<Value> & { readonly default: Value };

/** One kind for each option: the compiler refuses a table with one too few or too many. */
export type OptionTable<Options> = Readonly<
  Record<Options extends unknown ? keyof Options & string : never, OptionKind>
>;

/** The options, those with a default filled in. */
export type Completed<Options, Table> = Options & {
  readonly [
    Name in keyof Table & keyof Options as Table[Name] extends WithDefault<unknown> ? Name : never
  ]-?: Exclude<Options[Name], undefined>;
};

/** How a component reports what is wrong. */
export interface OptionReport {
  /** Default `TIDEGATE_OPTIONS`. */
  readonly code?: ErrorCode;
  /** Sentences about options that do not fit each other; only asked when each fits by itself. */
  readonly rules?: () => readonly (string | undefined)[];
}

/**
 * The given options with their defaults.
 *
 * @param component Begins the message, as in `fileSink`.
 * @throws TidegateError `TIDEGATE_OPTIONS` for anything but an object, for names that there are not, and
 * for values that do not fit, all in one message; values of the wrong type only by their type.
 */
export function completeOptions<Options extends object, const Table extends OptionTable<Options>>(
  component: string,
  given: Options,
  table: Table,
  { code = 'TIDEGATE_OPTIONS', rules = () => [] }: OptionReport = {},
): Completed<Options, Table> {
  if (!isObject(given)) {
    throw new TidegateError(
      'TIDEGATE_OPTIONS',
      `${component}: expected an options object, got ${typeNameOf(given)}`,
    );
  }
  const unknown = unknownNames(given, table);
  const names =
    unknown.length === 0
      ? []
      : [`${noOption} ${unknown.join(', ')}: there are ${Object.keys(table).join(', ')}`];
  const wrong = valueProblems(given, table);
  const problems = names.length + wrong.length > 0 ? wrong : rules().filter(isText);
  if (names.length + problems.length > 0) {
    throw new TidegateError(
      names.length > 0 || wrong.some(isUnknownName) ? 'TIDEGATE_OPTIONS' : code,
      `${component}: ${[...names, ...problems].join('; ')}`,
    );
  }
  return withDefaults(given, table) as Completed<Options, Table>;
}

/** The options with the defaults of their table, also inside of its nested ones. */
export function withDefaults(
  given: object,
  table: Readonly<Record<string, OptionKind>>,
): Readonly<Record<string, unknown>> {
  const completed = { ...given } as Record<string, unknown>;
  for (const [name, kind] of Object.entries(table)) {
    const value = completed[name];
    if (kind.table !== undefined) completed[name] = withDefaults(value ?? {}, kind.table);
    else if (value === undefined && 'default' in kind) completed[name] = kind.default;
  }
  return completed;
}

/**
 * What is wrong with each value, one sentence each, beginning with the path of the option.
 *
 * @param path Stands before the names, as in `timeouts.`.
 */
export function valueProblems(
  given: object,
  table: Readonly<Record<string, OptionKind>>,
  path = '',
): readonly string[] {
  return Object.entries(table).flatMap(([name, kind]) => {
    const value: unknown = Reflect.get(given, name);
    if (value === undefined) return kind.isRequired === true ? [`${path}${name} is missing`] : [];
    const problem = kind.problem(value);
    if (problem !== undefined) return [`${path}${name} ${problem}`];
    if (kind.table === undefined) return [];
    const inner = `${path}${name}.`;
    const unknown = unknownNames(value as object, kind.table);
    return [
      ...unknown.map((other) => `${noOption} ${inner}${other}`),
      ...valueProblems(value as object, kind.table, inner),
    ];
  });
}

/** Makes an option one that has to be given. */
export function required(kind: OptionKind): OptionKind & { readonly isRequired: true } {
  return { problem: kind.problem, isRequired: true };
}

/**
 * A whole number: a count, bytes, milliseconds.
 *
 * @param range Both ends included; without one, up to the smallest or largest safe integer.
 */
export function whole<Default extends number>(
  range: Range,
  fallback: Default,
): WithDefault<Default>;
export function whole(range: Range): OptionKind;
export function whole(
  { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER, unit }: Range,
  fallback?: number,
) {
  const what = unit === undefined ? 'a whole number' : `whole ${unit}`;
  const hasMin = min !== Number.MIN_SAFE_INTEGER;
  const upwards = hasMin ? ` of ${min} or more` : '';
  const span = max === Number.MAX_SAFE_INTEGER ? upwards : ` from ${min} to ${max}`;
  const isIn = (value: unknown): boolean =>
    Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max;
  return kindWith(
    (value) => (isIn(value) ? undefined : `is ${shown(value)}, not ${what}${span}`),
    fallback,
  );
}

/** Ends of a range of whole numbers, both included. */
export interface Range {
  readonly min?: number;
  readonly max?: number;
  /** As in `milliseconds`. */
  readonly unit?: string;
}

/** `true` or `false`. */
export function flag<Default extends boolean>(fallback: Default): WithDefault<Default>;
export function flag(): OptionKind;
export function flag(fallback?: boolean) {
  return kindWith(
    (value) => (typeof value === 'boolean' ? undefined : `is ${shown(value)}, not true or false`),
    fallback,
  );
}

/** One of a few words. */
export function oneOf<const Word extends string>(
  words: readonly Word[],
  fallback: NoInfer<Word>,
): WithDefault<Word>;
export function oneOf(words: readonly string[]): OptionKind;
export function oneOf(words: readonly string[], fallback?: string) {
  const isOne = (value: unknown): boolean => words.includes(value as string);
  return kindWith(
    (value) => (isOne(value) ? undefined : `is ${word(value)}, not one of ${words.join(', ')}`),
    fallback,
  );
}

/** Text that is not empty. */
export function text(fallback: string): WithDefault<string>;
export function text(): OptionKind;
export function text(fallback?: string) {
  return kindWith(
    (value) =>
      typeof value === 'string' && value !== '' ? undefined : `is ${kindOf(value)}, not text`,
    fallback,
  );
}

/** A path of a file or directory. */
export function path(): OptionKind {
  return { problem: pathProblem };
}

/** A function of the user. */
export function callback<Default extends (...given: never[]) => unknown>(
  fallback: Default,
): WithDefault<Default>;
export function callback(): OptionKind;
export function callback(fallback?: unknown) {
  return kindWith(
    (value) => (typeof value === 'function' ? undefined : `is ${kindOf(value)}, not a function`),
    fallback,
  );
}

/** An object with these functions. */
export function contract<Default extends object>(
  functions: readonly string[],
  fallback: Default,
): WithDefault<Default>;
export function contract(functions: readonly string[]): OptionKind;
export function contract(functions: readonly string[], fallback?: object) {
  return kindWith((value) => contractProblem(value, functions), fallback);
}

/** A list of texts. */
export function texts(): OptionKind {
  const areTexts = (value: unknown): boolean =>
    Array.isArray(value) && value.every((item) => typeof item === 'string');
  return {
    problem: (value) => (areTexts(value) ? undefined : `is ${kindOf(value)}, not a list of texts`),
  };
}

/** An object of options of its own; problems name the path, as in `timeouts.commitMs`. */
export function nested<Options extends object>(table: OptionTable<Options>): OptionKind {
  return {
    table,
    problem: (value) => (isObject(value) ? undefined : `is ${kindOf(value)}, not an object`),
  };
}

/** Anything; or what a function of one's own finds wrong with it. */
export function custom<Value>(
  problem: ((value: unknown) => string | undefined) | undefined,
  fallback: Value,
): WithDefault<Value>;
export function custom(problem?: (value: unknown) => string | undefined): OptionKind;
export function custom(
  problem: (value: unknown) => string | undefined = () => undefined,
  fallback?: unknown,
) {
  return kindWith(problem, fallback);
}

function kindWith(problem: OptionKind['problem'], fallback: unknown): OptionKind {
  return fallback === undefined ? { problem } : { problem, default: fallback };
}

/** A misspelt word is shown; what may be a secret is not. */
function word(value: unknown): string {
  return typeof value === 'string' && /^[a-zA-Z-]{1,20}$/.test(value)
    ? JSON.stringify(value)
    : shown(value);
}

/** Numbers and flags as they are; of anything else the type. */
function shown(value: unknown): string {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : kindOf(value);
}

/** Begins the sentence about a name that there is not, at any depth. */
const noOption = 'there is no option';

function isUnknownName(problem: string): boolean {
  return problem.startsWith(noOption);
}

function isText(problem: string | undefined): problem is string {
  return problem !== undefined;
}
