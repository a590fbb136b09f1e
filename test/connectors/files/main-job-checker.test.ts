import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { compare } from '../../../examples/main-job/checker.js';

const wanted = ['{"n":1}', '{"n":2}', '{"n":2}', '{"n":3}'];
let room = '';

beforeEach(() => {
  room = mkdtempSync(join(tmpdir(), 'tidegate-checker-'));
  for (const directory of ['expected', 'actual/statistics/_tidegate', 'actual/archive']) {
    mkdirSync(join(room, directory), { recursive: true });
  }
  writeFileSync(join(room, 'actual/archive/part-0000000000000001.jsonl'), textOf(wanted));
  for (const name of ['statistics', 'archive']) {
    writeFileSync(join(room, `expected/${name}.jsonl`), textOf(wanted));
  }
});

afterEach(() => rmSync(room, { recursive: true }));

test.each([
  ['the same lines in two files', [wanted.slice(0, 3), wanted.slice(3)], true, 0, 0],
  ['a line less', [wanted.slice(0, 2), wanted.slice(3)], false, 1, 0],
  ['a file twice', [wanted.slice(0, 3), wanted.slice(0, 3), wanted.slice(3)], false, 0, 3],
  ['a line changed', [[...wanted.slice(0, 3), '{"n":4}']], false, 1, 1],
  ['two lines exchanged', [[...wanted].reverse()], false, 0, 0],
  ['nothing at all', [], false, 4, 0],
])('the checker of the main job sees %s', (_what, files, isSame, lost, duplicates) => {
  for (const [index, lines] of files.entries()) {
    const name = `part-${String(index + 9).padStart(16, '0')}.jsonl`;
    writeFileSync(join(room, 'actual/statistics', name), textOf(lines));
  }
  const [statistics, archive] = compare(join(room, 'expected'), join(room, 'actual'));
  expect(statistics).toEqual({ output: 'statistics', isSame, lines: 4, lost, duplicates });
  expect(archive).toMatchObject({ output: 'archive', isSame: true });
});

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}
