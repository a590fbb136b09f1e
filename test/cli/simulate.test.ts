// simulate with a user's build(world): clean, broken, replayed, and asked for what is not there.

import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Installed, Scratch } from './kit.js';

let cli: Installed;
let directory: string;
const scratch = new Scratch();
// Processes are started, and other tests may need the machine meanwhile.
jest.setTimeout(60_000);

beforeAll(() => {
  cli = new Installed();
  directory = scratch.directory();
  mkdirSync(join(directory, 'node_modules'));
  symlinkSync(cli.room, join(directory, 'node_modules', 'tidegate'));
  const fixtures = fileURLToPath(new URL('fixtures', import.meta.url));
  cpSync(fixtures, directory, { recursive: true });
}, 120_000);
afterAll(() => scratch.remove());

const kills = ['--faults', 'kill-after', '--schedules', '25'];

test('a pipeline that keeps its promise has no violation, and the rows of recovery are counted', async () => {
  const ran = await cli.run(['simulate', 'orders-build.mjs', ...kills], { cwd: directory });
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  expect(ran.stdout).toMatch(/^\d+ schedules over \d+ points, seed 1, \d+\.\d s: no violation\n/);
  expect(ran.stdout).toMatch(/recovery, row 11: \d+ times? \(/);
});

test('a mistake is found, and the test that shows it is printed', async () => {
  const ran = await cli.run(['simulate', 'broken-build.mjs', ...kills], { cwd: directory });
  expect(ran.code).toBe(1);
  expect(ran.stdout).toMatch(/^violation after kill-/);
  expect(ran.stdout).toContain('const result = await replaySchedule(build');
  expect(ran.stdout).toContain('1 violation');
});

test('a schedule that was printed can be replayed, on the broken and on the mended pipeline', async () => {
  const args = ['simulate', 'broken-build.mjs', ...kills, '--json'];
  const { stdout } = await cli.run(args, { cwd: directory });
  const { violations } = JSON.parse(stdout) as { violations: { schedule: string[] }[] };
  const schedule = violations[0]!.schedule;
  const replay = ['--replay', ...schedule, '--json'];
  const broken = await cli.run(['simulate', 'broken-build.mjs', ...replay], { cwd: directory });
  expect(broken.code).toBe(1);
  expect(JSON.parse(broken.stdout)).toMatchObject({ ending: 'completed' });
});

test('records can come from a file, a JSON value a line', async () => {
  const file = join(directory, 'records.jsonl');
  writeFileSync(file, '{"account":"ann","amount":1}\n\n{"account":"bob","amount":2}\n');
  const few = ['--faults', 'kill-after', '--input', file, '--json', '--schedules', '5'];
  const ran = await cli.run(['simulate', 'orders-build.mjs', ...few], { cwd: directory });
  expect(ran.code).toBe(0);
  expect(JSON.parse(ran.stdout)).toMatchObject({ seed: 1, violations: [] });
  writeFileSync(file, '{"account":"ann","amount":1}\n{"account"\n');
  const bad = await cli.run(['simulate', 'orders-build.mjs', ...few], { cwd: directory });
  expect(bad).toMatchObject({ code: 2, stdout: '' });
  expect(bad.stderr).toContain('line 2');
});

test('a module without build or input, and a fault that does not exist, are named', async () => {
  writeFileSync(join(directory, 'none.mjs'), 'export {};');
  const none = await cli.run(['simulate', 'none.mjs'], { cwd: directory });
  expect(none.code).toBe(2);
  expect(none.stderr).toContain('no default export build(world)');
  writeFileSync(join(directory, 'dry.mjs'), 'export default () => ({ run() {} });');
  const dry = await cli.run(['simulate', 'dry.mjs'], { cwd: directory });
  expect(dry.code).toBe(2);
  expect(dry.stderr).toContain('there are no records');
  for (const args of [
    ['--faults', 'earthquake'],
    ['--replay', 'kill-after'],
    ['--crashes', '3'],
  ]) {
    const ran = await cli.run(['simulate', 'orders-build.mjs', ...args], { cwd: directory });
    expect(ran).toMatchObject({ code: 64, stdout: '' });
  }
});

test('Ctrl-C ends it between two schedules, with exit code 130', async () => {
  const module = `
    export { input } from './orders-build.mjs';
    import build from './orders-build.mjs';
    export default (world) => (process.stdout.write('.'), build(world));`;
  writeFileSync(join(directory, 'dots.mjs'), module);
  const args = ['simulate', 'dots.mjs', '--crashes', '2', '--schedules', '100000'];
  const ran = await cli.run(args, { cwd: directory, interrupt: true });
  expect(ran).toMatchObject({ code: 130, stderr: 'interrupted\n' });
  expect(ran.stdout).toMatch(/^\.+$/);
});
