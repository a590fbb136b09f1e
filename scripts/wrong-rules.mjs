// Shows that the simulation catches wrong rules: each is swapped in, and has to break a promise.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { positive, script } from './flags.mjs';
import { root, simulationFolders, transpile } from './transpile.mjs';
import { wrongRules } from './wrong-rules/rules.mjs';

const values = script('wrong-rules', 'Swaps in wrong rules; the simulation has to catch each.')
  .option('--only <text>', 'those whose name has this in it', '')
  .option('--stale', 'tries none, and says which do not fit the code', false)
  .option('--seconds <count>', 'how long each is tried', positive, 120)
  .parse()
  .opts();
const chosen = wrongRules.filter(({ name }) => name.includes(values.only));
if (chosen.length === 0) {
  const names = wrongRules.map(({ name }) => `  ${name}`).join('\n');
  console.error(`No wrong rule has "${values.only}" in its name. They are:\n${names}`);
  process.exit(64);
}
if (values.stale) {
  const stale = chosen.flatMap(({ name, changes }) =>
    changes
      .filter(([file, from]) => read(file).split(from).length !== 2)
      .map(([file, from]) => `${name}: src/${file} has not (once): ${from}`),
  );
  console.log(stale.length === 0 ? `${chosen.length} wrong rules fit the code` : stale.join('\n'));
  process.exit(stale.length === 0 ? 0 : 1);
}
const missed = [];

for (const { name, changes, mixes = /./, first, second, isSinkSuite = false } of chosen) {
  const { runs, caught, problem } = hunt();
  if (caught === undefined) missed.push(name);
  console.log(
    `\n${caught === undefined ? 'NOT CAUGHT' : 'caught'}: ${name} (${runs ?? 0} schedules)`,
  );
  console.log(caught ?? problem ?? 'no schedule that was tried has shown it');

  function hunt() {
    const left = new Set(changes);
    const directory = transpile('wrong-rule', {
      folders: simulationFolders,
      change: (path, text) => {
        for (const change of changes) {
          const [file, from, to] = change;
          if (`src/${file}` !== path) continue;
          if (text.split(from).length !== 2) continue;
          text = text.replace(from, () => to);
          left.delete(change);
        }
        return text;
      },
    });
    if (left.size > 0) {
      const texts = [...left].map(([file, from]) => `${file}: ${from}`);
      return {
        problem: `the code has changed, this is not there (once) any more:\n${texts.join('\n')}`,
      };
    }
    const hunter = join(root, 'scripts/wrong-rules/hunt.mjs');
    const patterns = [mixes, first, second].map((pattern) => pattern?.source ?? '');
    const search = [...patterns, String(isSinkSuite)];
    const run = spawnSync(
      process.execPath,
      [hunter, directory, String(values.seconds), ...search],
      {
        encoding: 'utf8',
        maxBuffer: 64 * 1024 * 1024,
      },
    );
    if (run.status !== 0) return { problem: run.stderr.slice(0, 2_000) };
    return JSON.parse(run.stdout.trim().split('\n').at(-1));
  }
}

console.log(`\n${chosen.length - missed.length} wrong rules caught, ${missed.length} not caught`);
process.exitCode = missed.length > 0 ? 1 : 0;

function read(file) {
  const path = join(root, 'src', file);
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
