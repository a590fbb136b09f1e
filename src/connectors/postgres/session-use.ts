// Using one session: it is given back clean or never again, and its answers are what was asked for.

import { TidegateError } from '../../errors.js';
import { orAborted } from '../../runtime/abort.js';
import type { CallOptions } from '../../contracts/source.js';
import type { PostgresDriver, PostgresSession } from './driver.js';
import { toTrouble } from './trouble.js';

/** A session for one piece of work; after a failure it is not used again. */
export async function withSession<Value>(
  driver: PostgresDriver,
  what: string,
  options: CallOptions,
  work: (session: PostgresSession) => Promise<Value>,
): Promise<Value> {
  let session: PostgresSession | undefined;
  try {
    session = await driver.connect(options);
    // An embedded database cannot be interrupted: its answer is not waited for.
    const value = await orAborted(work(session), options.signal);
    session.release();
    return value;
  } catch (error) {
    session?.destroy();
    options.signal.throwIfAborted();
    throw toTrouble(error, what);
  }
}

/** @throws TidegateError `TIDEGATE_POSTGRES_TRANSACTION` unless the server did what it was asked to. */
export function requireTag(found: string, expected: string, what: string): void {
  if (found === expected) return;
  throw new TidegateError(
    'TIDEGATE_POSTGRES_TRANSACTION',
    `${what}: the server answered ${found || 'nothing'} instead of ${expected}`,
  );
}

/**
 * Takes off the bounds that a role or a pool sets on statements and waits, for this session: a commit
 * that is cut off in the middle has an unknown outcome. `restoreBounds` puts them back.
 */
export const liftBounds: readonly string[] = [
  'SET statement_timeout = 0',
  'SET lock_timeout = 0',
  'SET idle_in_transaction_session_timeout = 0',
  // From PostgreSQL 14 on.
  `SELECT set_config('idle_session_timeout', '0', false)
    WHERE current_setting('idle_session_timeout', true) IS NOT NULL`,
];

export const restoreBounds: readonly string[] = [
  'RESET statement_timeout',
  'RESET lock_timeout',
  'RESET idle_in_transaction_session_timeout',
  `SELECT set_config(name, reset_val, false) FROM pg_settings WHERE name = 'idle_session_timeout'`,
];
