// COPY FROM STDIN over `pg`, which has the messages but no call for them.

/** The part of pg's connection that a COPY uses. */
export interface PgConnection {
  query(text: string): void;
  sendCopyFromChunk(chunk: Uint8Array): void;
  endCopyFrom(): void;
}

/**
 * A statement in the form that `client.query(submittable)` takes (pg's own `Query` has it, and so
 * has pg-copy-streams). It is answered exactly once, when the server is ready for the next one.
 */
export class PgCopyIn {
  /** `pg` wraps it when a query_timeout is set, so it must be there from the start. */
  callback: (error: Error | null) => void;
  readonly done: Promise<void>;
  readonly #text: string;
  readonly #rows: Uint8Array;

  constructor(text: string, rows: Uint8Array) {
    this.#text = text;
    this.#rows = rows;
    let settle: (error: Error | null) => void = () => undefined;
    this.done = new Promise((resolve, reject) => {
      settle = (error) => {
        if (error === null) resolve();
        else reject(error);
      };
    });
    this.callback = settle;
  }

  submit(connection: PgConnection): null {
    connection.query(this.#text);
    return null;
  }

  handleCopyInResponse(connection: PgConnection): void {
    connection.sendCopyFromChunk(this.#rows);
    connection.endCopyFrom();
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
}
