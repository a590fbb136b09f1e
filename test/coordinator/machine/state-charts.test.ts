// The charts in the documentation are the machines that run.

import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { attemptMachine } from '../../../src/coordinator/machine/attempt-machine.js';
import { lifeMachine } from '../../../src/coordinator/machine/life-machine.js';
// @ts-expect-error The script is plain JavaScript without types.
import { stateCharts } from '../../../scripts/state-chart.mjs';

test('docs/state-machines.md is drawn from the machines as they are', () => {
  const draw = stateCharts as (machines: object) => string;
  const drawn = draw({ attempt: attemptMachine, life: lifeMachine });
  expect(readFileSync('docs/state-machines.md', 'utf8')).toBe(drawn);
});

test('a chart shows every state with its sentence', () => {
  const drawn = readFileSync('docs/state-machines.md', 'utf8');
  const states = [...Object.values(attemptMachine.states), ...Object.values(lifeMachine.states)];
  for (const { key, description } of states as readonly { key: string; description?: string }[]) {
    expect(drawn).toContain(`| \`${key}\` | ${description ?? 'undescribed'} |`);
  }
});
