// What an HTTP sink is told, and what it makes of records.

import type { Clock } from '../../runtime/clock.js';
import type { Random } from '../../runtime/random.js';

/** What becomes of records on the way out. */
export interface HttpRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface HttpSinkOptions<Rec> {
  /** Where requests go; no user and password in it: give an `authorization` header. */
  readonly url: string | URL;
  /** Default POST. */
  readonly method?: string;
  /** May hold secrets: no message and no event ever names them. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Body of a request. Default: JSON, an array of records, or with `key` one record. */
  readonly body?: (records: readonly Rec[]) => string;
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
  readonly batchMax?: number;
  /** Tries of one request, with pauses up to 5 s between them, or up to 60 s where the server says so (`Retry-After`). Default 10. */
  readonly attempts?: number;
  /** Bound of one try. Default 10 000. */
  readonly timeoutMs?: number;
  readonly fetch?: typeof globalThis.fetch;
  readonly clock?: Clock;
  readonly random?: Random;
}
