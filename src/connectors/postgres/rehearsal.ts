// The statement of a sink, run once for no rows and taken back: what it refuses is known before the first record.

import type { PostgresSession } from './driver.js';
import type { RecordBuffer } from './records.js';
import { sqlStateOf } from './trouble.js';

/** A table that is locked just now says nothing of itself. */
const lockTimeout = '1s';

/**
 * Finds what only the server knows: rights, policies, triggers for a statement that raise.
 *
 * @throws What the server says.
 */
export async function rehearse(
  session: PostgresSession,
  buffer: RecordBuffer<never>,
): Promise<void> {
  const begin = [
    'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE',
    `SET LOCAL lock_timeout = '${lockTimeout}'`,
  ];
  try {
    const sender = buffer.sender(session, begin);
    await sender.send({ byteLength: 0, content: Buffer.alloc(0) });
    await sender.end();
  } catch (error) {
    if (sqlStateOf(error) !== '55P03') throw error;
  }
  await session.command('ROLLBACK');
}
