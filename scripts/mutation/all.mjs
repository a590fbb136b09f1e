// The three kinds of mutations, one after the other; fails when one of them does.

import { spawnSync } from 'node:child_process';
import { script } from '../flags.mjs';

script('mutation -- all', 'Runs known, store and survivors, one after the other.').parse();
// The child ends first and says how; this process only passes it on.
process.on('SIGINT', () => undefined);
let exitCode = 0;
for (const kind of ['known', 'store', 'survivors']) {
  console.log(`\n${kind}`);
  const { status, signal } = spawnSync(process.execPath, ['scripts/mutation.mjs', kind], {
    stdio: 'inherit',
  });
  if (signal !== null || status === 130) process.exit(130);
  if (status !== 0) exitCode = 1;
}
process.exitCode = exitCode;
