// Prepared transactions of one sink, whichever class of it has left them: ended one way or the other.

import { TidegateError } from '../../errors.js';
import type { CommitOutcome, RollbackOutcome } from '../../contracts/sink.js';
import type { Catalog } from './catalog.js';
import type { PostgresSession } from './driver.js';
import { listPrepared } from './inspector.js';
import {
  gidPrefix,
  quoteIdentifier,
  quoteLiteral,
  requireOwnGid,
  type PostgresOwner,
  type SinkIdentity,
} from './names.js';
import { requireTag } from './session-use.js';
import { sqlStateOf } from './trouble.js';

export interface FencedSink {
  readonly catalog: Catalog;
  readonly owner: PostgresOwner;
}

/** On a session that holds the sink's lock; `absent` only after a look at the marker. */
export async function commitPrepared(
  session: PostgresSession,
  { catalog, owner }: FencedSink,
  handle: string,
): Promise<CommitOutcome> {
  const id = requireOwnGid(owner, handle);
  if ((await endPrepared(session, 'COMMIT', handle)) === 'ended') return 'applied';
  return (await catalog.isMarked(session, owner, id)) ? 'already-applied' : 'absent';
}

/** Discards all that are prepared, except `keep`, on a session that holds the sink's lock. */
export async function rollbackPrepared(
  session: PostgresSession,
  { catalog, owner }: FencedSink,
  keep: readonly string[],
): Promise<Map<string, RollbackOutcome>> {
  const outcomes = new Map<string, RollbackOutcome>();
  for (const { handle } of await listPrepared(session, owner)) {
    if (keep.includes(handle)) continue;
    const id = requireOwnGid(owner, handle);
    if ((await endPrepared(session, 'ROLLBACK', handle)) === 'ended') {
      outcomes.set(handle, 'rolled-back');
      continue;
    }
    const isMarked = await catalog.isMarked(session, owner, id);
    outcomes.set(handle, isMarked ? 'committed' : 'absent');
  }
  return outcomes;
}

/**
 * Only the role that has prepared a transaction, and a superuser, may end it. A member of that role
 * becomes it for the one statement, so that a pipeline goes on under another role.
 *
 * @throws TidegateError `TIDEGATE_POSTGRES_RIGHTS` naming the GRANT, where this role is no member.
 */
export async function requireEndable(
  session: PostgresSession,
  identity: SinkIdentity,
): Promise<void> {
  const { rows } = await session.query(
    `SELECT owner::text, current_user::text AS role FROM pg_prepared_xacts
      WHERE database = current_database() AND starts_with(gid, $1)
        AND NOT pg_has_role(owner, 'MEMBER') LIMIT 1`,
    [gidPrefix(identity)],
  );
  const [foreign] = rows;
  if (foreign === undefined) return;
  const [owner, role] = [foreign.owner, foreign.role].map((name) => quoteIdentifier(String(name)));
  throw new TidegateError(
    'TIDEGATE_POSTGRES_RIGHTS',
    `sink ${identity.sink} has prepared output as role ${owner}, which PostgreSQL lets only that role ` +
      `and its members end, and this is ${role}: connect as ${owner} once more, or run ` +
      `GRANT ${owner} TO ${role}`,
  );
}

/** `not-found` says nothing yet: committed, rolled back or never prepared. */
async function endPrepared(
  session: PostgresSession,
  how: 'COMMIT' | 'ROLLBACK',
  handle: string,
): Promise<'ended' | 'not-found'> {
  try {
    await end(session, how, handle);
    return 'ended';
  } catch (error) {
    if (sqlStateOf(error) === '42704') return 'not-found';
    if (sqlStateOf(error) !== '42501') throw error;
    const owner = await ownerOf(session, handle);
    if (owner === undefined) throw error;
    await session.command(`SET ROLE ${quoteIdentifier(owner)}`);
    await end(session, how, handle);
    await session.command('RESET ROLE');
    return 'ended';
  }
}

async function end(
  session: PostgresSession,
  how: 'COMMIT' | 'ROLLBACK',
  handle: string,
): Promise<void> {
  const answer = await session.command(`${how} PREPARED ${quoteLiteral(handle)}`);
  requireTag(answer, how, `${how} PREPARED ${handle}`);
}

async function ownerOf(session: PostgresSession, handle: string): Promise<string | undefined> {
  const { rows } = await session.query(
    `SELECT owner::text FROM pg_prepared_xacts
      WHERE gid = $1 AND owner <> current_user AND pg_has_role(owner, 'MEMBER')`,
    [handle],
  );
  return rows[0] === undefined ? undefined : String(rows[0].owner);
}
