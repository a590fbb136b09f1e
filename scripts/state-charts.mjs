// Draws docs/state-machines.md from the built machines; `--check` only says whether it is current.

import { readFileSync, writeFileSync } from 'node:fs';
import { attemptMachine } from '../dist/coordinator/machine/attempt-machine.js';
import { lifeMachine } from '../dist/coordinator/machine/life-machine.js';
import { stateCharts } from './state-chart.mjs';

const target = 'docs/state-machines.md';
const drawn = stateCharts({ attempt: attemptMachine, life: lifeMachine });
if (!process.argv.includes('--check')) writeFileSync(target, drawn);
else if (readFileSync(target, 'utf8') !== drawn) {
  console.error(`${target} is not what the machines say. Run: node scripts/state-charts.mjs`);
  process.exit(1);
}
