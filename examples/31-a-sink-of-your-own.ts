// A sink of your own, held against every obligation of a two-phase sink by the conformance suite.
//
// With Jest or Vitest leave the second parameter away: `describe` and `test` are globals there.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { describeTwoPhaseSink } from 'tidegate/testing';
import { epochFileSink } from './sink/epoch-files.js';

interface Row {
  readonly id: number;
}

// #region suite
describeTwoPhaseSink<Row>(
  {
    name: 'a sink of epoch files',
    record: (number) => ({ id: number }),
    create: () => {
      const directory = mkdtempSync(join(tmpdir(), 'tidegate-sink-'));
      return {
        connect: () => epochFileSink<Row>(directory),
        visible: () => committedIn(join(directory, 'committed')),
        close: () => rmSync(directory, { recursive: true }),
      };
    },
  },
  {
    describe: (title, body) => void describe(title, body),
    test: (title, body) => void test(title, body),
  },
);
// #endregion suite

/** What a reader sees: every committed epoch, in order of their ids. */
function committedIn(directory: string): readonly Row[] {
  return readdirSync(directory)
    .sort((left, right) => Number.parseInt(left, 10) - Number.parseInt(right, 10))
    .flatMap((name) => JSON.parse(readFileSync(join(directory, name), 'utf8')) as Row[]);
}
