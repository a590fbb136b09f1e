// Whether a failure of a source is one that passes: a server that is away comes back, a missing file does not.

import { isTidegateError } from '../errors.js';

/** Of sockets, names and descriptors: what is so now may not be so in a moment. */
const passing: readonly unknown[] = [
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAGAIN',
  'EBUSY',
  'EMFILE',
  'ENFILE',
];

/** Errors of Node's own fetch: `UND_ERR_CONNECT_TIMEOUT`, `UND_ERR_SOCKET` and the like. */
const ofFetch = /^UND_ERR_(CONNECT_TIMEOUT|HEADERS_TIMEOUT|BODY_TIMEOUT|SOCKET|CLOSED)$/;

/** SQLSTATEs of a connection that broke, of a server that stops, starts or has no room. */
const ofServers = /^(08|53|57P0)[0-9A-Z]+$|^40(001|P01)$/;

const maxDepth = 8;

/**
 * An error of tidegate says so by its kind: `retryable` and `in-doubt` pass. Another one passes where it,
 * or what caused it, says so (`retriable` or `retryable`), timed out, or has a code of a connection or a
 * server that is away. Whatever else is thrown may be a mistake, which is the same the next time.
 */
export function mayPass(thrown: unknown, depth = 0): boolean {
  if (isTidegateError(thrown)) return thrown.kind === 'retryable' || thrown.kind === 'in-doubt';
  if (typeof thrown !== 'object' || thrown === null || depth >= maxDepth) return false;
  const { retriable, retryable, code, name, cause, errors } = thrown as Members;
  if (retriable === true || retryable === true || name === 'TimeoutError') return true;
  if (passing.includes(code)) return true;
  if (typeof code === 'string' && (ofFetch.test(code) || ofServers.test(code))) return true;
  // A client that has given up says that it will not try again, and why not: that may pass all the same.
  if (mayPass(cause, depth + 1)) return true;
  return Array.isArray(errors) && errors.some((one) => mayPass(one, depth + 1));
}

interface Members {
  readonly retriable?: unknown;
  readonly retryable?: unknown;
  readonly code?: unknown;
  readonly name?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
}
