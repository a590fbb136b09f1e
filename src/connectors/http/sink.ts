// The HTTP sink: records as requests, tried again where that can help, flushed at each barrier.

import { TidegateError } from '../../errors.js';
import {
  callback,
  completeOptions,
  contract,
  custom,
  flag,
  required,
  text,
  whole,
  type OptionTable,
} from '../../options.js';
import type { FlushingSink, FlushingSinkSession } from '../../contracts/sink.js';
import { requireRecords } from '../../contracts/records.js';
import type { CallOptions } from '../../contracts/source.js';
import { orAborted, untilEither } from '../../runtime/abort.js';
import { systemClock } from '../../runtime/clock.js';
import { backoffMs } from '../../runtime/backoff.js';
import { sleep, withDeadline } from '../../runtime/deadline.js';
import { systemRandom } from '../../runtime/random.js';
import { judge, retryAfterMs, type Outcome } from './answer.js';
import type { HttpRequest, HttpSinkOptions } from './options.js';
import { redacted, secretsOf } from './redaction.js';
import { requestOf, requestShape, targetOf, type RequestShape } from './request.js';

/** Sends records in their order, one request after the other. */
export function httpSink<Rec>(options: HttpSinkOptions<Rec>): FlushingSink<Rec> {
  const settings = checkSettings(options);
  const pace: Pace = { notBeforeMs: -Infinity };
  return {
    durability: options.key === undefined ? 'at-least-once' : 'idempotent',
    ordersWrites: options.ordersWrites ?? false,
    open: ({ sink }, { signal }) => {
      signal.throwIfAborted();
      return Promise.resolve(new HttpSession(sink, settings, pace));
    },
  };
}

const optionTable = {
  url: required(custom()),
  method: text(),
  headers: custom(),
  body: callback(),
  key: callback(),
  keyHeader: text(),
  ordersWrites: flag(false),
  maxBatchRecords: whole({ min: 1 }, 100),
  attempts: whole({ min: 1 }, 10),
  timeoutMs: whole({ min: 1, unit: 'milliseconds' }, 10_000),
  accept: callback(),
  maxAnswerBytes: whole({ min: 1 }, 1_048_576),
  fetch: callback(),
  clock: contract(['now', 'setTimer'], systemClock),
  random: contract(['next'], systemRandom),
} satisfies OptionTable<HttpSinkOptions<unknown>>;

type NumberName = 'maxBatchRecords' | 'attempts' | 'timeoutMs' | 'maxAnswerBytes';

type Settings<Rec> = HttpSinkOptions<Rec> &
  Required<Pick<HttpSinkOptions<Rec>, NumberName | 'clock' | 'random'>> & {
    readonly target: URL;
    readonly shape: RequestShape<Rec>;
    /** What no error may show. */
    readonly secrets: readonly string[];
    readonly fetch: typeof globalThis.fetch;
  };

/** When the server wants to be asked again, of the sink: a session ends before a long pause does. */
interface Pace {
  /** On the monotonic clock. */
  notBeforeMs: number;
}

const maxPauseMs = 5_000;

class HttpSession<Rec> implements FlushingSinkSession<Rec> {
  readonly #sink: string;
  readonly #settings: Settings<Rec>;
  readonly #pace: Pace;
  readonly #closing = new AbortController();
  #waiting: Rec[] = [];
  /** Records of this epoch that the server has, so that a refused one can be named. */
  #accepted = 0;
  #failure: unknown;

  constructor(sink: string, settings: Settings<Rec>, pace: Pace) {
    this.#sink = sink;
    this.#settings = settings;
    this.#pace = pace;
  }

  async write(records: readonly Rec[]): Promise<void> {
    this.#throwIfIncomplete();
    try {
      requireRecords(this.#sink, records);
    } catch (error) {
      this.#failure = error;
      throw error;
    }
    for (const record of records) this.#waiting.push(record);
    const { maxBatchRecords } = this.#settings;
    while (this.#waiting.length >= maxBatchRecords) await this.#sendNext(this.#closing.signal);
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
    const { maxBatchRecords } = this.#settings;
    const batch = this.#waiting.splice(0, this.#settings.key === undefined ? maxBatchRecords : 1);
    const which = nameRecords(this.#accepted, batch.length);
    try {
      await this.#send({ records: batch, which }, signal);
      this.#accepted += batch.length;
    } catch (error) {
      // The records of the request may have arrived or not: the epoch has to be read again.
      this.#failure = error;
      throw error;
    }
  }

  async #send({ records, which }: Sending<Rec>, signal: AbortSignal): Promise<void> {
    const { attempts, shape } = this.#settings;
    const request = requestOf(shape, records, which);
    const what = `${request.method} of ${which}`;
    let last: { readonly problem: string; readonly cause?: unknown } = { problem: '' };
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      await this.#pause(attempt, signal);
      signal.throwIfAborted();
      const outcome = await this.#try(request, records, signal);
      if (outcome.kind === 'accepted') return;
      if (outcome.kind === 'refused') throw this.#error('TIDEGATE_HTTP_REFUSED', what, outcome);
      last = outcome;
    }
    const problem = `${last.problem}, in ${attempts} tries`;
    throw this.#error('TIDEGATE_HTTP_UNREACHABLE', what, { ...last, problem });
  }

  async #pause(attempt: number, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#settings;
    const bounds = { maxMs: maxPauseMs };
    const ownMs = attempt === 0 ? 0 : backoffMs(attempt - 1, random.next(), bounds);
    const pauseMs = Math.max(ownMs, this.#pace.notBeforeMs - clock.monotonicMs());
    if (pauseMs > 0) await sleep(clock, pauseMs, signal);
  }

  async #try(request: HttpRequest, records: readonly Rec[], signal: AbortSignal): Promise<Outcome> {
    const { clock, timeoutMs, target, fetch, accept, maxAnswerBytes } = this.#settings;
    const outcome = await withDeadline({ clock, timeoutMs, signal }, async (inner) => {
      // Followed, a POST becomes a GET without its records, and the answer to that one is 200.
      const sent = fetch(target, { ...request, redirect: 'manual', signal: inner });
      const response = await orAborted(sent, inner);
      this.#pace.notBeforeMs = clock.monotonicMs() + retryAfterMs(response, clock.now());
      return judge(response, { target, accept, maxAnswerBytes, records, signal: inner });
    });
    switch (outcome.kind) {
      case 'answered':
        return outcome.value;
      case 'timed-out':
        return { kind: 'failed', problem: `no answer within ${outcome.afterMs} ms` };
      case 'failed':
        return { kind: 'failed', problem: networkProblem(outcome.error), cause: outcome.error };
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
    { problem, cause }: { readonly problem: string; readonly cause?: unknown },
  ): TidegateError {
    const { target, secrets } = this.#settings;
    // The origin only: the path and the query of a webhook are its password.
    return new TidegateError(code, `${what} to ${target.origin}: ${problem}`, {
      cause: redacted(cause, secrets),
    });
  }
}

interface Sending<Rec> {
  readonly records: readonly Rec[];
  /** Names them in messages. */
  readonly which: string;
}

/** Places in the epoch, the first being 1; what the records are stands in no message. */
function nameRecords(before: number, count: number): string {
  if (count === 1) return `record ${before + 1} of the epoch`;
  return `records ${before + 1} to ${before + count} of the epoch`;
}

function checkSettings<Rec>(options: HttpSinkOptions<Rec>): Settings<Rec> {
  const completed = completeOptions('httpSink', options, optionTable);
  const target = targetOf(options.url);
  const shape = requestShape(options);
  return {
    ...completed,
    target,
    shape,
    secrets: secretsOf(target, shape.headers),
    fetch: options.fetch ?? globalThis.fetch,
  };
}

/** `fetch failed` says nothing; the code below it does. */
function networkProblem(error: unknown): string {
  const { cause } = error as { readonly cause?: unknown };
  const { code } = (cause ?? error) as { readonly code?: unknown };
  return typeof code === 'string' ? `the connection failed (${code})` : 'the connection failed';
}
