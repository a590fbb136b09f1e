// An error and its causes as plain data for a log line: no secret, no stack, no field of a stranger.

/** On every error of tidegate, also of another copy of the package. */
export const errorMark = Symbol.for('tidegate.error');

/** A value that `JSON.stringify` takes as it is. */
export type PlainJson =
  null | boolean | number | string | readonly PlainJson[] | { readonly [name: string]: PlainJson };

/** An error as `JSON.stringify` writes it. */
export interface ErrorJson {
  readonly name: string;
  /** Of an error that is not tidegate's: what it calls itself, such as `ECONNREFUSED` or `57P01`. */
  readonly code?: string | number;
  readonly message: string;
  /** Of tidegate's errors: `retryable`, `fenced`, `invalid`, `corrupt`, `in-doubt`, `internal`. */
  readonly kind?: string;
  readonly remedy?: string;
  /** Left out when there are none. 64-bit numbers are texts. */
  readonly details?: PlainJson;
  /** What caused it; eight deep at most. */
  readonly cause?: ErrorJson;
  /** Members of an `AggregateError`, such as one for each address of a host; eight at most. */
  readonly errors?: readonly ErrorJson[];
}

const maxDepth = 8;
const maxMembers = 100;

/**
 * Of errors that are not tidegate's only name, code, message and causes are taken: other fields of a
 * driver's error quote rows, requests and credentials.
 */
export function errorJson(thrown: unknown, depth = 0): ErrorJson {
  if (typeof thrown !== 'object' || thrown === null) {
    return { name: 'Error', message: withoutPasswords(String(thrown)) };
  }
  const name = textOf(thrown, 'name') ?? 'Error';
  const code = memberOf(thrown, 'code');
  const isOurs = errorMark in thrown;
  const json: Writable<ErrorJson> = {
    name,
    message: withoutPasswords(textOf(thrown, 'message') ?? ''),
  };
  if (typeof code === 'string' || typeof code === 'number') json.code = code;
  if (isOurs) Object.assign(json, ownFieldsOf(thrown));
  if (depth + 1 >= maxDepth) return json;
  const cause = memberOf(thrown, 'cause');
  if (cause !== undefined && cause !== null) json.cause = errorJson(cause, depth + 1);
  const errors = memberOf(thrown, 'errors');
  if (Array.isArray(errors) && errors.length > 0) {
    json.errors = errors.slice(0, maxDepth).map((one: unknown) => errorJson(one, depth + 1));
  }
  return json;
}

type Writable<Value> = { -readonly [Name in keyof Value]: Value[Name] };

function ownFieldsOf(error: object): Partial<ErrorJson> {
  const details = memberOf(error, 'details');
  const hasDetails =
    typeof details === 'object' && details !== null && Object.keys(details).length > 0;
  const kind = textOf(error, 'kind');
  const remedy = textOf(error, 'remedy');
  return {
    ...(kind === undefined ? {} : { kind }),
    ...(remedy === undefined ? {} : { remedy }),
    ...(hasDetails ? { details: plain(details) } : {}),
  };
}

/** A getter that throws must not hide the error that is being written down. */
function memberOf(value: object, name: string): unknown {
  try {
    return Reflect.get(value, name) as unknown;
  } catch {
    return undefined;
  }
}

function textOf(value: object, name: string): string | undefined {
  const member = memberOf(value, name);
  return typeof member === 'string' ? member : undefined;
}

/** Circles and depth end in dots; bytes are counted, and never shown. */
function plain(value: unknown, depth = 0): PlainJson {
  switch (typeof value) {
    case 'string':
      return withoutPasswords(value);
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'bigint':
      return value.toString();
    case 'object':
      return value === null ? null : plainObject(value, depth);
    default:
      return `of type ${typeof value}`;
  }
}

function plainObject(value: object, depth: number): PlainJson {
  if (depth >= maxDepth) return '…';
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if (value instanceof Date) return String(value.getTime());
  // Its optional members are left out where they are undefined, so that it is plain.
  if (value instanceof Error || errorMark in value)
    return errorJson(value, depth) as unknown as PlainJson;
  if (Array.isArray(value)) return listed(value, depth);
  if (value instanceof Set) return listed([...value], depth);
  const members = value instanceof Map ? [...value] : Object.entries(value);
  return Object.fromEntries(
    members.slice(0, maxMembers).map(([name, member]: [unknown, unknown]) => {
      const key = String(name);
      return [key, namesSecret.test(key) ? '…' : plain(member, depth + 1)];
    }),
  );
}

function listed(values: readonly unknown[], depth: number): PlainJson {
  return values.slice(0, maxMembers).map((one) => plain(one, depth + 1));
}

/** Details name none of these; a sink of the user's own may. */
const namesSecret =
  /pass(word|wd|phrase)|secret|authorization|credential|(api|access|private)[-_]?key|^token$|[-_]token$|[a-z]Token$/i;

/** In an address, and in the `name=value` form of connection strings. */
function withoutPasswords(text: string): string {
  return text
    .replace(/(\w+:\/\/[^\s:@/]*):[^\s"']*@/g, '$1:***@')
    .replace(/\b(password|passwd|pwd|passphrase)(\s*=\s*)('[^']*'|"[^"]*"|[^\s&;,]+)/gi, '$1$2***')
    .replace(/\b(Bearer|Basic)\s+[\w+/=.~-]{8,}/g, '$1 ***');
}
