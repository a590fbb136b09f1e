// The charts in the documentation are the machines that run.

import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { attemptMachine } from '../../../src/coordinator/machine/attempt-machine.js';
import { lifeMachine } from '../../../src/coordinator/machine/life-machine.js';
// @ts-expect-error The script is plain JavaScript without types.
import { stateCharts } from '../../../scripts/state-chart.mjs';

test('page and pictures of the machines are drawn from the machines as they are', async () => {
  const draw = stateCharts as (machines: object) => Promise<Readonly<Record<string, string>>>;
  const drawn = await draw({ attempt: attemptMachine, life: lifeMachine });
  expect(Object.keys(drawn)).toHaveLength(3);
  for (const [path, text] of Object.entries(drawn)) {
    expect(readFileSync(path, 'utf8')).toBe(text);
  }
});

test('a picture shows every state', () => {
  const machines = { attempt: attemptMachine, life: lifeMachine };
  for (const [name, { states }] of Object.entries(machines)) {
    const picture = readFileSync(`docs/pictures/${name}.svg`, 'utf8');
    for (const key of Object.keys(states)) expect(picture).toContain(`>${key}</text>`);
  }
});

test('a chart shows every state with its sentence', () => {
  const drawn = readFileSync('docs/state-machines.md', 'utf8');
  const states = [...Object.values(attemptMachine.states), ...Object.values(lifeMachine.states)];
  for (const { key, description } of states as readonly { key: string; description?: string }[]) {
    expect(drawn).toContain(`| \`${key}\` | ${description ?? 'undescribed'} |`);
  }
});
