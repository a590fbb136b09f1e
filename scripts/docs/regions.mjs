// Parts of example files that pages show: `// #region name` to `// #endregion`, or a whole file.

import { existsSync, readFileSync } from 'node:fs';

/** @returns {{ text: string } | { problem: string }} */
export function readRegion(reference) {
  const [file, region] = reference.split('#');
  if (!existsSync(file)) return { problem: `there is no file ${file}` };
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  if (region === undefined) return { text: withoutMarks(lines).join('\n') };
  const begin = lines.findIndex((line) => line.trim() === `// #region ${region}`);
  if (begin === -1) return { problem: `${file} has no region ${region}` };
  const length = lines
    .slice(begin + 1)
    .findIndex((line) => line.trim() === `// #endregion ${region}`);
  if (length === -1) return { problem: `region ${region} of ${file} has no end` };
  return { text: withoutMarks(outdented(lines.slice(begin + 1, begin + 1 + length))).join('\n') };
}

function withoutMarks(lines) {
  return lines.filter((line) => !/^\s*\/\/ #(end)?region\b/.test(line));
}

function outdented(lines) {
  const depths = lines.filter((line) => line !== '').map((line) => /^ */.exec(line)[0].length);
  return lines.map((line) => line.slice(Math.min(...depths)));
}
