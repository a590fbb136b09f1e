// How records become requests. What fetch would refuse is refused here, by name: fetch answers it like a
// server that cannot be reached, and that is tried again.

import { TidegateError } from '../../errors.js';
import { exactJson } from '../../exact-json.js';
import { kindOf } from '../../given.js';
import type { HttpRequest, HttpSinkOptions } from './options.js';

/** What is the same for all requests of a sink, checked. */
export interface RequestShape<Rec> {
  readonly method: string;
  /** The key's header left out. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ((records: readonly Rec[]) => string | Uint8Array) | undefined;
  readonly key: ((record: Rec) => string) | undefined;
  readonly keyHeader: string;
}

/** @throws TidegateError `TIDEGATE_OPTIONS`, without a value: headers may hold secrets. */
export function requestShape<Rec>(options: HttpSinkOptions<Rec>): RequestShape<Rec> {
  const { method = 'POST', headers = {}, body, key, keyHeader = 'Idempotency-Key' } = options;
  requireBody(method);
  requireHeader(keyHeader, '');
  const lowerCase: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    requireHeader(name, value);
    const lower = name.toLowerCase();
    // Fetch would send both, as one list.
    if (Object.hasOwn(lowerCase, lower))
      throw invalid(`headers of an HTTP sink name ${lower} twice`);
    lowerCase[lower] = value;
  }
  const merged = { 'content-type': 'application/json', ...lowerCase };
  return { method, headers: merged, body, key, keyHeader: keyHeader.toLowerCase() };
}

/** @throws TidegateError `TIDEGATE_OPTIONS`, without the address: it may hold a password. */
export function targetOf(url: string | URL): URL {
  const target = parse(url);
  if (target === undefined || !['http:', 'https:'].includes(target.protocol)) {
    throw invalid('the url of an HTTP sink is not one of http or https');
  }
  if (target.username === '' && target.password === '') return target;
  throw invalid(
    'the url of an HTTP sink holds a user or a password, which fetch does not send: take them out ' +
      'and give an authorization header',
  );
}

/**
 * @param which Names the records in a message.
 * @throws TidegateError `TIDEGATE_HTTP_REFUSED` for a record whose key no header can carry.
 */
export function requestOf<Rec>(
  shape: RequestShape<Rec>,
  records: readonly Rec[],
  which: string,
): HttpRequest {
  const { method, headers, body, key, keyHeader } = shape;
  const [first] = records;
  const keyed =
    key !== undefined && first !== undefined ? { [keyHeader]: checkedKey(key(first), which) } : {};
  const content = key === undefined ? records : first;
  return {
    method,
    headers: { ...headers, ...keyed },
    body: body === undefined ? asJson(content, which) : checkedBody(body(records), which),
  };
}

function asJson(content: unknown, which: string): string {
  const json = exactJson(content);
  if (json.kind === 'text') return json.text;
  throw new TidegateError(
    'TIDEGATE_SINK_RECORD',
    `${which} cannot be written as JSON without loss: ${json.loss}; turn it into text, a number or ` +
      'null before the sink, or give the sink a body that writes it',
  );
}

/** Fetch would make text of anything: a promise would be sent as `[object Promise]`. */
function checkedBody(body: unknown, which: string): string | Uint8Array {
  if (isPromise(body)) {
    ignoreFailure(body);
    const what = 'a promise: wait in an operator before the sink, or give the text at once';
    throw refusedBody(which, what);
  }
  const isBytes = Object.prototype.toString.call(body) === '[object Uint8Array]';
  if (typeof body !== 'string' && !isBytes) {
    throw refusedBody(which, `what is ${kindOf(body)}, not text or bytes`);
  }
  const given = body as string | Uint8Array;
  if (given.length === 0) throw refusedBody(which, 'nothing');
  if (typeof given !== 'string' || given.isWellFormed()) return given;
  throw refusedBody(which, 'text with half of a surrogate pair, which UTF-8 cannot hold');
}

function refusedBody(which: string, what: string): TidegateError {
  return new TidegateError('TIDEGATE_SINK_RECORD', `for ${which} the body function gave ${what}`);
}

function ignoreFailure(promise: PromiseLike<unknown>): void {
  Promise.resolve(promise).catch(() => undefined);
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function';
}

function checkedKey(key: unknown, which: string): string {
  if (isPromise(key)) ignoreFailure(key);
  // A blank at an end is cut off on the way: two records would share a key, and one be dropped.
  if (typeof key === 'string' && key !== '' && headerValue('key', key) === key) return key;
  const problem =
    typeof key === 'string' && key !== ''
      ? 'is not Latin-1 in one line without blanks at its ends, so no header can carry it: encode ' +
        'it, for example with encodeURIComponent'
      : `is ${kindOf(key)}, not a text: make one of it, for example with String`;
  throw new TidegateError('TIDEGATE_HTTP_REFUSED', `the key of ${which} ${problem}`);
}

/** Fetch refuses these, or a length that is not that of the body, at each request. */
const connectionHeaders = [
  'content-length',
  'expect',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
];

function requireHeader(name: string, value: string): void {
  // Not quoted: what is no name may be a whole header line.
  if (headerValue(name, '') === undefined) {
    throw invalid('the name of a header of an HTTP sink is none that HTTP knows');
  }
  if (headerValue(name, value) === undefined) {
    throw invalid(`header ${name} of an HTTP sink has a line break or is not Latin-1`);
  }
  const lower = name.toLowerCase();
  if (connectionHeaders.includes(lower)) {
    throw invalid(`header ${lower} of an HTTP sink is made by the connection: leave it out`);
  }
}

/** What a server would see; undefined for what cannot be sent. */
function headerValue(name: string, value: string): string | undefined {
  try {
    return new Headers([[name, value]]).get(name) ?? undefined;
  } catch {
    return undefined;
  }
}

function requireBody(method: string): void {
  try {
    new Request('http://host/', { method, body: '' });
  } catch {
    const quoted = JSON.stringify(method.slice(0, 20));
    throw invalid(`method ${quoted} cannot carry records: use POST, PUT or PATCH`);
  }
}

function parse(url: string | URL): URL | undefined {
  try {
    return new URL(url);
  } catch {
    // Without the cause: it quotes the whole address, password included.
    return undefined;
  }
}

function invalid(message: string): TidegateError {
  return new TidegateError('TIDEGATE_OPTIONS', message);
}
