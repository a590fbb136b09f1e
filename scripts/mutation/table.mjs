// The outcome of a mutation run as text: a row per file, the score, and what is still open.

const noticed = ['Killed', 'Timeout'];
const missed = ['Survived', 'NoCoverage'];

/** Noticed mutants in percent: none is left out, also not what the compiler would refuse. */
export function score(mutants) {
  const valid = mutants.filter(({ status }) => [...noticed, ...missed].includes(status));
  const found = valid.filter(({ status }) => noticed.includes(status));
  return valid.length === 0 ? 100 : (found.length / valid.length) * 100;
}

export function isMissed({ status }) {
  return missed.includes(status);
}

/**
 * A run that ended with an error says nothing about the tests: it must not look like a success. Code
 * that cannot be loaded with the mutant in it is another matter: that nobody can miss.
 */
export function didNotRun({ status, static: isLoaded }) {
  return status === 'CompileError' || (status === 'RuntimeError' && isLoaded !== true);
}

/** @param mutants With `file` and, where missed, `verdict`. */
export function printTable(directory, mutants, seconds) {
  const files = [...new Set(mutants.map(({ file }) => file))].sort();
  const ofFile = (name) => mutants.filter(({ file }) => file === name);
  const rows = [...files.map((file) => row(file, ofFile(file))), row(directory, mutants)];
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map((cells) => cells[column].length)),
  );
  const pad = (cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]));
  console.log();
  for (const cells of [heads, ...rows]) console.log(cells.map(pad).join('  '));
  console.log(`${directory}: ${seconds.toFixed(0)} s`);
}

/** Each mutant that was missed and has no excuse. */
export function printOpen(mutants) {
  for (const { file, location, name, status, verdict } of mutants) {
    if (verdict !== 'open') continue;
    console.log(`${status}  ${file}:${location.start.line}:${location.start.column}  ${name}`);
  }
}

const heads = [
  '',
  'mutants',
  'killed',
  'timeout',
  'survived',
  'not covered',
  'did not run',
  'left out',
  'score',
  'refused by the compiler',
  'explained',
  'open',
];

function row(name, mutants) {
  const count = (...statuses) => mutants.filter(({ status }) => statuses.includes(status)).length;
  const judged = (wanted) => mutants.filter(({ verdict }) => verdict === wanted).length;
  const cells = [
    count(...noticed, ...missed),
    count('Killed'),
    count('Timeout'),
    count('Survived'),
    count('NoCoverage'),
    count('RuntimeError', 'CompileError'),
    count('Ignored'),
    score(mutants).toFixed(2),
    judged('refused'),
    judged('explained'),
    judged('open'),
  ];
  return [name, ...cells.map(String)];
}
