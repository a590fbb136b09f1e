// The titles of the tests in a file, as they are written: also those of a suite that users run.

import { readFileSync } from 'node:fs';
import ts from 'typescript';

const known = new Map();

/** @returns {Set<string>} */
export function titlesOf(file) {
  const found = known.get(file) ?? readTitles(file);
  known.set(file, found);
  return found;
}

function readTitles(file) {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest);
  const titles = new Set();
  const visit = (node) => {
    const title = titleOf(node);
    if (title !== undefined) titles.add(title.replaceAll('`', ''));
    ts.forEachChild(node, visit);
  };
  visit(source);
  return titles;
}

/** `test('…')`, `test.each(…)('…')`, and `title: '…'` of a case in a list. */
function titleOf(node) {
  if (ts.isPropertyAssignment(node) && node.name.text === 'title') return textOf(node.initializer);
  if (!ts.isCallExpression(node) || !isTest(node.expression)) return undefined;
  return textOf(node.arguments[0]);
}

function isTest(callee) {
  if (ts.isIdentifier(callee)) return ['test', 'it', 'describe'].includes(callee.text);
  if (ts.isPropertyAccessExpression(callee)) return isTest(callee.expression);
  return ts.isCallExpression(callee) && isTest(callee.expression);
}

function textOf(node) {
  if (node === undefined) return undefined;
  return ts.isStringLiteralLike(node) ? node.text : undefined;
}
