// One epoch's output on its way into one transaction: sent while it comes, or all at its end.

import { TidegateError, toError } from '../../errors.js';
import { orAborted } from '../../runtime/abort.js';
import type { PreCommitRequest } from '../../contracts/sink.js';
import type { CallOptions } from '../../contracts/source.js';
import type { PostgresSession } from './driver.js';
import { lockShared, requireTag, unlockShared } from './fence.js';
import { applicationNameOf, quoteLiteral } from './names.js';
import type { Chunk, RecordBuffer } from './records.js';
import type { SinkContext } from './sink-context.js';

/**
 * `open` takes records; `complete` holds them and the marker in an open transaction (only where a
 * driver has many sessions); then the transaction ends, one way or the other.
 */
export class EpochTransaction<Rec> {
  readonly #context: SinkContext<Rec>;
  readonly #buffer: RecordBuffer<Rec>;
  readonly #kept: Chunk[] = [];
  #keptBytes = 0;
  #session: PostgresSession | undefined;
  #transactionId: string | undefined;
  #sending: Promise<void> = Promise.resolve();
  #sendingError: Error | undefined;
  #isComplete = false;
  /** Ends the session of an epoch that nobody waits for any more. */
  readonly #life = new AbortController();

  constructor(context: SinkContext<Rec>) {
    this.#context = context;
    this.#buffer = context.newBuffer();
  }

  get digest(): string | undefined {
    return this.#buffer.digest();
  }

  /** Encodes; sends a full chunk while the next one is being filled. */
  async add(records: readonly Rec[]): Promise<void> {
    this.#throwIfBroken();
    this.#buffer.add(records);
    if (this.#buffer.byteLength < this.#context.limits.chunkBytes) return;
    const chunk = this.#buffer.take();
    if (chunk === undefined) return;
    if (this.#context.driver.sessions === 'one') {
      this.#keep(chunk);
      return;
    }
    await this.#sending;
    this.#throwIfBroken();
    this.#sending = this.#send(chunk).catch((error: unknown) => {
      this.#sendingError = toError(error);
    });
  }

  /** Everything is in the transaction, marker included; the transaction stays open. */
  async complete(request: PreCommitRequest | undefined, { signal }: CallOptions): Promise<void> {
    await orAborted(this.#sending, signal);
    this.#throwIfBroken();
    const rest = this.#buffer.take();
    const session = await orAborted(this.#begin(), signal);
    await orAborted(this.#finish(session, rest, request), signal);
    this.#isComplete = true;
  }

  /** Phase one of a durable sink. The session is free again afterwards. */
  async prepare(request: PreCommitRequest, gid: string, options: CallOptions): Promise<void> {
    await this.complete(request, options);
    const end = `PREPARE TRANSACTION ${quoteLiteral(gid)}`;
    await this.#end(end, 'PREPARE', options);
  }

  /** The one transaction of a last-resource sink; without a request it leaves no marker. */
  async commit(request: PreCommitRequest | undefined, options: CallOptions): Promise<void> {
    if (!this.#isComplete) await this.complete(request, options);
    await this.#end('COMMIT', 'COMMIT', options);
  }

  /** Closes the session; the server rolls back what was not prepared or committed. */
  discard(): void {
    this.#life.abort(new Error('the epoch was discarded'));
    this.#session?.destroy();
    this.#session = undefined;
    this.#kept.length = 0;
  }

  async #finish(
    session: PostgresSession,
    rest: Chunk | undefined,
    request: PreCommitRequest | undefined,
  ): Promise<void> {
    const { catalog, owner } = this.#context;
    for (const chunk of this.#kept.splice(0)) await chunk.send(session);
    await rest?.send(session);
    await this.#requireSameTransaction(session);
    if (request !== undefined) await catalog.mark(session, owner, request);
  }

  async #end(statement: string, tag: string, { signal }: CallOptions): Promise<void> {
    const { catalog, owner } = this.#context;
    const session = this.#session;
    if (session === undefined) throw new Error('the transaction has ended');
    const end = async (): Promise<void> => {
      await lockShared(session, catalog, owner);
      const answer = await session.command(statement);
      requireTag(answer, tag, `ending the epoch of sink ${owner.sink}`);
      await unlockShared(session, owner);
      session.release();
      this.#session = undefined;
    };
    await orAborted(end(), signal);
  }

  async #send(chunk: Chunk): Promise<void> {
    await chunk.send(await this.#begin());
  }

  async #begin(): Promise<PostgresSession> {
    if (this.#session !== undefined) return this.#session;
    const { driver, owner, limits, collidesOn, runsUserStatements } = this.#context;
    const session = await driver.connect({ signal: this.#life.signal });
    this.#session = session;
    // Read committed: the generation is read in this transaction, as it is after the lock.
    await session.command('BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE');
    await session.query(
      `SELECT set_config('lock_timeout', $1, true), set_config('synchronous_commit', 'on', true),
         set_config('idle_in_transaction_session_timeout', '0', true),
         set_config('application_name', $2, true)`,
      [`${limits.lockTimeoutMs}ms`, applicationNameOf(owner)],
    );
    if (driver.sessions === 'one' && collidesOn !== undefined)
      await refuseWait(session, collidesOn);
    if (runsUserStatements) this.#transactionId = await transactionIdOf(session);
    return session;
  }

  /** A user's statement that ends the transaction would make half of the epoch visible. */
  async #requireSameTransaction(session: PostgresSession): Promise<void> {
    if (!this.#context.runsUserStatements) return;
    if ((await transactionIdOf(session)) === this.#transactionId) return;
    const { sink } = this.#context.owner;
    throw new TidegateError(
      'TIDEGATE_POSTGRES_TRANSACTION',
      `the transaction of sink ${sink} was ended by a statement of its own write function`,
    );
  }

  #keep(chunk: Chunk): void {
    const { limits, owner } = this.#context;
    this.#keptBytes += chunk.byteLength;
    if (this.#keptBytes > limits.epochMaxBytes) {
      throw new TidegateError(
        'TIDEGATE_POSTGRES_OPTIONS',
        `an epoch of sink ${owner.sink} takes more than epochMaxBytes (${limits.epochMaxBytes}): ` +
          'take checkpoints more often, or raise it',
      );
    }
    this.#kept.push(chunk);
  }

  #throwIfBroken(): void {
    if (this.#sendingError !== undefined) throw this.#sendingError;
    this.#life.signal.throwIfAborted();
  }
}

async function transactionIdOf(session: PostgresSession): Promise<string> {
  const { rows } = await session.query('SELECT pg_current_xact_id()::text AS id');
  return String(rows[0]?.id);
}

/** On one session nobody could end the other transaction: the wait would stop the process. */
async function refuseWait(session: PostgresSession, table: string): Promise<void> {
  const { rows } = await session.query(
    `SELECT FROM pg_locks WHERE locktype = 'relation' AND pid IS NULL AND mode = 'RowExclusiveLock'
       AND relation = $1::regclass`,
    [table],
  );
  if (rows.length === 0) return;
  throw new TidegateError(
    'TIDEGATE_POSTGRES_BUSY',
    `a prepared epoch holds rows of ${table}, and an embedded database cannot wait for it`,
  );
}
