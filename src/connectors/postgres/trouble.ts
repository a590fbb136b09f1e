// What PostgreSQL threw, as an error of tidegate: which kind it is, without secrets and row content.

import { isTidegateError, TidegateError, toError } from '../../errors.js';
import { classify } from './sqlstates.js';

/** The SQLSTATE of what a driver threw (`42704` …), or a socket's errno; undefined without one. */
export function sqlStateOf(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}

/**
 * @param what What was being done, as the beginning of a sentence: `preparing sink totals`.
 * @returns An error whose message and cause name no password and no value of a record. Errors of
 * tidegate pass unchanged.
 */
export function toTrouble(thrown: unknown, what: string): Error {
  if (isTidegateError(thrown)) return thrown;
  const error = toError(thrown);
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return error;
  const state = sqlStateOf(thrown);
  const [code, advice] = classify(state, error.message);
  const cause = withoutSecrets(error, state);
  const message = [`${what}: ${cause.message}`, ...(advice === '' ? [] : [advice])].join('. ');
  return new TidegateError(code, message, {
    cause,
    details: { ...(state === undefined ? {} : { sqlState: state }) },
  });
}

/** Only these fields of the server's answer are names; the others quote rows. */
const plainFields = ['code', 'severity', 'schema', 'table', 'column', 'constraint'] as const;

function withoutSecrets(error: Error, state: string | undefined): Error {
  const copy = new Error(safeMessage(error, state));
  copy.name = error.name;
  for (const field of plainFields) {
    const value = (error as unknown as Readonly<Record<string, unknown>>)[field];
    if (typeof value === 'string') Object.assign(copy, { [field]: value });
  }
  return copy;
}

/**
 * What is reported of a server's message. It quotes values in the quotes of its language, or says whatever
 * a trigger made of a row: then only the SQLSTATE and names are reported.
 */
function safeMessage(error: Error, state: string | undefined): string {
  // A failed lookup or connect to several addresses has no message of its own.
  if (error instanceof AggregateError)
    return error.errors.map((one) => toError(one).message).join('; ');
  if (isAboutRows(state)) return `${rowProblem(error, state)} (SQLSTATE ${state})`;
  // pg itself hides the password in a connection string that it cannot parse; be sure.
  return error.message.replace(/(\w+:\/\/[^\s:@/]*):[^\s@]*@/g, '$1:***@');
}

/** Classes of PostgreSQL's own errors that name objects, settings and the connection only. */
const plainClasses = ['08', '0A', '21', '25', '26', '28', '2B', '2D', '34', '3B', '3D', '3F', '40'];
const serverClasses = ['42', '44', '53', '54', '55', '57', '58', 'F0', 'XX'];

function isAboutRows(state: string | undefined): state is string {
  // An errno (`ECONNREFUSED`) is no SQLSTATE: that is five letters and digits.
  if (state === undefined || !/^[0-9A-Z]{5}$/.test(state) || /^E[A-Z]+$/.test(state)) return false;
  return ![...plainClasses, ...serverClasses].includes(state.slice(0, 2));
}

function rowProblem(error: Error, state: string): string {
  switch (state.slice(0, 2)) {
    case '22':
      return `a value does not fit ${columnIn(error)}`;
    case '23':
      return `a row breaks ${ruleIn(error)}${rules[state] ?? ''}`;
    default:
      return 'a trigger or function refused what was written: its message is in the log of the server';
  }
}

/** Anchored: behind the name of the column stands the value, which may look like one. */
function columnIn(error: Error): string {
  const { where } = error as { readonly where?: unknown };
  const text = typeof where === 'string' ? where : '';
  const [, column] = /^COPY [^,:]+, line \d+, column ([^:]+):/.exec(text) ?? [];
  return column === undefined ? 'its column' : `column ${column}`;
}

const rules: Readonly<Record<string, string>> = {
  '23502': ', which takes no NULL',
  '23503': ', which wants a row in another table',
  '23505': ', which keeps a key unique',
  '23514': ', which checks values',
};

function ruleIn(error: Error): string {
  const { constraint, column, table } = error as unknown as Readonly<Record<string, unknown>>;
  const of = typeof table === 'string' ? ` of table ${table}` : '';
  if (typeof constraint === 'string') return `constraint ${constraint}${of}`;
  return typeof column === 'string' ? `column ${column}${of}` : `a constraint${of}`;
}
