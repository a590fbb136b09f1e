// Real processes: killed while they save, and stopped while another takes over.

import { expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const script = `
  import { killRounds, stopAndOvertake } from './scripts/store-kill-rounds.mjs';
  const library = new URL('./test/store/crash/library.ts', 'file://' + process.cwd() + '/').href;
  const sources = { library, nodeArguments: ['--import', 'tsx'] };
  const problems = [await killRounds({ ...sources, rounds: 3 }), await stopAndOvertake(sources)];
  console.log(JSON.stringify(problems.filter((problem) => problem !== undefined)));
`;

test('kill -9 during saves loses nothing, and a stopped owner that goes on is fenced', async () => {
  const run = promisify(execFile);
  const nodeArguments = ['--import', 'tsx', '--input-type=module', '--eval', script];
  const { stdout } = await run(process.execPath, nodeArguments);
  expect(JSON.parse(stdout)).toEqual([]);
}, 120_000);
