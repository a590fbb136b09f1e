// The driver over a `pg` pool.

import type { CallOptions } from '../../contracts/source.js';
import { orAborted } from '../../runtime/abort.js';
import type { CopyIn, PostgresDriver, PostgresSession, QueryAnswer } from './driver.js';
import { PgCopyIn } from './pg-copy.js';

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
  connect(): Promise<PgClient>;
}

export function pgDriver(pool: PgPool): PostgresDriver {
  return {
    sessions: 'many',
    async connect({ signal }: CallOptions): Promise<PostgresSession> {
      signal.throwIfAborted();
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

class PgSession implements PostgresSession {
  readonly #client: PgClient;
  readonly #signal: AbortSignal;
  #isOver = false;

  constructor(client: PgClient, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
    // Without a listener a connection that the server ends would end the process.
    client.on('error', ignore);
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  async query(text: string, values: readonly unknown[] = []): Promise<QueryAnswer> {
    this.#throwIfOver();
    const { command, rows } = await this.#client.query(text, [...values]);
    return { command, rows: rows as QueryAnswer['rows'] };
  }

  async command(text: string): Promise<string> {
    this.#throwIfOver();
    return (await this.#client.query(text)).command;
  }

  async commands(statements: readonly string[]): Promise<readonly QueryAnswer[]> {
    this.#throwIfOver();
    // For several statements pg answers with a list, which its types do not say.
    const answers: unknown = await this.#client.query(statements.join(';\n'));
    return (Array.isArray(answers) ? answers : [answers]) as QueryAnswer[];
  }

  copyIn(target: string, first: readonly string[]): CopyIn {
    this.#throwIfOver();
    const copy = new PgCopyIn([...first, `COPY ${target} FROM STDIN`].join(';\n'));
    (this.#client.query as unknown as (submittable: PgCopyIn) => unknown).call(this.#client, copy);
    return copy;
  }

  release(): void {
    this.#end(false);
  }

  destroy(): void {
    this.#end(true);
  }

  // The caller has stopped waiting: closing the connection also ends what hangs in it.
  readonly #onAbort = (): void => this.#end(true);

  /** A flow that nobody waits for any more must not go on in a session that somebody else has. */
  #throwIfOver(): void {
    this.#signal.throwIfAborted();
    if (this.#isOver) throw new Error('the connection was closed');
  }

  #end(isBroken: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#signal.removeEventListener('abort', this.#onAbort);
    if (!isBroken) this.#client.removeListener('error', ignore);
    this.#client.release(isBroken);
  }
}

function ignore(): void {
  // The statement that was running rejects with the same error.
}
