// What a service or a network answered, as one of the few kinds that a caller can act on.

import {
  ObjectStorageFailure,
  type ObjectStorageFailureKind,
} from '../../contracts/object-storage.js';
import { isObject } from '../../given.js';
import { abortReason } from '../../runtime/abort.js';

/** What is known of a failed request. */
export interface FailedRequest {
  /** `PUT s3://bucket/key`, for the message. */
  readonly doing: string;
  /** Of the answer; undefined when there was none. */
  readonly status?: number | undefined;
  /** Of S3, such as `NoSuchBucket`, or of the system, such as `ECONNREFUSED`. */
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  /** A condition went with it: a missing object did not meet it. */
  readonly hadCondition?: boolean;
  /** It failed before anything was sent, such as for want of a region. */
  readonly isUnsent?: boolean;
}

/** Nothing of the request itself goes in: it carries the signature, and answers repeat parts of it. */
export function failureOf(request: FailedRequest): ObjectStorageFailure {
  const { doing, status, code, message } = request;
  const what = [status, code].filter((part) => part !== undefined).join(' ');
  const said = message === undefined || message === code ? '' : `: ${message}`;
  const text = `${doing} failed with ${what === '' ? 'no answer' : what}${said}`;
  const kind = kindOf(request);
  const isMissing = status === 404 && kind === 'invalid';
  return isMissing ? new MissingObject(kind, text) : new ObjectStorageFailure(kind, text);
}

/** An object that is not there: no failure of a read or a deletion. */
class MissingObject extends ObjectStorageFailure {}

export async function unlessMissing<Answer>(call: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof MissingObject) return undefined;
    throw error;
  }
}

/** Aborting an upload that is over is no failure. */
export function ignoreGone(error: unknown): void {
  if (error instanceof ObjectStorageFailure && error.kind === 'upload-gone') return;
  throw error;
}

function kindOf({ status, code, hadCondition, isUnsent }: FailedRequest): ObjectStorageFailureKind {
  const named = code === undefined ? undefined : kindsOfCodes.get(code);
  if (named !== undefined) return named;
  if (status === undefined) return isUnsent === true ? 'invalid' : 'unknown';
  if (status === 412 || (status === 404 && hadCondition === true)) return 'condition-failed';
  if (status === 401 || status === 403) return 'denied';
  if (status === 429) return 'throttled';
  // 409 is also the answer to a condition that another writer is just deciding.
  if (status === 409 || status === 408 || status >= 500)
    return status === 501 ? 'invalid' : 'unknown';
  return 'invalid';
}

const kindsOfCodes: ReadonlyMap<string, ObjectStorageFailureKind> = new Map([
  ['PreconditionFailed', 'condition-failed'],
  ['ConditionalRequestConflict', 'unknown'],
  ['OperationAborted', 'unknown'],
  ['RequestTimeout', 'unknown'],
  ['NoSuchBucket', 'missing-bucket'],
  ['NoSuchUpload', 'upload-gone'],
  ['AccessDenied', 'denied'],
  ['ExpiredToken', 'denied'],
  ['InvalidAccessKeyId', 'denied'],
  ['SignatureDoesNotMatch', 'denied'],
  ['CredentialsProviderError', 'denied'],
  ['SlowDown', 'throttled'],
  ['Throttling', 'throttled'],
  ['ThrottlingException', 'throttled'],
  ['TooManyRequests', 'throttled'],
  ['ECONNREFUSED', 'unreachable'],
  ['ENOTFOUND', 'unreachable'],
  ['EAI_AGAIN', 'unreachable'],
  ['EHOSTUNREACH', 'unreachable'],
  ['ENETUNREACH', 'unreachable'],
]);

/** The signal's reason where the caller has left; else what `failed` makes of it. */
export function leftOr(
  signal: AbortSignal,
  error: unknown,
  failed: (error: unknown) => ObjectStorageFailure,
): Error {
  if (signal.aborted) return abortReason(signal);
  return error instanceof ObjectStorageFailure ? error : failed(error);
}

/** The bytes of a body; a connection that breaks off is a failure like any other. */
export async function* bodyOf(
  pieces: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  failed: (error: unknown) => ObjectStorageFailure,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const piece of pieces) yield piece;
  } catch (error) {
    throw leftOr(signal, error, failed);
  }
}

/** The code of the system that lies under an error of a client, such as `ECONNREFUSED`. */
export function systemCodeOf(error: unknown): string | undefined {
  for (let at = error, depth = 0; isObject(at) && depth < 4; depth += 1) {
    const code: unknown = Reflect.get(at, 'code');
    if (typeof code === 'string' && /^E[A-Z_]+$/.test(code)) return code;
    const errors: unknown = Reflect.get(at, 'errors');
    at = Array.isArray(errors) ? (errors[0] as unknown) : Reflect.get(at, 'cause');
  }
  return undefined;
}
