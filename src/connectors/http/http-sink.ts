// The HTTP sink: records as requests, tried again where that can help, flushed at each barrier.

import { TidegateError } from '../../errors.js';
import { requireOptions, type NamesOf } from '../../given.js';
import type { FlushingSink, FlushingSinkSession } from '../../contracts/sink.js';
import type { CallOptions } from '../../contracts/source.js';
import { orAborted, untilEither } from '../../runtime/abort.js';
import { systemClock } from '../../runtime/clock.js';
import { sleep, withDeadline } from '../../runtime/deadline.js';
import { systemRandom } from '../../runtime/random.js';
import type { HttpRequest, HttpSinkOptions } from './options.js';
import { requestOf, requestShape, targetOf, type RequestShape } from './request.js';

/** Sends records in their order, one request after the other. */
export function httpSink<Rec>(options: HttpSinkOptions<Rec>): FlushingSink<Rec> {
  requireOptions('httpSink', options, knownOptions);
  const settings = checkSettings(options);
  const pace: Pace = { notBeforeMs: -Infinity };
  return {
    durability: options.key === undefined ? 'at-least-once' : 'idempotent',
    ordersWrites: options.ordersWrites ?? false,
    open: (_owner, { signal }) => {
      signal.throwIfAborted();
      return Promise.resolve(new HttpSession(settings, pace));
    },
  };
}

const knownOptions: NamesOf<HttpSinkOptions<unknown>> = {
  url: true,
  method: true,
  headers: true,
  body: true,
  key: true,
  keyHeader: true,
  ordersWrites: true,
  batchMax: true,
  attempts: true,
  timeoutMs: true,
  fetch: true,
  clock: true,
  random: true,
};

type Settings<Rec> = HttpSinkOptions<Rec> &
  Required<
    Pick<HttpSinkOptions<Rec>, 'batchMax' | 'attempts' | 'timeoutMs' | 'clock' | 'random'>
  > & {
    readonly target: URL;
    readonly shape: RequestShape<Rec>;
    readonly fetch: typeof globalThis.fetch;
  };

/** When the server wants to be asked again, of the sink: a session ends before a long pause does. */
interface Pace {
  /** On the monotonic clock. */
  notBeforeMs: number;
}

type Outcome =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly problem: string }
  | { readonly kind: 'failed'; readonly problem: string };

/** Answers after which the same request may succeed. */
const passing = [408, 425, 429, 500, 502, 503, 504];
const firstDelayMs = 100;
const longestDelayMs = 5_000;
/** A server that asks for more is asked sooner: what waits here holds up a checkpoint. */
const longestRetryAfterMs = 60_000;

class HttpSession<Rec> implements FlushingSinkSession<Rec> {
  readonly #settings: Settings<Rec>;
  readonly #pace: Pace;
  readonly #closing = new AbortController();
  #waiting: Rec[] = [];
  /** Records of this epoch that the server has, so that a refused one can be named. */
  #accepted = 0;
  #failure: unknown;

  constructor(settings: Settings<Rec>, pace: Pace) {
    this.#settings = settings;
    this.#pace = pace;
  }

  async write(records: readonly Rec[]): Promise<void> {
    this.#throwIfIncomplete();
    for (const record of records) this.#waiting.push(record);
    const { batchMax } = this.#settings;
    while (this.#waiting.length >= batchMax) await this.#sendNext(this.#closing.signal);
  }

  async flush({ signal }: CallOptions): Promise<void> {
    this.#throwIfIncomplete();
    await untilEither(signal, this.#closing.signal, async (either) => {
      while (this.#waiting.length > 0) await this.#sendNext(either);
    });
    this.#accepted = 0;
  }

  close(): void {
    this.#closing.abort(new Error('the sink was closed'));
  }

  async #sendNext(signal: AbortSignal): Promise<void> {
    const { batchMax } = this.#settings;
    const batch = this.#waiting.splice(0, this.#settings.key === undefined ? batchMax : 1);
    const which = nameRecords(this.#accepted, batch.length);
    try {
      await this.#send(requestOf(this.#settings.shape, batch, which), which, signal);
      this.#accepted += batch.length;
    } catch (error) {
      // The records of the request may have arrived or not: the epoch has to be read again.
      this.#failure = error;
      throw error;
    }
  }

  async #send(request: HttpRequest, which: string, signal: AbortSignal): Promise<void> {
    const { attempts } = this.#settings;
    const what = `${request.method} of ${which}`;
    let problem = '';
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      await this.#pause(attempt, signal);
      signal.throwIfAborted();
      const outcome = await this.#try(request, signal);
      if (outcome.kind === 'accepted') return;
      if (outcome.kind === 'refused') {
        throw this.#error('TIDEGATE_HTTP_REFUSED', what, outcome.problem);
      }
      problem = outcome.problem;
    }
    throw this.#error('TIDEGATE_HTTP_UNREACHABLE', what, `${problem}, in ${attempts} tries`);
  }

  async #pause(attempt: number, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#settings;
    const longestMs = Math.min(longestDelayMs, firstDelayMs * 2 ** (attempt - 1));
    const ownMs = attempt === 0 ? 0 : longestMs * (0.5 + random.next() / 2);
    const pauseMs = Math.max(ownMs, this.#pace.notBeforeMs - clock.monotonicMs());
    if (pauseMs > 0) await sleep(clock, pauseMs, signal);
  }

  async #try(request: HttpRequest, signal: AbortSignal): Promise<Outcome> {
    const { clock, timeoutMs, target, fetch } = this.#settings;
    const outcome = await withDeadline({ clock, timeoutMs, signal }, async (inner) => {
      // Followed, a POST becomes a GET without its records, and the answer to that one is 200.
      const sent = fetch(target, { ...request, redirect: 'manual', signal: inner });
      const response = await orAborted(sent, inner);
      // An unread body keeps the connection busy.
      await orAborted(response.arrayBuffer(), inner);
      return response;
    });
    switch (outcome.kind) {
      case 'answered':
        this.#pace.notBeforeMs = clock.monotonicMs() + retryAfterMs(outcome.value, clock.now());
        return judge(outcome.value, target);
      case 'timed-out':
        return { kind: 'failed', problem: `no answer within ${outcome.afterMs} ms` };
      case 'failed':
        return { kind: 'failed', problem: networkProblem(outcome.error) };
      case 'aborted':
        signal.throwIfAborted();
        return { kind: 'failed', problem: 'aborted' };
    }
  }

  #throwIfIncomplete(): void {
    if (this.#failure === undefined) return;
    throw new TidegateError(
      'TIDEGATE_SINK_WRITE_FAILED',
      'a request of this epoch failed, so the records after it are not sent',
      { cause: this.#failure },
    );
  }

  #error(
    code: 'TIDEGATE_HTTP_REFUSED' | 'TIDEGATE_HTTP_UNREACHABLE',
    what: string,
    problem: string,
  ): TidegateError {
    // Without user, password and query: tokens are often put there.
    const { origin, pathname } = this.#settings.target;
    return new TidegateError(code, `${what} to ${origin}${pathname}: ${problem}`);
  }
}

/** Places in the epoch, the first being 1; what the records are stands in no message. */
function nameRecords(before: number, count: number): string {
  if (count === 1) return `record ${before + 1} of the epoch`;
  return `records ${before + 1} to ${before + count} of the epoch`;
}

function judge(response: Response, target: URL): Outcome {
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

/** RFC 9110, 10.2.3: whole seconds, or a date; 0 where it says neither, or a time that is past. */
function retryAfterMs({ headers, status }: Response, nowMs: number): number {
  if (!passing.includes(status)) return 0;
  const value = headers.get('retry-after') ?? '';
  const waitMs = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - nowMs;
  return Number.isNaN(waitMs) ? 0 : Math.min(Math.max(0, waitMs), longestRetryAfterMs);
}

/** The origin only: an address to be redirected to often carries a token. */
function redirectedTo(response: Response, target: URL): string {
  const location = response.headers.get('location');
  if (location === null || !URL.canParse(location, target.href)) return '';
  return ` to ${new URL(location, target.href).origin}`;
}

function checkSettings<Rec>(options: HttpSinkOptions<Rec>): Settings<Rec> {
  const settings = {
    batchMax: 100,
    attempts: 10,
    timeoutMs: 10_000,
    clock: systemClock,
    random: systemRandom,
    ...options,
    target: targetOf(options.url),
    shape: requestShape(options),
    fetch: options.fetch ?? globalThis.fetch,
  };
  for (const name of ['batchMax', 'attempts', 'timeoutMs'] as const) {
    const value = settings[name];
    if (Number.isSafeInteger(value) && value >= 1) continue;
    throw new TidegateError('TIDEGATE_OPTIONS', `${name} is ${value}, not a whole number above 0`);
  }
  return settings;
}

/** `fetch failed` says nothing; the code below it does. */
function networkProblem(error: unknown): string {
  const { cause } = error as { readonly cause?: unknown };
  const { code } = (cause ?? error) as { readonly code?: unknown };
  return typeof code === 'string' ? `the connection failed (${code})` : 'the connection failed';
}
