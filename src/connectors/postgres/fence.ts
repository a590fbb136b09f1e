// The fence: after a claim returns, no session of an older generation can prepare or commit.
//
//   older session                          newer owner (claim)
//   lock shared ── read generation ──┐     raise the generation, durably
//      own: prepare or commit        │     lock exclusively: waits for those who read the old one
//      raised: stop                  │     unlock, read the generation again
//   unlock ──────────────────────────┘
//
// A session that takes the shared lock after the raise reads the raised generation and stops; one that
// took it before is waited for. Ending older sessions only makes the wait short.

import { TidegateError } from '../../errors.js';
import type { CallOptions } from '../../contracts/source.js';
import type { Logger } from '../../runtime/logger.js';
import type { Catalog, RememberedOwner } from './catalog.js';
import type { PostgresDriver, PostgresSession, QueryAnswer } from './driver.js';
import {
  applicationNameOf,
  applicationPrefix,
  lockKeyOf,
  openLockKeyOf,
  quoteLiteral,
  type PostgresOwner,
  type PostgresReader,
  type SinkIdentity,
} from './names.js';
import { liftBounds, requireTag, restoreBounds, withSession } from './session-use.js';
import { sqlStateOf } from './trouble.js';

export interface ClaimedTarget {
  /** The table, as the catalogue names it; empty where the user's own statements write. */
  readonly target: string;
  /** Whether writing a row can wait for one that another transaction has written. */
  readonly canWait: boolean;
}

/** Rounds of half a second in which older sessions may end. */
const fenceRounds = 20;

/** Raises the generation and waits until no session of an older one is at work. */
export async function claim(
  session: PostgresSession,
  catalog: Catalog,
  owner: PostgresOwner,
  { target, logger }: { readonly target: ClaimedTarget; readonly logger: Logger },
): Promise<void> {
  await raise(session, catalog, owner, target);
  await endOlderSessions(session, owner, logger);
  await waitForHolders(session, owner);
  // A newer owner may have come meanwhile; then this one must not go on.
  await requireGeneration(session, catalog, owner);
}

/** Waits until no session of any generation is between the lock and its end. */
export async function waitForHolders(
  session: PostgresSession,
  identity: SinkIdentity,
): Promise<void> {
  const key = lockKeyOf(identity);
  for (let round = 1; ; round += 1) {
    try {
      await session.command("SET lock_timeout = '500ms'");
      await session.query('SELECT pg_advisory_lock($1::bigint)', [key]);
      break;
    } catch (error) {
      if (sqlStateOf(error) !== '55P03') throw error;
      if (round >= fenceRounds) throw await stillHeld(session, identity);
    }
  }
  await session.command('RESET lock_timeout');
  await session.query('SELECT pg_advisory_unlock($1::bigint)', [key]);
}

/**
 * On the session that is about to prepare or commit, in its transaction: it must be the one that
 * holds the lock. `first` is sent along. In READ COMMITTED the generation is read as it is behind the
 * wait for the lock; in one statement, or under another isolation, it would be what was there before.
 */
export async function lockShared(
  session: PostgresSession,
  catalog: Catalog,
  owner: PostgresOwner,
  first: readonly string[] = [],
): Promise<void> {
  const answers = await session.commands([...first, ...lockStatements(catalog, owner)]);
  requireOwn(owner, catalog.ownerIn(answers.at(-1)));
}

/** Ends what `lockShared` began; to be sent behind the statement that the lock was for. */
export function unlockStatement(owner: SinkIdentity): string {
  return `SELECT pg_advisory_unlock_shared(${lockKeyOf(owner)})::text AS held`;
}

/** @throws TidegateError when the lock was held by another backend: a pooler is in between. */
export function requireHeld(unlocked: QueryAnswer | undefined): void {
  if (unlocked?.rows[0]?.held === 'true') return;
  throw pooled('an advisory lock was lost between two statements');
}

/** Holds the shared lock around `work`, on a session of its own that a newer owner finds by name. */
export async function fenced<Value>(
  driver: PostgresDriver,
  { catalog, owner, what }: { catalog: Catalog; owner: PostgresOwner; what: string },
  options: CallOptions,
  work: (session: PostgresSession) => Promise<Value>,
): Promise<Value> {
  return withSession(driver, what, options, async (session) => {
    const name = quoteLiteral(applicationNameOf(owner));
    const answers = await session.commands([
      'BEGIN ISOLATION LEVEL READ COMMITTED',
      `SELECT set_config('application_name', ${name}, false)`,
      ...liftBounds,
      ...lockStatements(catalog, owner),
      'COMMIT',
    ]);
    requireOwn(owner, catalog.ownerIn(answers.at(-2)));
    const value = await work(session);
    const after = [unlockStatement(owner), 'RESET application_name', ...restoreBounds];
    const [unlocked] = await session.commands(after);
    requireHeld(unlocked);
    return value;
  });
}

function lockStatements(catalog: Catalog, owner: PostgresOwner): readonly string[] {
  return [`SELECT pg_advisory_lock_shared(${lockKeyOf(owner)})`, catalog.ownerStatement(owner)];
}

/** @throws TidegateError `TIDEGATE_SINK_STORE` when the database knows another store. */
export function checkStore(
  remembered: { readonly storeId: string } | undefined,
  { storeId, pipeline, sink }: PostgresReader,
): void {
  if (remembered === undefined || remembered.storeId === storeId) return;
  throw new TidegateError(
    'TIDEGATE_SINK_STORE',
    `sink ${sink} holds output of store ${remembered.storeId} under the pipeline name ` +
      `${pipeline}, and was opened by store ${storeId}: bring back the first store, choose another ` +
      'pipeline name, or delete the rows of this pipeline from sink_owner and sink_marker',
    { details: { sink, remembered: remembered.storeId } },
  );
}

export function pooled(what: string): TidegateError {
  return new TidegateError(
    'TIDEGATE_POSTGRES_POOLER',
    `${what}: a transaction-mode pooler is between here and the server`,
  );
}

async function raise(
  session: PostgresSession,
  catalog: Catalog,
  owner: PostgresOwner,
  target: ClaimedTarget,
): Promise<void> {
  await session.command('BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE');
  // The raise must not be lost in a server crash that the older owner survives.
  await session.command('SET LOCAL synchronous_commit = on');
  await session.query('SELECT pg_advisory_xact_lock($1::bigint)', [openLockKeyOf(owner)]);
  const remembered = await catalog.owner(session, owner);
  checkStore(remembered, owner);
  if (remembered !== undefined && owner.generation <= remembered.generation) {
    throw overtaken(owner, remembered.generation);
  }
  for (const other of await catalog.othersOn(session, owner, target.target)) {
    if (target.target !== '' && (target.canWait || other.canWait)) {
      throw new TidegateError(
        'TIDEGATE_POSTGRES_SHARED_TABLE',
        `sinks ${owner.sink} and ${other.sink} both write ${target.target}, at least one by key: ` +
          'what one has prepared would keep the other waiting without end',
      );
    }
  }
  await catalog.remember(session, owner, target);
  requireTag(await session.command('COMMIT'), 'COMMIT', `claiming sink ${owner.sink}`);
}

/** A help, not the fence: it may not be allowed, and a session that is asked to end goes on a bit. */
async function endOlderSessions(
  session: PostgresSession,
  owner: PostgresOwner,
  logger: Logger,
): Promise<void> {
  const prefix = applicationPrefix(owner);
  const { rows } = await session.query(
    `SELECT pid, application_name FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND starts_with(application_name, $1)`,
    [prefix],
  );
  for (const row of rows) {
    const generation = Number(String(row.application_name).slice(prefix.length));
    if (!(generation < owner.generation)) continue;
    try {
      await session.query('SELECT pg_terminate_backend($1::int)', [row.pid]);
    } catch (error) {
      if (sqlStateOf(error) !== '42501') throw error;
      const { sink } = owner;
      logger.warn({ sink, pid: row.pid }, 'an older session of a sink could not be ended');
    }
  }
}

/** @throws TidegateError `TIDEGATE_FENCED` when the sink has another owner by now. */
export async function requireGeneration(
  session: PostgresSession,
  catalog: Catalog,
  owner: PostgresOwner,
): Promise<void> {
  requireOwn(owner, await catalog.owner(session, owner));
}

function requireOwn(owner: PostgresOwner, remembered: RememberedOwner | undefined): void {
  checkStore(remembered, owner);
  if (remembered?.generation !== owner.generation) throw overtaken(owner, remembered?.generation);
}

function overtaken(owner: PostgresOwner, found: number | undefined): TidegateError {
  return new TidegateError(
    'TIDEGATE_FENCED',
    found === undefined
      ? `sink ${owner.sink} no longer knows its owner: its row in sink_owner was deleted`
      : `sink ${owner.sink} belongs to generation ${found}, not to ${owner.generation}`,
    { details: { generation: owner.generation, found } },
  );
}

async function stillHeld(session: PostgresSession, identity: SinkIdentity): Promise<TidegateError> {
  const key = BigInt.asUintN(64, BigInt(lockKeyOf(identity)));
  const { rows } = await session.query(
    `SELECT DISTINCT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
        AND classid::bigint = $1::bigint AND objid::bigint = $2::bigint AND pid IS NOT NULL`,
    [(key >> 32n).toString(), (key & 0xffff_ffffn).toString()],
  );
  const pids = rows.map((row) => String(row.pid)).join(', ');
  return new TidegateError(
    'TIDEGATE_POSTGRES_BUSY',
    `sink ${identity.sink} cannot be fenced: server processes ${pids || '(unknown)'} of an older ` +
      'owner are still at work on it; end them with pg_terminate_backend',
  );
}
