// Runs the benchmarks and prints their tables: `npm run bench`, or `npm run bench manifest` for one of them.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { cpus, release } from 'node:os';

if (!existsSync('dist/index.js')) {
  console.error(
    'The benchmarks measure the built package in dist/, which is not there. Run: npm run build',
  );
  process.exit(1);
}

const all = readdirSync('bench')
  .filter((name) => name.endsWith('.bench.ts'))
  .map((name) => name.replace('.bench.ts', ''))
  .sort();
const [wanted, ...rest] = process.argv.slice(2);
const chosen = wanted ? all.filter((name) => name === wanted) : all;
if (chosen.length === 0) {
  console.error(`There is no benchmark ${wanted}. The benchmarks are: ${all.join(', ')}`);
  process.exit(64);
}

console.log(
  `Node ${process.version}, Linux ${release()}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}`,
);
for (const name of chosen) {
  console.log(`\n## ${name}`);
  const run = spawnSync(
    process.execPath,
    ['--expose-gc', '--import', 'tsx', `bench/${name}.bench.ts`, ...rest],
    { stdio: 'inherit' },
  );
  if (run.status !== 0) process.exit(run.status ?? 1);
}
