// JSON that gives back what it was given, or says where it would not: NaN would come back as null, a Map as {}.

export interface ExactJsonOptions {
  /**
   * A member of an object that is undefined: `refused` where a reader of the text could miss it,
   * `absent` where only a program reads it back, to which both are the same. Default `refused`.
   */
  readonly undefinedMembers?: 'refused' | 'absent';
}

export type ExactJson =
  | { readonly kind: 'text'; readonly text: string }
  /** What is lost, and where: `amount is NaN`, `items[2].at is an instance of Date`. */
  | { readonly kind: 'loss'; readonly loss: string };

/**
 * The value as JSON text from which `JSON.parse` makes the same value, -0 included.
 *
 * Only plain objects, arrays, texts, finite numbers, booleans and null are kept by JSON. Anything
 * else is a loss: NaN and the infinities, undefined, a BigInt, a symbol, a function, a Date, a Map, a
 * Set, bytes and other instances of classes, a symbol as a name, properties of an array, an object
 * that holds itself.
 */
export function exactJson(value: unknown, options: ExactJsonOptions = {}): ExactJson {
  const walk: Walk = {
    isUndefinedLost: options.undefinedMembers !== 'absent',
    hasMinusZero: false,
  };
  const loss = lossIn(value, walk, 0);
  if (loss !== undefined) {
    return { kind: 'loss', loss: describeLoss(loss.path.reverse(), loss.problem) };
  }
  return { kind: 'text', text: walk.hasMinusZero ? print(value) : JSON.stringify(value) };
}

interface Walk {
  readonly isUndefinedLost: boolean;
  /** JSON knows -0, `JSON.stringify` does not. */
  hasMinusZero: boolean;
}

interface Loss {
  /** From the inside out. */
  readonly path: (string | number)[];
  readonly problem: string;
}

/** What holds itself has no end; anything else that is so deep would exhaust the stack. */
export const deepest = 500;
const maxShownSegments = 12;

function lossIn(value: unknown, walk: Walk, depth: number): Loss | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      if (value === 0 && Object.is(value, -0)) walk.hasMinusZero = true;
      return Number.isFinite(value) ? undefined : lost(`is ${value}`);
    case 'undefined':
      return lost('is undefined');
    case 'object':
      break;
    default:
      return lost(`is a ${typeof value}`);
  }
  if (value === null) return undefined;
  if (depth > deepest) return lost(`is nested more than ${deepest} deep, or holds itself`);
  return Array.isArray(value)
    ? lossInArray(value, walk, depth)
    : lossInObject(value as Readonly<Record<string, unknown>>, walk, depth);
}

function lossInArray(values: readonly unknown[], walk: Walk, depth: number): Loss | undefined {
  if (!isPlain(values, 3)) return lost(`is an instance of ${nameOf(values)}`);
  for (let index = 0; index < values.length; index++) {
    const loss = lossIn(values[index], walk, depth + 1);
    if (loss !== undefined) return within(index, loss);
  }
  // The match of a regular expression is an array that has more.
  const names = Object.keys(values);
  return names.length === values.length ? undefined : within(names.at(-1) ?? '', lost(ofArray));
}

const ofArray = 'is a property of an array';

function lossInObject(
  value: Readonly<Record<string, unknown>>,
  walk: Walk,
  depth: number,
): Loss | undefined {
  if (!isPlain(value, 2)) return lost(`is an instance of ${nameOf(value)}`);
  for (const name of Object.keys(value)) {
    const member = value[name];
    if (member === undefined && !walk.isUndefinedLost) continue;
    const loss = lossIn(member, walk, depth + 1);
    if (loss !== undefined) return within(name, loss);
  }
  const symbol = Object.getOwnPropertySymbols(value).find((own) =>
    Object.prototype.propertyIsEnumerable.call(value, own),
  );
  return symbol && within(String(symbol), lost('has a symbol as name'));
}

function lost(problem: string): Loss {
  return { path: [], problem };
}

function within(segment: string | number, loss: Loss): Loss {
  loss.path.push(segment);
  return loss;
}

/** @param path From the outside in: names of members, numbers of elements. */
export function describeLoss(path: readonly (string | number)[], problem: string): string {
  const shown = path.slice(0, maxShownSegments);
  let text = '';
  for (const segment of shown) {
    if (typeof segment === 'number') text += `[${segment}]`;
    else if (/^[\p{L}\p{N}_$]{1,60}$/u.test(segment)) text += text === '' ? segment : `.${segment}`;
    else text += `[${JSON.stringify(segment.slice(0, 60))}]`;
  }
  return `${text || 'it'}${path.length > shown.length ? '…' : ''} ${problem}`;
}

/**
 * Whether the chain of prototypes is shorter than `maxChain`: 2 for a plain object, 3 for what a
 * built-in class makes. Not by its identity: an object may come from another realm.
 */
export function isPlain(value: object, maxChain: number): boolean {
  let prototype = Object.getPrototypeOf(value) as object | null;
  for (let length = 1; prototype !== null; length += 1) {
    if (length === maxChain) return false;
    prototype = Object.getPrototypeOf(prototype) as object | null;
  }
  return true;
}

export function nameOf(value: object): string {
  const { constructor } = value as { readonly constructor?: { readonly name?: unknown } };
  const name: unknown = typeof constructor === 'function' ? constructor.name : undefined;
  return typeof name === 'string' && name !== '' ? name : 'a class';
}

function print(value: unknown): string {
  if (Object.is(value, -0)) return '-0';
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(print).join(',')}]`;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${print(member)}`).join(',')}}`;
}
