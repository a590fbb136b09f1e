// Which server answers: the number that initdb gave it, which copies of its files share and a dump does not.

import type { PostgresSession } from './driver.js';
import { sqlStateOf } from './trouble.js';

/**
 * The server's `system_identifier`; undefined where the role may not read it. Everybody may, unless
 * somebody has revoked it.
 */
export async function readServerIdentity(session: PostgresSession): Promise<string | undefined> {
  try {
    const { rows } = await session.query(
      'SELECT system_identifier::text AS identity FROM pg_control_system()',
    );
    return String(rows[0]?.identity);
  } catch (error) {
    if (sqlStateOf(error) !== '42501') throw error;
    return undefined;
  }
}
