// What is looked at before a sink is opened, so that nothing is found out at the first commit.

import { TidegateError } from '../../errors.js';
import type { CallOptions } from '../../contracts/source.js';
import type { PostgresDriver, PostgresSession } from './driver.js';
import { pooled } from './fence.js';
import { quoteIdentifier } from './names.js';
import { readServerIdentity } from './server-identity.js';

export interface ServerFacts {
  /** Of the server; undefined where the role may not read it. */
  readonly identity: string | undefined;
  readonly maxPrepared: number;
}

/** @throws TidegateError that names the setting and how to change it. */
export async function checkServer(
  session: PostgresSession,
  { needsPrepare }: { readonly needsPrepare: boolean },
): Promise<ServerFacts> {
  const { rows } = await session.query(
    `SELECT pg_is_in_recovery() AS is_standby, current_setting('server_version_num')::int AS version,
       current_setting('max_prepared_transactions')::int AS prepared_max,
       s.setting AS read_only, s.source AS read_only_source, current_user::text AS role,
       current_database()::text AS database
     FROM pg_settings s WHERE s.name = 'default_transaction_read_only'`,
  );
  const facts = rows[0] ?? {};
  if (facts.is_standby === true) {
    throw new TidegateError(
      'TIDEGATE_POSTGRES_TABLE',
      'the server is a standby and cannot be written to: connect to the primary',
    );
  }
  if (Number(facts.version) < oldestVersion) {
    throw new TidegateError(
      'TIDEGATE_POSTGRES_OPTIONS',
      `the server is PostgreSQL ${Math.floor(Number(facts.version) / 10_000)}, and 13 or newer is needed`,
    );
  }
  if (facts.read_only === 'on') throw readOnly(facts);
  const maxPrepared = Number(facts.prepared_max);
  if (needsPrepare && maxPrepared === 0) {
    throw new TidegateError(
      'TIDEGATE_POSTGRES_PREPARED_OFF',
      'max_prepared_transactions is 0, so nothing can be prepared: run ' +
        'ALTER SYSTEM SET max_prepared_transactions = 64 and restart the server',
    );
  }
  return { identity: await readServerIdentity(session), maxPrepared };
}

/** `pg_current_xact_id` and `starts_with` are there from here on. */
const oldestVersion = 130_000;

function readOnly(facts: Readonly<Record<string, unknown>>): TidegateError {
  const role = quoteIdentifier(String(facts.role));
  const database = quoteIdentifier(String(facts.database));
  const setting = 'default_transaction_read_only';
  const mending: Readonly<Record<string, string>> = {
    client: `take ${setting} out of the options of the pool`,
    user: `run ALTER ROLE ${role} RESET ${setting}`,
    database: `run ALTER DATABASE ${database} RESET ${setting}`,
    'database user': `run ALTER ROLE ${role} IN DATABASE ${database} RESET ${setting}`,
  };
  const way =
    mending[String(facts.read_only_source)] ??
    `run ALTER ROLE ${role} SET ${setting} = off, or change it where the server is configured`;
  return new TidegateError(
    'TIDEGATE_POSTGRES_TABLE',
    `${setting} is on for role ${role} in database ${database}, so nothing can be written: ${way}`,
  );
}

/**
 * Tells a transaction-mode pooler by its deed: while one session has a transaction open, another
 * one must still be on the backend that it had before, and that must not be the same.
 *
 * @throws TidegateError `TIDEGATE_POSTGRES_POOLER`.
 */
export async function refusePooler(
  driver: PostgresDriver,
  first: PostgresSession,
  options: CallOptions,
): Promise<void> {
  if (driver.sessions === 'one') return;
  const before = await backendOf(first);
  const second = await driver.connect(options);
  try {
    await second.command('BEGIN');
    const other = await backendOf(second);
    const after = await backendOf(first);
    await second.command('ROLLBACK');
    second.release();
    if (other === before || after !== before) {
      throw pooled(`two sessions were seen on server process ${other === before ? before : after}`);
    }
  } catch (error) {
    second.destroy();
    throw error;
  }
}

async function backendOf(session: PostgresSession): Promise<string> {
  const { rows } = await session.query('SELECT pg_backend_pid()::text AS pid');
  return String(rows[0]?.pid);
}
