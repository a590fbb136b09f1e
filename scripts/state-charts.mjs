// Draws docs/state-machines.md and its pictures from the built machines; `--check` only compares.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { attemptMachine } from '../dist/coordinator/checkpoint/machine.js';
import { lifeMachine } from '../dist/coordinator/lifecycle/machine.js';
import { stateCharts } from './state-chart.mjs';

const drawn = await stateCharts({ attempt: attemptMachine, life: lifeMachine });
for (const [path, text] of Object.entries(drawn)) {
  if (process.argv.includes('--check')) {
    if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
    console.error(`${path} is not what the machines say. Run: node scripts/state-charts.mjs`);
    process.exitCode = 1;
  } else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}
