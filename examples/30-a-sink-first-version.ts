// What the conformance suite says of a sink that was written without thinking of crashes.

import { AssertionError } from 'node:assert';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { twoPhaseSinkCases } from 'tidegate/testing';
import { firstVersion } from './sink/first-version.js';

const record = (number: number): { readonly id: number } => ({ id: number });

let broken = 0;
const cases = twoPhaseSinkCases<{ readonly id: number }>().filter(
  ({ only }) => only === undefined || only.includes('durable'),
);
for (const { title, run } of cases) {
  const directory = mkdtempSync(join(tmpdir(), 'tidegate-sink-'));
  const connect = () => firstVersion<{ readonly id: number }>(directory);
  try {
    await run({ system: { connect, visible: () => visibleIn(directory) }, record });
  } catch (error) {
    broken += 1;
    console.log(`${title}\n    ${asLine(error)}`);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
console.log(`${broken} of ${cases.length} cases are broken`);

/** An assertion's own words, with what it compared. */
function asLine(error: unknown): string {
  const [words] = (error as Error).message.split('\n');
  if (!(error instanceof AssertionError) || !words?.endsWith(':')) return words ?? '';
  const wanted = error.operator.startsWith('not') ? '' : `, not ${inspect(error.expected)}`;
  return `${words} ${inspect(error.actual)}${wanted}`;
}

function visibleIn(directory: string): readonly { readonly id: number }[] {
  return readdirSync(directory)
    .sort()
    .flatMap((name) => JSON.parse(readFileSync(join(directory, name), 'utf8')) as []);
}
