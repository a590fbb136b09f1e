// What is no array of records is refused by every sink, and its epoch cannot be committed.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { consoleSink, memorySink } from 'tidegate';
import type { Sink, SinkSession } from 'tidegate/extend';
import { fileSink } from 'tidegate/files';
import { httpSink } from 'tidegate/http';
import { PgliteDatabase } from 'tidegate/pglite';
import { postgresSink } from 'tidegate/postgres';
import { writeAhead } from 'tidegate/write-ahead';
import { attempt, calm, ownerOf } from '../../src/testing/conformance/sink-bench.js';

const folder = mkdtempSync(join(tmpdir(), 'tidegate-records-'));
const database = new PgliteDatabase({ PGlite });
let generation = 0;

beforeAll(async () => {
  await database.query('CREATE TABLE numbers (number int PRIMARY KEY, length int)');
}, 120_000);
afterAll(async () => {
  await database.close();
  rmSync(folder, { recursive: true });
});

const lost: unknown[] = [];
const sinks: Readonly<Record<string, () => Sink<never>>> = {
  files: () => fileSink({ directory: join(folder, 'files') }),
  memory: () => memorySink(),
  console: () => consoleSink({ output: new PassThrough() }),
  http: () =>
    httpSink({
      url: 'http://127.0.0.1:9',
      fetch: (_url, request) => {
        lost.push(request?.body);
        return Promise.resolve(new Response());
      },
    }),
  postgres: () => postgresSink({ database, table: 'numbers', durability: 'last-resource' }),
  'postgres by key': () =>
    postgresSink({ database, table: 'numbers', key: ['number'], durability: 'last-resource' }),
  'write ahead': () =>
    writeAhead(httpSink({ url: 'http://127.0.0.1:9', key: () => 'k', ordersWrites: true }), {
      directory: join(folder, 'write-ahead'),
    }),
};

const wrong: readonly [string, unknown][] = [
  ['of type string', 'abc'],
  ['of type object', { number: 1, length: 1 }],
  ['of type object', new Set([{ number: 1 }])],
  ['of type object', new Uint8Array(3)],
  ['undefined', undefined],
  ['of type number', 3],
];

describe.each(Object.keys(sinks))('a sink of kind %s', (name) => {
  test.each(wrong)('refuses what is %s in place of records', async (what, given) => {
    const session = (await sinks[name]?.().open(ownerOf(++generation), calm)) as SinkSession;
    const writing = (async () => session.write(given as never))();
    await expect(writing).rejects.toMatchObject({
      code: 'TIDEGATE_SINK_RECORDS',
      message: expect.stringContaining(
        `sink out was given something to write that is ${what}, not an array of records`,
      ) as unknown,
    });
    if (name !== 'memory' && name !== 'console') await expectIncomplete(session);
    await session.close?.();
    expect(lost).toEqual([]);
  });
});

/** What was meant to be written is missing, so that the epoch has a hole. */
async function expectIncomplete(session: SinkSession): Promise<void> {
  const ending =
    'flush' in session
      ? (async () => session.flush(calm))()
      : session.preCommit(attempt(generation, 1), calm);
  await expect(ending).rejects.toMatchObject({ code: 'TIDEGATE_SINK_WRITE_FAILED' });
}
