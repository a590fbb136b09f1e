// The driver over a `pg` pool.

import type { CallOptions } from '../../contracts/source.js';
import { orAborted } from '../../runtime/abort.js';
import type { CopyIn, PostgresDriver, PostgresSession, QueryAnswer } from './driver.js';
import { PgCopyIn } from './pg-copy.js';
import { sqlStateOf } from './trouble.js';

/** What is used of a client of `pg`. */
export interface PgClient {
  query(
    text: string,
    values?: unknown[],
  ): Promise<{ readonly command: string; readonly rows: unknown[] }>;
  release(destroy?: boolean | Error): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
}

/** What is used of a `Pool` of `pg`. It needs room for two connections per sink. */
export interface PgPool {
  /** `max`: how many connections it gives out at a time. */
  readonly options?: { readonly max?: number };
  connect(): Promise<PgClient>;
  on?(event: 'error', listener: (error: Error) => void): unknown;
}

export function pgDriver(pool: PgPool): PostgresDriver {
  return {
    sessions: 'many',
    pool,
    async connect({ signal }: CallOptions): Promise<PostgresSession> {
      signal.throwIfAborted();
      guardPool(pool);
      const connecting = pool.connect();
      try {
        return new PgSession(await orAborted(connecting, signal), signal);
      } catch (error) {
        // A connection that comes too late goes back to the pool unused.
        connecting.then(
          (client) => client.release(),
          () => undefined,
        );
        throw error;
      }
    },
  };
}

const guardedPools = new WeakSet<PgPool>();

/**
 * Listens for the errors of a pool and of each client that it hands out, for as long as they live: an
 * `error` event without a listener ends the process. The pool emits it for a connection of ours that
 * the server ends while it lies idle, also behind the end of a run. A client emits it in the moment
 * between the hands of the pool and those of a session: `acquire` comes before that moment.
 */
function guardPool(pool: PgPool): void {
  if (guardedPools.has(pool) || pool.on === undefined) return;
  guardedPools.add(pool);
  pool.on('error', ignore);
  const acquiring = pool as unknown as {
    on(event: 'acquire', listener: (client: PgClient) => void): unknown;
  };
  acquiring.on('acquire', guardClient);
}

/** What a client said when it lost its connection. The first error is the one of the server. */
const lostConnections = new WeakMap<PgClient, Error>();
const guardedClients = new WeakSet<PgClient>();

function guardClient(client: PgClient): void {
  if (guardedClients.has(client)) return;
  guardedClients.add(client);
  client.on('error', (error) => noteLoss(client, error));
}

function noteLoss(client: PgClient, error: Error): void {
  if (!lostConnections.has(client)) lostConnections.set(client, error);
}

function ignore(): void {
  // The pool has removed the connection and opens another one when it is asked for one.
}

class PgSession implements PostgresSession {
  readonly #client: PgClient;
  readonly #signal: AbortSignal;
  #isOver = false;

  constructor(client: PgClient, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
    // A pool of a kind that says nothing of its clients could not guard this one.
    if (!guardedClients.has(client)) client.on('error', this.#onError);
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  async query(text: string, values: readonly unknown[] = []): Promise<QueryAnswer> {
    this.#throwIfOver();
    const { command, rows } = await this.#asked(() => this.#client.query(text, [...values]));
    return { command, rows: rows as QueryAnswer['rows'] };
  }

  async command(text: string): Promise<string> {
    this.#throwIfOver();
    return (await this.#asked(() => this.#client.query(text))).command;
  }

  async commands(statements: readonly string[]): Promise<readonly QueryAnswer[]> {
    this.#throwIfOver();
    // For several statements pg answers with a list, which its types do not say.
    const text = statements.join(';\n');
    const answers: unknown = await this.#asked(() => this.#client.query(text));
    return (Array.isArray(answers) ? answers : [answers]) as QueryAnswer[];
  }

  copyIn(target: string, first: readonly string[]): CopyIn {
    this.#throwIfOver();
    const copy = new PgCopyIn([...first, `COPY ${target} FROM STDIN`].join(';\n'));
    (this.#client.query as unknown as (submittable: PgCopyIn) => unknown).call(this.#client, copy);
    return {
      write: (rows) => this.#asked(() => copy.write(rows)),
      end: () => this.#asked(() => copy.end()),
    };
  }

  release(): void {
    this.#end(false);
  }

  destroy(): void {
    this.#end(true);
  }

  readonly #onError = (error: Error): void => noteLoss(this.#client, error);

  // The caller has stopped waiting: closing the connection also ends what hangs in it.
  readonly #onAbort = (): void => this.#end(true);

  /** Of a connection that is lost `pg` says only that; what the server said before says why. */
  async #asked<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    try {
      return await ask();
    } catch (error) {
      if (sqlStateOf(error) !== undefined) throw error;
      throw lostConnections.get(this.#client) ?? error;
    }
  }

  /** An abandoned flow must not go on in a session that somebody else has. */
  #throwIfOver(): void {
    this.#signal.throwIfAborted();
    if (this.#isOver) throw new Error('the connection was closed');
  }

  #end(isBroken: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#signal.removeEventListener('abort', this.#onAbort);
    if (!isBroken) this.#client.removeListener('error', this.#onError);
    this.#client.release(isBroken);
  }
}
