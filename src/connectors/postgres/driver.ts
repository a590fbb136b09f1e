// The slice of a PostgreSQL client that the connectors call: sessions, statements, bulk rows.

import type { CallOptions } from '../../contracts/source.js';

/** What a statement answered. */
export interface QueryAnswer {
  /** First word of the command tag: a COMMIT that could not commit answers `ROLLBACK`. */
  readonly command: string;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

/** What a user's own statements may use. */
export interface PostgresClient {
  query(text: string, values?: readonly unknown[]): Promise<QueryAnswer>;
}

/**
 * One backend for as long as it is held. Obligations on a driver:
 *
 * 1. Statements run on one backend, one after the other, until `release` or `destroy`.
 * 2. A promise settles when the server has answered, or rejects when it can no longer answer.
 * 3. `destroy` ends the backend's session, so that its locks and its open transaction go with it.
 */
export interface PostgresSession extends PostgresClient {
  /** Runs a statement without parameters and gives the command tag that the server sent. */
  command(text: string): Promise<string>;
  /**
   * Runs statements without parameters, one after the other, in one message: what follows a failure
   * does not run. Outside a transaction block they are one transaction. Values are read as text.
   */
  commands(statements: readonly string[]): Promise<readonly QueryAnswer[]>;
  /**
   * Begins a `COPY … FROM STDIN`, behind the statements of `first`, in one message. Until it has
   * ended nothing else runs on this session.
   */
  copyIn(target: string, first: readonly string[]): CopyIn;
  /** The session is clean and may be used again by somebody else. */
  release(): void;
  /** The state of the session is unknown: it must not be used again. */
  destroy(): void;
}

/** Rows on their way, in COPY's text format, cut anywhere. */
export interface CopyIn {
  /** Settles when more may come; rejects when the server has refused what came before. */
  write(rows: Uint8Array): Promise<void>;
  /** Settles when the server has taken everything. */
  end(): Promise<void>;
}

/** What the PostgreSQL connectors need of a client. */
export interface PostgresDriver {
  /**
   * `many` sessions at a time, which may wait for each other's locks; or `one`, where waiting for a
   * lock would stop the process, so that nothing is held between two calls.
   */
  readonly sessions: 'many' | 'one';
  /** What the sessions come from, where several sinks share it. */
  readonly pool?: { readonly options?: { readonly max?: number } };
  connect(options: CallOptions): Promise<PostgresSession>;
}
