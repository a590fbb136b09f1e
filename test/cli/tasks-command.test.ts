// `tidegate tasks`: the stores of tasks in one directory, run as a person runs it.

import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { OwnedStore } from 'tidegate/extend';
import { inDoubt, Installed, openStore, Scratch, writeStore } from './kit.js';

let cli: Installed;
let directory: string;
let owned: OwnedStore;
const scratch = new Scratch();
jest.setTimeout(60_000);

beforeAll(async () => {
  cli = new Installed();
  directory = scratch.directory();
  await writeStore(join(directory, 'orders#10'), [{ epoch: 1 }, { epoch: 2, change: inDoubt }]);
  await writeStore(join(directory, 'orders#2'), [{ epoch: 1 }]);
  owned = await openStore(join(directory, 'orders#2'));
  mkdirSync(join(directory, 'orders#11'));
  mkdirSync(join(directory, 'archive'));
  writeFileSync(join(directory, 'note#1'), 'a file');
}, 120_000);
afterAll(async () => {
  await owned.close();
  scratch.remove();
});

describe('tidegate tasks', () => {
  test('shows each task in its order: owner, generation, newest complete checkpoint, in doubt', async () => {
    const { code, stdout, stderr } = await cli.run(['tasks', '--store', directory]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const rows = stdout.trimEnd().split('\n');
    expect(rows[0]).toMatch(/^TASK +OWNER +GENERATION +COMPLETE +AGE +IN DOUBT$/);
    expect(rows[1]).toMatch(
      new RegExp(`^orders#2 +${process.pid} on ${hostname()} +2 +16777217 +\\d+ d +none$`),
    );
    expect(rows[2]).toMatch(/^orders#10 +none +1 +16777217 +\d+ d +16777218$/);
    expect(rows[3]).toMatch(/^orders#11 +none +- +- +- +none$/);
    expect(rows).toHaveLength(4);
  });

  test('gives the same facts as one document', async () => {
    const { stdout } = await cli.run(['tasks', '--json', '-s', directory]);
    expect(JSON.parse(stdout)).toMatchObject({
      store: directory,
      tasks: [
        {
          task: 'orders#2',
          owner: { pid: process.pid, host: hostname(), liveness: 'running' },
          generation: 2,
          complete: { id: 16_777_217, epoch: 1 },
          inDoubt: [],
        },
        { task: 'orders#10', generation: 1, inDoubt: [16_777_218] },
        { task: 'orders#11', inDoubt: [] },
      ],
    });
  });

  test('a store that cannot be read is named, hides no other, and the answer is bad news', async () => {
    const broken = scratch.directory();
    await writeStore(join(broken, 'orders#1'), [{ epoch: 1 }]);
    mkdirSync(join(broken, 'orders#0'));
    writeFileSync(join(broken, 'orders#0', 'tidegate'), 'no directory');
    const { code, stdout } = await cli.run(['tasks', '-s', broken]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^orders#0 .*is not a directory/m);
    expect(stdout).toMatch(/^orders#1 +none +1 +16777217/m);
  });

  test('a directory without any is refused with the way out', async () => {
    const { code, stderr } = await cli.run(['tasks', '-s', scratch.directory()]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/there are no stores of tasks in .*orders#3/s);
  });
});
