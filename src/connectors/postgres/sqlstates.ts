// What each SQLSTATE and errno means for the operator of a pipeline: the code of the error, and the way out.

import type { ErrorCode } from '../../errors.js';

export type Verdict = readonly [code: ErrorCode, advice: string];

const unreachableAdvice = 'Check host and port, and that the server runs';
const restartAdvice = 'The server ended the session: it is tried again';
const timeoutAdvice = 'Raise that bound for this role, or let the pool set it to 0';
const filesAdvice =
  'This process has too many open files: raise ulimit -n, or lower max of the pool';

const verdicts: Readonly<Record<string, Verdict>> = {
  '0A000': [
    'TIDEGATE_POSTGRES_TABLE',
    'A prepared transaction cannot have NOTIFY, LISTEN, temporary tables or cursors WITH HOLD, also ' +
      'in triggers, and COPY cannot write under row-level security: give the sink the durability ' +
      'last-resource, a key or a write function',
  ],
  '23503': [
    'TIDEGATE_POSTGRES_ROW',
    'A row that another sink writes is not there yet: write both tables with one sink that has a write ' +
      'function, or drop the foreign key',
  ],
  '23505': [
    'TIDEGATE_POSTGRES_ROW',
    'Give the sink that key if a record shall replace the row that is there',
  ],
  '25006': [
    'TIDEGATE_POSTGRES_TABLE',
    'The server or the role is read-only: connect to the primary, or reset default_transaction_read_only',
  ],
  '25P02': [
    'TIDEGATE_POSTGRES_FAILED',
    'A statement before it failed, and its error was caught: let the write function throw it',
  ],
  '25P03': ['TIDEGATE_POSTGRES_UNREACHABLE', timeoutAdvice],
  '25P04': ['TIDEGATE_POSTGRES_UNREACHABLE', timeoutAdvice],
  '28P01': [
    'TIDEGATE_POSTGRES_LOGIN',
    'Check user and password of the pool. After a rotation give it the new password and start again: ' +
      'what is prepared waits for it',
  ],
  '28000': ['TIDEGATE_POSTGRES_LOGIN', 'Check the role and pg_hba.conf'],
  '3D000': ['TIDEGATE_POSTGRES_LOGIN', 'Create the database, or name another one'],
  '3F000': ['TIDEGATE_POSTGRES_TABLE', 'Create the schema, or correct its name'],
  '40001': ['TIDEGATE_POSTGRES_BUSY', ''],
  '40P01': ['TIDEGATE_POSTGRES_BUSY', ''],
  '42501': [
    'TIDEGATE_POSTGRES_RIGHTS',
    'Grant the role what the message names and start again: what is prepared waits for it',
  ],
  '42601': ['TIDEGATE_POSTGRES_OPTIONS', 'Correct the statement of the write function'],
  '42804': ['TIDEGATE_POSTGRES_COLUMN', 'Give a value of the type of the column'],
  '42883': ['TIDEGATE_POSTGRES_OPTIONS', 'Create the function, or correct the statement'],
  '42P01': ['TIDEGATE_POSTGRES_TABLE', 'Create the table, or correct its name'],
  '42P10': [
    'TIDEGATE_POSTGRES_TABLE',
    'Create a unique index on exactly the columns of ON CONFLICT',
  ],
  '42703': ['TIDEGATE_POSTGRES_COLUMN', 'Correct the column, or alter the table'],
  '53100': ['TIDEGATE_POSTGRES_FAILED', 'The disk of the server is full: make room'],
  '53200': [
    'TIDEGATE_POSTGRES_BUSY',
    'The server has no place left: raise max_prepared_transactions or max_locks_per_transaction, or ' +
      'end what other programs have left in pg_prepared_xacts',
  ],
  '53300': ['TIDEGATE_POSTGRES_UNREACHABLE', 'Raise max_connections, or lower max of the pool'],
  '55006': ['TIDEGATE_POSTGRES_BUSY', ''],
  '55P03': ['TIDEGATE_POSTGRES_BUSY', 'Another transaction holds the rows or the lock'],
  '57014': [
    'TIDEGATE_POSTGRES_BUSY',
    'Somebody canceled the statement, or statement_timeout of the role is too short for it',
  ],
  '57P01': ['TIDEGATE_POSTGRES_UNREACHABLE', restartAdvice],
  '57P02': ['TIDEGATE_POSTGRES_UNREACHABLE', restartAdvice],
  '57P03': ['TIDEGATE_POSTGRES_UNREACHABLE', 'The server is starting or stopping'],
  '57P05': ['TIDEGATE_POSTGRES_UNREACHABLE', timeoutAdvice],
  EMFILE: ['TIDEGATE_POSTGRES_UNREACHABLE', filesAdvice],
  ENFILE: ['TIDEGATE_POSTGRES_UNREACHABLE', filesAdvice],
  EADDRNOTAVAIL: ['TIDEGATE_POSTGRES_UNREACHABLE', 'This machine has no free port left for it'],
};

/** @param message Of the server or of `pg`, where no state says more. */
export function classify(state: string | undefined, message: string): Verdict {
  if (state === '42501' && message.includes('row-level security')) {
    return [
      'TIDEGATE_POSTGRES_ROW',
      'A policy of the table refuses the row: change the policy, or let the role pass it by (BYPASSRLS)',
    ];
  }
  if (state !== undefined) {
    const verdict = verdicts[state];
    if (verdict !== undefined) return verdict;
    if (state === '55000') {
      // Two meanings: prepared transactions are switched off, or one is being ended right now.
      if (message.includes('disabled')) return ['TIDEGATE_POSTGRES_PREPARED_OFF', ''];
      return ['TIDEGATE_POSTGRES_BUSY', ''];
    }
    if (/^(22|23)/.test(state)) return ['TIDEGATE_POSTGRES_ROW', ''];
    if (/^(08|57P|E)/.test(state)) return ['TIDEGATE_POSTGRES_UNREACHABLE', unreachableAdvice];
  }
  return classifyText(message);
}

/** What `pg` itself says, which has no code. */
function classifyText(message: string): Verdict {
  if (message.includes('after calling end on the pool')) {
    return ['TIDEGATE_POSTGRES_OPTIONS', 'End the pool only after the run'];
  }
  if (message.includes('exceeded when trying to connect')) {
    const advice = `${unreachableAdvice}; raise connectionTimeoutMillis or max of the pool where it does`;
    return ['TIDEGATE_POSTGRES_UNREACHABLE', advice];
  }
  if (message.startsWith('SASL')) {
    return ['TIDEGATE_POSTGRES_LOGIN', 'Give the pool the password of its user, as a text'];
  }
  if (message.startsWith('Query read timeout')) {
    return ['TIDEGATE_POSTGRES_UNREACHABLE', 'Raise query_timeout of the pool, or leave it out'];
  }
  if (/connection|terminat|timeout|socket|closed/i.test(message)) {
    return ['TIDEGATE_POSTGRES_UNREACHABLE', unreachableAdvice];
  }
  return ['TIDEGATE_POSTGRES_FAILED', ''];
}
