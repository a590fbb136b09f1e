// One epoch's output on its way into one transaction: sent while it comes, or all at its end.

import { TidegateError, toError } from '../../errors.js';
import { orAborted } from '../../runtime/abort.js';
import type { PreCommitRequest } from '../../contracts/sink.js';
import type { CallOptions } from '../../contracts/source.js';
import type { PostgresSession } from './driver.js';
import { lockShared, requireHeld, unlockStatement } from './fence.js';
import { applicationNameOf, quoteLiteral } from './names.js';
import type { Chunk, RecordBuffer, Sender } from './records.js';
import type { SinkContext } from './sink-context.js';
import { requireTag } from './session-use.js';

interface Ending {
  /** Sent together with the lock. */
  readonly first: readonly string[];
  readonly statement: string;
  readonly tag: string;
}

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
  #sender: Sender | undefined;
  #transactionId: string | undefined;
  #sending: Promise<void> = Promise.resolve();
  #sendingError: Error | undefined;
  #isComplete = false;
  /** Ends the session of an abandoned epoch. */
  readonly #life = new AbortController();

  constructor(context: SinkContext<Rec>) {
    this.#context = context;
    this.#buffer = context.newBuffer();
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
  async complete(request: PreCommitRequest | undefined, options: CallOptions): Promise<void> {
    const session = await this.#sendAll(options);
    if (request !== undefined) {
      await orAborted(session.commands([this.#markStatement(request)]), options.signal);
    }
    this.#isComplete = true;
  }

  /** Phase one of a durable sink. The session is free again afterwards. */
  async prepare(request: PreCommitRequest, gid: string, options: CallOptions): Promise<void> {
    await this.#sendAll(options);
    const statement = `PREPARE TRANSACTION ${quoteLiteral(gid)}`;
    const first = [this.#markStatement(request)];
    await this.#end({ first, statement, tag: 'PREPARE' }, options);
  }

  /** The one transaction of a last-resource sink; without a request it leaves no marker. */
  async commit(request: PreCommitRequest | undefined, options: CallOptions): Promise<void> {
    if (!this.#isComplete) await this.complete(request, options);
    await this.#end({ first: [], statement: 'COMMIT', tag: 'COMMIT' }, options);
  }

  /** Closes the session; the server rolls back what was not prepared or committed. */
  discard(): void {
    this.#life.abort(new Error('the epoch was discarded'));
    this.#session?.destroy();
    this.#session = undefined;
    this.#kept.length = 0;
  }

  async #sendAll({ signal }: CallOptions): Promise<PostgresSession> {
    await orAborted(this.#sending, signal);
    this.#throwIfBroken();
    const rest = this.#buffer.take();
    const send = async (): Promise<PostgresSession> => {
      const { session, sender } = await this.#begin();
      for (const chunk of this.#kept.splice(0)) await sender.send(chunk);
      if (rest !== undefined) await sender.send(rest);
      await sender.end();
      await this.#requireSameTransaction(session);
      return session;
    };
    return orAborted(send(), signal);
  }

  #markStatement(request: PreCommitRequest): string {
    const { catalog, owner } = this.#context;
    return catalog.markStatement(owner, request);
  }

  /** The lock and the look at the generation come before the statement that ends the epoch. */
  async #end({ first, statement, tag }: Ending, { signal }: CallOptions): Promise<void> {
    const { catalog, owner } = this.#context;
    const session = this.#session;
    if (session === undefined) throw new Error('the transaction has ended');
    const end = async (): Promise<void> => {
      await lockShared(session, catalog, owner, first);
      const [answer, unlocked] = await session.commands([statement, unlockStatement(owner)]);
      requireTag(answer?.command ?? '', tag, `ending the epoch of sink ${owner.sink}`);
      requireHeld(unlocked);
      session.release();
      this.#session = undefined;
    };
    await orAborted(end(), signal);
  }

  async #send(chunk: Chunk): Promise<void> {
    const { sender } = await this.#begin();
    await sender.send(chunk);
  }

  async #begin(): Promise<{ readonly session: PostgresSession; readonly sender: Sender }> {
    if (this.#session !== undefined && this.#sender !== undefined) {
      return { session: this.#session, sender: this.#sender };
    }
    const { driver, owner, limits, collidesOn, runsUserStatements } = this.#context;
    const session = await driver.connect({ signal: this.#life.signal });
    this.#session = session;
    let begin = beginStatements(limits.lockTimeoutMs, applicationNameOf(owner));
    const mayWait = driver.sessions === 'one' && collidesOn !== undefined;
    if (mayWait || runsUserStatements) {
      await session.commands(begin);
      begin = [];
    }
    if (mayWait) await refuseWait(session, collidesOn);
    if (runsUserStatements) this.#transactionId = await transactionIdOf(session);
    const sender = this.#buffer.sender(session, begin);
    this.#sender = sender;
    return { session, sender };
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
    if (this.#keptBytes > limits.maxEpochBytes) {
      throw new TidegateError(
        'TIDEGATE_POSTGRES_OPTIONS',
        `an epoch of sink ${owner.sink} takes more than maxEpochBytes (${limits.maxEpochBytes}): ` +
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

/** Read committed: the generation is read in this transaction, as it is after the lock. */
function beginStatements(lockTimeoutMs: number, applicationName: string): readonly string[] {
  return [
    'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE',
    `SET LOCAL lock_timeout = ${lockTimeoutMs}`,
    'SET LOCAL synchronous_commit = on',
    'SET LOCAL idle_in_transaction_session_timeout = 0',
    // One COPY lasts as long as its epoch.
    'SET LOCAL statement_timeout = 0',
    // From PostgreSQL 17 on there is a bound on the whole transaction.
    `SELECT set_config('transaction_timeout', '0', true)
      WHERE current_setting('transaction_timeout', true) IS NOT NULL`,
    `SET LOCAL application_name = ${quoteLiteral(applicationName)}`,
  ];
}

async function transactionIdOf(session: PostgresSession): Promise<string> {
  const { rows } = await session.query('SELECT pg_current_xact_id()::text AS id');
  return String(rows[0]?.id);
}

/** On one session the other transaction could not be ended: the wait would stop the process. */
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
