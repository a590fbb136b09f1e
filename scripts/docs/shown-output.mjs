// Compares what a page shows with what a program printed; `…` stands for what differs each time.

/** @returns {string | undefined} The first line that differs, undefined when all is as shown. */
export function firstDifference(shown, printed) {
  const [left, right] = [linesOf(shown), linesOf(printed)];
  if (fits(left, right)) return undefined;
  const index = left.findIndex((line, at) => right[at] === undefined || !lineFits(line, right[at]));
  const at = index === -1 ? left.length : index;
  return `shows ${quote(left[at])} where ${quote(right[at])} is printed\n${printed}`;
}

/** A line that is nothing but `…` stands for any number of lines. */
function fits(shown, printed) {
  const [line, ...rest] = shown;
  if (line === undefined) return printed.length === 0;
  if (line.trim() !== '…') {
    return printed.length > 0 && lineFits(line, printed[0]) && fits(rest, printed.slice(1));
  }
  return Array.from({ length: printed.length + 1 }, (_, at) => at).some((at) =>
    fits(rest, printed.slice(at)),
  );
}

function lineFits(shown, printed) {
  const parts = shown.trimEnd().split('…').map(escapeForRegExp);
  return new RegExp(`^${parts.join('.*')}$`).test(printed.trimEnd());
}

function escapeForRegExp(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function linesOf(text) {
  return text.trimEnd().split('\n');
}

function quote(line) {
  return line === undefined ? 'the end' : JSON.stringify(line);
}
