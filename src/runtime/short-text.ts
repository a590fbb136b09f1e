// Text of others on its way into a manifest or a message: one short line.

import { isTidegateError, toError } from '../errors.js';

/** What a failed status says at most; a driver's error may hold a whole statement with its rows. */
const maxLength = 200;
/** An error of ours says the way out at its end, and quotes no statement. */
const maxOwnLength = 600;

/** Without line breaks, control characters and broken pairs; what is too long ends in "…". */
export function shortText(text: string, max = maxLength): string {
  // Cut first as well: megabytes need not be searched to be thrown away.
  const line = text
    .slice(0, 4 * max)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  const isWhole = text.length <= 4 * max && line.length <= max;
  const short = isWhole ? line : `${line.slice(0, max - 1)}…`;
  return short.replace(/\p{Cs}/gu, '\uFFFD');
}

/** What was thrown, for the message of another error. */
export function shortReason(thrown: unknown): string {
  return shortText(toError(thrown).message, isTidegateError(thrown) ? maxOwnLength : maxLength);
}

/** An error as such a line, with what a program knows it by in front. */
export function shortMessage(error: Error): string {
  const { code } = error as { readonly code?: unknown };
  return shortText(`${typeof code === 'string' ? code : error.name}: ${error.message}`);
}
