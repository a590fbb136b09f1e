// Runs the benchmarks and prints their tables, with the machine that they ran on.
//
//   npm run bench                                   all of them
//   npm run bench manifest                          one of them
//   npm run bench -- --quick                        seconds each: shows that they run, not how fast
//   npm run bench -- --write docs/performance.md    also puts the tables into that page

import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release } from 'node:os';
import { format, resolveConfig } from 'prettier';
import { requireKnown, script } from './flags.mjs';

const begin = '<!-- benchmarks: begin, written by scripts/bench.mjs -->';
const end = '<!-- benchmarks: end -->';

const all = readdirSync('bench')
  .filter((name) => name.endsWith('.bench.ts'))
  .map((name) => name.replace('.bench.ts', ''))
  .sort();
const program = script('bench', 'Runs the benchmarks and prints their tables, with the machine.')
  .argument('[name...]', `any of ${all.join(', ')}`)
  .option('--quick', 'seconds each: shows that they run, not how fast', false)
  .option('--write <page>', 'also puts the tables into that page')
  .parse();
const [chosen] = program.processedArgs;
const values = program.opts();
requireKnown('benchmark', chosen, all);
if (!existsSync('dist/index.js')) {
  console.error(
    'The benchmarks measure the built package in dist/, which is not there. Run: npm run build',
  );
  process.exit(1);
}

if (values.write !== undefined && (values.quick || chosen.length > 0)) {
  console.error('A page is written from all benchmarks at their full length: leave the rest out');
  process.exit(64);
}

const machine = describeMachine();
console.log(machine);
const sections = [];
for (const name of chosen.length > 0 ? chosen : all) {
  console.log(`\n## ${name}\n`);
  sections.push(`### ${name}\n\n${await run(name)}`);
}
if (values.write !== undefined) await writeInto(values.write);

/** What the benchmark prints, shown while it is printed. */
function run(name) {
  const flags = ['--expose-gc', '--import', 'tsx', `bench/${name}.bench.ts`];
  const child = spawn(process.execPath, [...flags, ...(values.quick ? ['--quick'] : [])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
    process.stdout.write(text);
  });
  return new Promise((resolve) => {
    child.once('close', (status, signal) => {
      if (status === 0) return resolve(output.trim());
      console.error(`${name} ended with ${signal ?? `exit status ${status}`}`);
      process.exit(1);
    });
  });
}

/** The load before anything ran: other work on the machine makes every figure worse. */
function describeMachine() {
  const [load = 0] = loadavg();
  const model = cpus()[0]?.model ?? 'unknown processor';
  const cores = availableParallelism();
  return `Node ${process.version}, ${process.platform} ${release().split('-')[0]}, ${cores} x ${model}, load ${load.toFixed(1)}`;
}

/** Keeps the prose and replaces what is between the two marks. */
async function writeInto(path) {
  const text = readFileSync(path, 'utf8');
  const [before, rest] = text.split(begin);
  const after = rest?.split(end)[1];
  if (after === undefined) throw new Error(`${path} has lost its marks: ${begin} and ${end}`);
  const day = new Date().toISOString().slice(0, 10);
  const tables = `Measured on ${day}: ${machine}.\n\n${sections.join('\n\n')}`;
  const config = await resolveConfig(path);
  const page = `${before}${begin}\n\n${tables}\n\n${end}${after}`;
  writeFileSync(path, await format(page, { ...config, parser: 'markdown' }));
}
