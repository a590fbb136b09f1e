// What is done with a code block, by its language; a language that nobody knows is a failure.

import { existsSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { readRegion } from './regions.mjs';
import { runExample } from './room.mjs';
import { firstDifference } from './shown-output.mjs';

/**
 * How each kind of block is held to the truth. A note stands right above a block, in a comment.
 *
 * | block                          | check                                                        |
 * | ------------------------------ | ------------------------------------------------------------ |
 * | `ts`                           | a program: types checked, run in an empty directory          |
 * | `ts`, note `from: FILE#region` | equal to that part of an example, which `npm run examples` runs |
 * | `ts`, first line `// Sketch: why` | parsed, never run: the reader sees why it is no program   |
 * | `text`, note `output`          | what the program above it printed                            |
 * | `text`, note `output: FILE`    | what that example printed                                    |
 * | `text`, note `figure: what`    | a drawing, such as a directory                               |
 * | `console`                      | run by test/cli/tour.test.ts                                 |
 * | `sh`                           | each command exists                                          |
 * | `sql`                          | run in an embedded PostgreSQL                                |
 * | `json`                         | parsed; with the note `manifest` as a manifest               |
 */
export async function checkBlocks(pages, room, database) {
  const problems = [];
  const misfits = typeProblems(pages, room);
  for (const page of pages) {
    let printed;
    for (const [index, block] of page.blocks.entries()) {
      const given = { printed, misfits: misfits.get(block) ?? [] };
      const found = await checkBlock({ block, index, room, database, ...given });
      if (block.language === 'ts') printed = found.printed;
      const place = `${block.file}:${block.line}`;
      problems.push(...found.problems.map((problem) => `${place}: ${problem}`));
    }
  }
  return problems;
}

async function checkBlock({ block, index, printed, misfits, room, database }) {
  switch (block.language) {
    case 'ts':
      return checkProgram(block, index, misfits, room);
    case 'text':
      return { problems: checkText(block, printed) };
    case 'sh':
      return { problems: block.text.split('\n').flatMap(checkCommands) };
    case 'json':
      return { problems: await checkJson(block) };
    case 'sql':
      return { problems: await database.check(block.text) };
    case 'console':
      return { problems: [] };
    default:
      return { problems: [`nothing checks a block of language "${block.language}"`] };
  }
}

function checkProgram(block, index, misfits, room) {
  if (block.note.startsWith('from: ')) return { problems: checkRegion(block) };
  if (isSketch(block)) return { problems: syntaxProblems(block.text) };
  if (misfits.length > 0) return { problems: misfits };
  const { ok, output, end } = room.run(`${nameOf(block, index)}.mjs`, block.text);
  return { printed: output, problems: ok ? [] : [`ended with ${end}\n${output}`] };
}

/** What the compiler says about each program; it is asked once, because its start is slow. */
function typeProblems(pages, room) {
  const programs = new Map();
  for (const { blocks } of pages) {
    for (const [index, block] of blocks.entries()) {
      if (block.language !== 'ts' || block.note.startsWith('from: ') || isSketch(block)) continue;
      // Without an import it is no module: names of two blocks would meet.
      const text = `${block.text}\nexport {};\n`;
      programs.set(room.write(`${nameOf(block, index)}.ts`, text), block);
    }
  }
  const problems = new Map();
  for (const { file, line, message } of room.typeProblems([...programs.keys()])) {
    const block = programs.get(file);
    problems.set(block, [...(problems.get(block) ?? []), `line ${line + 1} of it: ${message}`]);
  }
  return problems;
}

function isSketch({ text }) {
  return /^\/\/ Sketch: \S/.test(text);
}

function nameOf({ file }, index) {
  return `${file.replace(/\W+/g, '-')}-${index}`;
}

function checkRegion({ text, note }) {
  const region = readRegion(note.slice('from: '.length));
  if (region.problem !== undefined) return [region.problem];
  const difference = firstDifference(text, region.text);
  return difference === undefined
    ? []
    : [`differs from ${note.slice('from: '.length)}: ${difference}`];
}

function syntaxProblems(text) {
  const { diagnostics = [] } = ts.transpileModule(text, { reportDiagnostics: true });
  return diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

const printedBy = new Map();

function checkText({ text, note }, printed) {
  if (/^figure: \S/.test(note)) return [];
  if (note === 'output') {
    if (printed === undefined) return ['no program that was run stands above it'];
    return differences(text, printed);
  }
  if (!note.startsWith('output: ')) return ['say whose output it is, or "figure: …", in a comment'];
  const file = note.slice('output: '.length);
  if (!existsSync(file)) return [`there is no file ${file}`];
  const ran = printedBy.get(file) ?? runExample(file);
  printedBy.set(file, ran);
  return ran.ok ? differences(text, ran.output) : [`${file} ended with ${ran.end}\n${ran.output}`];
}

function differences(shown, printed) {
  const difference = firstDifference(shown, printed);
  return difference === undefined ? [] : [difference];
}

/** The scripts that there are, and the few other commands that pages may name. */
function checkCommands(line) {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
  const commands = line
    .replace(/#.*/, '')
    .split('&&')
    .map((command) => command.trim());
  return commands.filter(Boolean).flatMap((command) => {
    const [program, ...words] = command.split(/\s+/);
    if (program === 'npm' && words[0] === 'run' && scripts[words[1]] !== undefined) return [];
    if (program === 'npm' && ['ci', 'test', 'install'].includes(words[0])) return [];
    if (program === 'node' && existsSync(words[0])) return [];
    return [`nothing is known of the command "${command}"`];
  });
}

async function checkJson({ text, note }) {
  try {
    JSON.parse(text);
    if (note !== 'manifest') return [];
    const { parseManifest, serializeManifest } = await import('../../dist/manifest/index.js');
    serializeManifest(parseManifest(text));
    return [];
  } catch (error) {
    return [error.message];
  }
}
