// The options of an HTTP sink, and what it makes of records.

import type { Clock } from '../../runtime/clock.js';
import type { Random } from '../../runtime/random.js';

/** What becomes of records on the way out. */
export interface HttpRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** What the server has answered, as `accept` sees it. */
export interface HttpAnswer {
  /** From 200 to 299: other answers are not asked about. */
  readonly status: number;
  readonly headers: Headers;
  /** The whole body as text, of at most `maxAnswerBytes`. */
  readonly body: string;
}

/**
 * `accept`: the server has the records. `retry`: the request is sent again as it was, with the records
 * that the server may have taken, as after a 503. `refuse`: the epoch fails, as after a 400.
 */
export type HttpVerdict = 'accept' | 'retry' | 'refuse';

/** Options of `httpSink`. */
export interface HttpSinkOptions<Rec> {
  /**
   * Where requests go; no user and password in it: give an `authorization` header. No message and no
   * event shows more of it than scheme, host and port: path and query may be a secret.
   */
  readonly url: string | URL;
  /** Default POST. */
  readonly method?: string;
  /** May hold secrets: no message and no event ever names them. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Body of a request, text or bytes, at once and not empty. Default: JSON, an array of records, or
   * with `key` one record; a record that JSON would change is refused, naming the place.
   */
  readonly body?: (records: readonly Rec[]) => string | Uint8Array;
  /**
   * A text that is the same whenever the record is sent, and other for every other record. With it
   * each record is a request of its own that carries the key in `keyHeader`, and the sink is
   * `idempotent` if the server honours it; without it the sink is `at-least-once`.
   */
  readonly key?: (record: Rec) => string;
  /** Default `Idempotency-Key`. */
  readonly keyHeader?: string;
  /** Whether the server keeps what it did first for a key, however late a request comes. Default false. */
  readonly ordersWrites?: boolean;
  /** Records of one request; requests go out one after the other. Default 100. */
  readonly maxBatchRecords?: number;
  /** Tries of one request, with pauses up to 5 s between them, or up to 60 s where the server says so (`Retry-After`). Default 10. */
  readonly attempts?: number;
  /** Bound of one try. Default 10 000. */
  readonly timeoutMs?: number;
  /**
   * Looks at each answer from 200 to 299, for servers that tell in the body what they did not take.
   * An error that it throws counts as `refuse`. Default: all of them are accepted.
   */
  readonly accept?: (
    answer: HttpAnswer,
    records: readonly Rec[],
  ) => HttpVerdict | Promise<HttpVerdict>;
  /** Bytes of an answer's body, at most; with `accept` a longer one is refused. Default 1 MiB. */
  readonly maxAnswerBytes?: number;
  readonly fetch?: typeof globalThis.fetch;
  readonly clock?: Clock;
  readonly random?: Random;
}
