// Prints how large the files and functions of src are, and fails where one is too large or does not say what it is.
//
//   npm run structure            medians, the largest, what is over the bounds, small files with one importer
//   npm run structure -- --all   every file with its lines, by folder

import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import ts from 'typescript';
import { script } from './flags.mjs';

const flags = script('structure', 'Prints how large the files and functions of src are.')
  .option('--all', 'every file with its lines, by folder', false)
  .parse()
  .opts();
/** Above the first it is listed, to be thought about; above the second it fails. */
const fileLinesListed = 250;
const maxFileLines = 300;
/** What src is to stay below: printed, not enforced. */
const sourceLinesAim = 35_000;
/** A file below this with one importer may belong into that one. */
const smallFileLines = 30;
const maxFunctionLines = 60;
/** Lists of cases or of names: nothing is easier to follow in two halves. */
const lists = [/^src\/(index|error-codes)\.ts$/, /^src\/testing\/(store-)?conformance\//];
const files = sourceFiles('src').map(measure);
const functions = files.flatMap((file) => file.functions);
const problems = [...tooLong(files, maxFileLines), ...tooLong(functions, maxFunctionLines)];
for (const { name, sentence } of files) {
  if (!isSentence(sentence))
    problems.push(`${name} does not begin with a sentence in a // comment`);
}

if (flags.all) printAll();
console.log(`${files.length} files, ${functions.length} functions`);
console.log(`${sum(files)} lines in src, aim below ${sourceLinesAim}`);
printSizes('file', files);
printSizes('function', functions);
const small = smallWithOneImporter();
console.log(`${small.length} files below ${smallFileLines} lines with one importer`);
if (flags.all) for (const { name, lines } of small) console.log(`${name} has ${lines} lines`);
for (const long of tooLong(files, fileLinesListed)) console.log(long);
for (const problem of problems) console.error(problem);
console.log(`${problems.length} problems`);
process.exitCode = problems.length > 0 ? 1 : 0;

function sourceFiles(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).replaceAll('\\', '/'))
    .sort();
}

function measure(name) {
  const text = readFileSync(name, 'utf8');
  const source = ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true);
  const own = [];
  const visit = (node) => {
    if (isFunction(node) && node.body !== undefined) own.push(measureFunction(name, source, node));
    ts.forEachChild(node, visit);
  };
  visit(source);
  const lines = text.trimEnd().split('\n').length;
  const imports = ts
    .preProcessFile(text, true, true)
    .importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
    .map(({ fileName }) => posix.join(posix.dirname(name), fileName).replace(/\.js$/, '.ts'));
  return { name, lines, functions: own, sentence: firstComment(text), imports: new Set(imports) };
}

function isFunction(node) {
  return ts.isFunctionLike(node) && 'body' in node;
}

/** Lines with code: blank lines and comments do not make a function harder to follow. */
function measureFunction(file, source, node) {
  const name = node.name?.getText(source) ?? node.parent?.name?.getText?.(source) ?? 'a function';
  const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
  const code = node.getText(source).split('\n').filter(isCode);
  return { name: `${file}:${line + 1} ${name}`, lines: code.length };
}

function isCode(line) {
  return !/^\s*($|\/\/|\/\*|\*)/.test(line);
}

/** The comment at the top, which may go on over several lines. */
function firstComment(text) {
  const lines = text.replace(/^#!.*\n/, '').split('\n');
  const end = lines.findIndex((line) => !line.startsWith('//'));
  return lines
    .slice(0, end)
    .map((line) => line.slice(2).trim())
    .join('\n');
}

/** One sentence first; a drawing or a list of terms may follow after an empty line. */
function isSentence(comment) {
  const [sentence] = comment.split('\n\n');
  return /^[A-Z0-9`].*[.?]$/s.test(sentence);
}

function tooLong(measured, maxLines) {
  return measured
    .filter(({ name, lines }) => lines > maxLines && !lists.some((list) => list.test(name)))
    .map(({ name, lines }) => `${name} has ${lines} lines, over ${maxLines}`);
}

function printSizes(kind, measured) {
  const sorted = measured.map(({ lines }) => lines).sort((left, right) => left - right);
  const largest = measured.reduce((most, one) => (one.lines > most.lines ? one : most));
  const median = sorted[Math.floor(sorted.length / 2)];
  console.log(`median ${kind}: ${median} lines; largest: ${largest.name}, ${largest.lines} lines`);
}

function printAll() {
  let folder = '';
  for (const { name, lines } of files) {
    const own = name.slice(0, name.lastIndexOf('/'));
    if (own !== folder) console.log(`\n${own}`);
    folder = own;
    console.log(`${String(lines).padStart(5)}  ${name.slice(own.length + 1)}`);
  }
  console.log('');
}

function smallWithOneImporter() {
  const importersOf = (name) => files.filter(({ imports }) => imports.has(name)).length;
  return files.filter(({ name, lines }) => lines < smallFileLines && importersOf(name) === 1);
}

function sum(measured) {
  return measured.reduce((total, { lines }) => total + lines, 0);
}
