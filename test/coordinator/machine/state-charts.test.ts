// The charts in the documentation are the machines that run.

import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { attemptMachine } from '../../../src/coordinator/checkpoint/machine.js';
import { lifeMachine } from '../../../src/coordinator/lifecycle/machine.js';
// @ts-expect-error The script is plain JavaScript without types.
import { innermost, stateCharts } from '../../../scripts/state-chart.mjs';

interface Described {
  readonly key: string;
  readonly description?: string;
}

const statesOf = innermost as (machine: object) => readonly Described[];

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
  for (const [name, machine] of Object.entries(machines)) {
    const picture = readFileSync(`docs/pictures/${name}.svg`, 'utf8');
    for (const { key } of statesOf(machine)) expect(picture).toContain(`>${key}</text>`);
  }
});

test('a chart shows every state with its sentence', () => {
  const drawn = readFileSync('docs/state-machines.md', 'utf8');
  for (const { key, description } of [...statesOf(attemptMachine), ...statesOf(lifeMachine)]) {
    expect(drawn).toContain(`| \`${key}\` | ${description ?? 'undescribed'} |`);
  }
});
