// The transaction in which a source reads: one message, and the same settings in every session.

import type { PostgresSession, QueryAnswer } from './driver.js';
import { readingSettings } from './read-values.js';
import { sqlStateOf } from './trouble.js';

/** Undefined where a column that was there is gone: dropped, or renamed. */
export async function unlessAltered(
  session: PostgresSession,
  statements: readonly string[],
): Promise<readonly QueryAnswer[] | undefined> {
  try {
    return await inOneTransaction(session, statements);
  } catch (error) {
    if (sqlStateOf(error) !== '42703') throw error;
    await session.command('ROLLBACK');
    return undefined;
  }
}

/** In one message. @returns The answers of the statements. */
export async function inOneTransaction(
  session: PostgresSession,
  statements: readonly string[],
): Promise<readonly QueryAnswer[]> {
  const first = ['BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY', ...readingSettings];
  const answers = await session.commands([...first, ...statements, 'COMMIT']);
  return answers.slice(first.length, first.length + statements.length);
}
