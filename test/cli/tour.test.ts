// The sessions that pages show as `console` blocks, run line by line: they show what is printed.

import { afterAll, expect, jest, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { Installed, Scratch, tourPorts } from './kit.js';
import { makeCrashedProject } from './project.js';

const scratch = new Scratch();
// Processes are started, and other tests may need the machine meanwhile.
jest.setTimeout(120_000);
afterAll(() => scratch.remove());

const pages = ['README.md', ...readdirSync('docs').map((name) => `docs/${name}`)]
  .filter((name) => name.endsWith('.md'))
  .filter((page) => stepsOf(readFileSync(page, 'utf8')).length > 0);

test('the README and the page of the command line show sessions', () => {
  expect(pages).toEqual(expect.arrayContaining(['README.md', 'docs/cli.md']));
});

test.each(pages)('every command of the sessions in %s prints what the page says', async (page) => {
  const cli = new Installed();
  const directory = scratch.directory();
  await makeCrashedProject(directory, cli.room, tourPorts());
  const steps = stepsOf(readFileSync(page, 'utf8'));
  const seen: Step[] = [];
  for (const { line } of steps) {
    const { stdout, stderr } = await cli.shell(`{ ${line}; } 2>&1`, { cwd: directory });
    seen.push({ line, output: (stdout + stderr).trimEnd() });
  }
  expect(seen.map(withoutTime)).toEqual(steps.map(withoutTime));
});

interface Step {
  readonly line: string;
  readonly output: string;
}

function stepsOf(text: string): readonly Step[] {
  const blocks = [...text.matchAll(/```console\n(.*?)```/gs)].map(([, block]) => block ?? '');
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .filter((step) => step !== '')
      .map((step) => {
        const [line = '', ...output] = step.split('\n');
        return { line, output: output.join('\n').trimEnd() };
      }),
  );
}

/** Ages grow and machines differ; columns move with them. */
function withoutTime({ line, output }: Step): Step {
  const steady = output
    .replace(/\d+ (d|h|min)\b/g, 'AGE')
    .replace(/, \d+\.\d s:/g, ', TIME:')
    .replace(/ +/g, ' ');
  return { line, output: steady };
}
