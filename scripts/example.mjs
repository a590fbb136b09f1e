// Runs one example by its number, or all of them: `npm run example 01`, `npm run examples`.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';

if (!existsSync('dist/index.js')) {
  console.error('The examples import tidegate from dist/, which is not there. Run: npm run build');
  process.exit(1);
}

const wanted = process.argv[2];
const all = readdirSync('examples')
  .filter((name) => /^\d\d-.*\.ts$/.test(name))
  .sort();
const chosen =
  wanted === 'all' ? all : all.filter((name) => wanted && name.startsWith(`${wanted}-`));
if (chosen.length === 0) {
  const list = all.map((name) => `  npm run example ${name.slice(0, 2)}   ${name}`).join('\n');
  console.error(
    wanted
      ? `There is no example ${wanted}. The examples are:\n${list}`
      : `The examples are:\n${list}`,
  );
  process.exit(64);
}

for (const name of chosen) {
  if (chosen.length > 1) console.log(`\n== ${name}`);
  const run = spawnSync(process.execPath, ['--import', 'tsx', `examples/${name}`], {
    stdio: 'inherit',
  });
  if (run.status !== 0) {
    console.error(`${name} ended with ${run.signal ?? `exit status ${run.status}`}`);
    process.exit(run.status ?? 1);
  }
}
