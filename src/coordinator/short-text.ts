// Text of others on its way into a manifest or a message: one short line.

/** What a failed status says at most; a driver's error may hold a whole statement with its rows. */
const lengthMax = 200;

/** Without line breaks, control characters and broken pairs; what is too long ends in "…". */
export function shortText(text: string): string {
  // Cut first as well: nobody reads megabytes to throw them away.
  const line = text
    .slice(0, 4 * lengthMax)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  const isWhole = text.length <= 4 * lengthMax && line.length <= lengthMax;
  const short = isWhole ? line : `${line.slice(0, lengthMax - 1)}…`;
  return short.replace(/\p{Cs}/gu, '\uFFFD');
}

/** An error as such a line, with what a program knows it by in front. */
export function shortMessage(error: Error): string {
  const { code } = error as { readonly code?: unknown };
  return shortText(`${typeof code === 'string' ? code : error.name}: ${error.message}`);
}
