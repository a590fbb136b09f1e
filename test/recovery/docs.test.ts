import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';

test('the documented recovery table is the one that the code uses', () => {
  const script = ['--import', 'tsx', 'scripts/recovery-table.mjs', '--check'];
  const { status, stderr } = spawnSync(process.execPath, script, { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
}, 30_000);
