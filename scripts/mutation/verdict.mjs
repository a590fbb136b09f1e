// What is to be thought of a mutant that no test noticed.

import { relative } from 'node:path';
import { around, Compiler } from './compiler.mjs';
import { explained } from './explained.mjs';
import { isMissed } from './table.mjs';

/** Adds to each mutant its file and name, and to each that was missed a verdict. */
export function judge(mutants) {
  const compiler = new Compiler();
  return mutants.map((mutant) => {
    const file = relative(process.cwd(), mutant.fileName);
    const { original } = around(file, mutant.location);
    const name = `${oneLine(original)} → ${oneLine(mutant.replacement)}`;
    return { ...mutant, file, name, verdict: verdictOf({ ...mutant, file, name }, compiler) };
  });
}

/** Explanations that no mutant of these files needs any more; one left out of the run may. */
export function staleExplanations(mutants) {
  const files = new Set(mutants.map(({ file }) => file));
  const used = new Set(
    mutants
      .filter(({ verdict, status }) => verdict === 'explained' || status === 'Ignored')
      .map(({ file, name }) => file + name),
  );
  return explained
    .filter(({ file }) => files.has(file))
    .flatMap(({ file, mutants: names }) => names.map((name) => ({ file, name })))
    .filter(({ file, name }) => !used.has(file + name));
}

function verdictOf(mutant, compiler) {
  if (!isMissed(mutant)) return undefined;
  const isExplained = explained.some(
    ({ file, mutants }) => file === mutant.file && mutants.includes(mutant.name),
  );
  if (isExplained) return 'explained';
  return compiler.refuses(mutant) ? 'refused' : 'open';
}

function oneLine(text = '') {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length <= 100 ? line : `${line.slice(0, 99)}…`;
}
