// Prepared transactions of one sink, whichever class of it has left them: ended one way or the other.

import type { CommitOutcome, RollbackOutcome } from '../../contracts/sink.js';
import type { Catalog } from './catalog.js';
import type { PostgresSession } from './driver.js';
import { listPrepared } from './inspector.js';
import { quoteLiteral, requireOwnGid, type PostgresOwner } from './names.js';
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

/** `not-found` says nothing yet: committed, rolled back or never prepared. */
async function endPrepared(
  session: PostgresSession,
  how: 'COMMIT' | 'ROLLBACK',
  handle: string,
): Promise<'ended' | 'not-found'> {
  try {
    const answer = await session.command(`${how} PREPARED ${quoteLiteral(handle)}`);
    requireTag(answer, how, `${how} PREPARED ${handle}`);
    return 'ended';
  } catch (error) {
    if (sqlStateOf(error) === '42704') return 'not-found';
    throw error;
  }
}
