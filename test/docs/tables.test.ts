import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';

test('the tables of the pages are those that the code uses', () => {
  const script = ['--import', 'tsx', 'scripts/reference.mjs', '--check'];
  const { status, stderr } = spawnSync(process.execPath, script, { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
}, 30_000);
