// What an answer means: accepted, refused for good, or to be tried again.

import { orAborted } from '../../runtime/abort.js';
import type { HttpAnswer, HttpSinkOptions } from './options.js';

export type Outcome =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly problem: string; readonly cause?: unknown }
  | { readonly kind: 'failed'; readonly problem: string; readonly cause?: unknown };

export interface JudgeOptions<Rec> {
  readonly target: URL;
  readonly accept: HttpSinkOptions<Rec>['accept'];
  readonly maxAnswerBytes: number;
  readonly records: readonly Rec[];
  readonly signal: AbortSignal;
}

/** Reads the answer to its end, or to its bound: an unread body keeps the connection busy. */
export async function judge<Rec>(response: Response, options: JudgeOptions<Rec>): Promise<Outcome> {
  const body = await readBody(response, options);
  const byStatus = judgeStatus(response, options.target);
  const { accept, maxAnswerBytes } = options;
  if (byStatus.kind !== 'accepted' || accept === undefined) return byStatus;
  if (body !== undefined) return askUser({ ...headOf(response), body }, options, accept);
  const problem = `its answer is longer than maxAnswerBytes, ${maxAnswerBytes}, so accept cannot see it`;
  return { kind: 'refused', problem };
}

/** Answers after which the same request may succeed. */
const passing = [408, 425, 429, 500, 502, 503, 504];
/** A server that asks for more is asked sooner: what waits here holds up a checkpoint. */
const maxRetryAfterMs = 60_000;

/** RFC 9110, 10.2.3: whole seconds, or a date; 0 where it says neither, or a time that is past. */
export function retryAfterMs({ headers, status }: Response, nowMs: number): number {
  if (!passing.includes(status)) return 0;
  const value = headers.get('retry-after') ?? '';
  const waitMs = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - nowMs;
  return Number.isNaN(waitMs) ? 0 : Math.min(Math.max(0, waitMs), maxRetryAfterMs);
}

/** Undefined for a body that is longer than the bound; the rest of it is not read. */
async function readBody<Rec>(
  { body }: Response,
  { signal, maxAnswerBytes }: JudgeOptions<Rec>,
): Promise<string | undefined> {
  if (body === null) return '';
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  const chunks: Uint8Array[] = [];
  let byteLength = 0;
  for (;;) {
    const { done, value } = await orAborted(reader.read(), signal);
    if (done) return Buffer.concat(chunks).toString('utf8');
    byteLength += value.byteLength;
    if (byteLength <= maxAnswerBytes) chunks.push(value);
    else {
      // Its connection is not used again.
      await orAborted(reader.cancel(), signal);
      return undefined;
    }
  }
}

function judgeStatus(response: Response, target: URL): Outcome {
  const { status } = response;
  // The last two are how a fetch of the user's own shows what it hides or has followed all the same.
  const isRedirect = status >= 300 && status < 400;
  if (isRedirect || response.type === 'opaqueredirect' || response.redirected) {
    const what = `it answered ${isRedirect ? `${status}, ` : ''}a redirect`;
    const problem = `${what}${redirectedTo(response, target)}: give the final address as url`;
    return { kind: 'refused', problem };
  }
  if (status >= 200 && status < 300) return { kind: 'accepted' };
  const kind = passing.includes(status) ? 'failed' : 'refused';
  return { kind, problem: `it answered ${status}` };
}

/** The origin only: an address to be redirected to often carries a token. */
function redirectedTo(response: Response, target: URL): string {
  const location = response.headers.get('location');
  if (location === null || !URL.canParse(location, target.href)) return '';
  return ` to ${new URL(location, target.href).origin}`;
}

function headOf({ status, headers }: Response): Omit<HttpAnswer, 'body'> {
  return { status, headers };
}

async function askUser<Rec>(
  answer: HttpAnswer,
  { records, signal }: JudgeOptions<Rec>,
  accept: NonNullable<HttpSinkOptions<Rec>['accept']>,
): Promise<Outcome> {
  const said = `it answered ${answer.status}, and accept said`;
  let verdict: unknown;
  try {
    verdict = await orAborted(Promise.resolve(accept(answer, records)), signal);
  } catch (cause) {
    signal.throwIfAborted();
    const problem = `it answered ${answer.status}, and accept threw an error`;
    return { kind: 'refused', problem, cause };
  }
  switch (verdict) {
    case 'accept':
      return { kind: 'accepted' };
    case 'retry':
      return { kind: 'failed', problem: `${said} retry` };
    case 'refuse':
      return { kind: 'refused', problem: `${said} refuse` };
    default:
      return { kind: 'refused', problem: `${said} neither "accept", "retry" nor "refuse"` };
  }
}
