// COPY FROM STDIN over `pg`, which has the messages but no call for them.

import type { CopyIn } from './driver.js';

/** The part of pg's connection that a COPY uses. */
export interface PgConnection {
  readonly stream: {
    readonly writableNeedDrain: boolean;
    once(event: 'drain', listener: () => void): unknown;
  };
  query(text: string): void;
  sendCopyFromChunk(chunk: Uint8Array): void;
  endCopyFrom(): void;
}

/**
 * A statement in the form that `client.query(submittable)` takes (pg's own `Query` has it, and so
 * has pg-copy-streams). It is answered exactly once, when the server is ready for the next one.
 *
 * Rows are sent without waiting for the answer to the statement: a server that refuses it ignores
 * them, as the protocol says.
 */
export class PgCopyIn implements CopyIn {
  /** `pg` wraps it when a query_timeout is set, so it must be there from the start. */
  callback: (error: Error | null) => void;
  /** The pool's own bound is for statements, and this one lasts as long as its rows come. */
  readonly query_timeout = 2_147_483_647;
  readonly #text: string;
  readonly #done: Promise<void>;
  readonly #submitted: Promise<PgConnection>;
  #failure: Error | null = null;
  #onSubmitted: (connection: PgConnection) => void = () => undefined;

  constructor(text: string) {
    this.#text = text;
    let settle: (error: Error | null) => void = () => undefined;
    this.#done = new Promise((resolve, reject) => {
      settle = (error) => {
        this.#failure = error;
        if (error === null) resolve();
        else reject(error);
      };
    });
    // The next write or end reports it; until then there may be no listener.
    this.#done.catch(() => undefined);
    this.callback = settle;
    this.#submitted = new Promise((resolve) => {
      this.#onSubmitted = resolve;
    });
  }

  async write(rows: Uint8Array): Promise<void> {
    const { stream } = await this.#send((connection) => connection.sendCopyFromChunk(rows));
    if (!stream.writableNeedDrain) return;
    const drained = new Promise<void>((resolve) => stream.once('drain', resolve));
    await Promise.race([drained, this.#done]);
  }

  async end(): Promise<void> {
    await this.#send((connection) => connection.endCopyFrom());
    await this.#done;
  }

  submit(connection: PgConnection): null {
    connection.query(this.#text);
    this.#onSubmitted(connection);
    return null;
  }

  handleRowDescription(): void {
    // Of a statement that was sent along.
  }

  handleDataRow(): void {
    // Of a statement that was sent along.
  }

  handleCopyInResponse(): void {
    // The rows are on their way already.
  }

  handleCopyData(): void {
    // Nothing was asked for.
  }

  handleEmptyQuery(): void {
    // Of a statement that was sent along.
  }

  handlePortalSuspended(): void {
    // Nothing is read in portions.
  }

  handleCommandComplete(): void {
    // The server is ready for the next statement only a message later.
  }

  handleReadyForQuery(): void {
    this.callback(null);
  }

  handleError(error: Error): void {
    this.callback(error);
  }

  async #send(message: (connection: PgConnection) => void): Promise<PgConnection> {
    // Without a connection the statement is never submitted.
    const connection = await Promise.race([this.#submitted, this.#done]);
    if (this.#failure !== null) throw this.#failure;
    if (connection === undefined) throw new Error('the COPY has ended');
    message(connection);
    return connection;
  }
}
