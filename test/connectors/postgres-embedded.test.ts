// The embedded database: one process at a time, one session at a time, and clean after a failure.

import { describe, expect, test } from '@jest/globals';
import type { FileSystem, ProcessLiveness, Processes } from 'tidegate/extend';
import { PgliteDatabase } from 'tidegate/pglite';
import type { PgliteClass } from 'tidegate/pglite';
import { postgresSink } from 'tidegate/postgres';
import { SimulatedDisk } from 'tidegate/testing';
import { calm } from '../../src/testing/conformance/sink-bench.js';
import { countOpenFiles } from './open-files.js';

describe('a directory', () => {
  test('that another process has open is refused, naming the process, and nothing is started', async () => {
    const disk = new SimulatedDisk();
    const first = databaseOn(disk, { pid: 1 });
    await first.database.query('SELECT 1');
    const second = databaseOn(disk, { pid: 2, others: 'running' });
    await expect(second.database.query('SELECT 1')).rejects.toMatchObject({
      code: 'TIDEGATE_POSTGRES_OWNED',
      message: expect.stringContaining('process 1 on here: end it first') as unknown,
    });
    expect(second.started).toEqual([]);
  });

  test('whose owner cannot be judged is refused with the way out', async () => {
    const disk = new SimulatedDisk();
    await databaseOn(disk, { pid: 1 }).database.query('SELECT 1');
    const second = databaseOn(disk, { pid: 2, others: 'unknown' });
    const refused = second.database.query('SELECT 1');
    await expect(refused).rejects.toThrow(/delete \/warehouse\.owners\/1\/owner\.json/);
    await disk.mount().fileSystem.removeFile('/warehouse.owners/1/owner.json');
    await second.database.query('SELECT 1');
    expect(second.started).toEqual(['/warehouse']);
  });

  test.each([['{'], ['null'], ['{"pid":"1"}']])(
    'whose owner file holds %s is in doubt, so it is refused',
    async (content) => {
      const disk = new SimulatedDisk();
      await databaseOn(disk, { pid: 1 }).database.query('SELECT 1');
      disk.writeFile('/warehouse.owners/1/owner.json', Buffer.from(content));
      const second = databaseOn(disk, { pid: 2, others: 'gone' });
      await expect(second.database.query('SELECT 1')).rejects.toMatchObject({
        code: 'TIDEGATE_POSTGRES_OWNED',
      });
    },
  );

  test('of a process that is gone is taken over, by one of two that come at once', async () => {
    const disk = new SimulatedDisk();
    await databaseOn(disk, { pid: 1 }).database.query('SELECT 1');
    const heirs = [2, 3, 4].map((pid) => databaseOn(disk, { pid, gone: [1] }));
    const outcomes = await Promise.allSettled(
      heirs.map(({ database }) => database.query('SELECT 1')),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(heirs.flatMap(({ started }) => started)).toHaveLength(1);
  });

  test('that is full leaves neither an open file nor a claim behind', async () => {
    const disk = new SimulatedDisk();
    const full = disk.mount({
      before: ({ kind }) => (kind === 'write' ? { code: 'ENOSPC', effect: 'half' } : undefined),
    });
    const { fileSystem, open } = countOpenFiles(full.fileSystem);
    const { database } = databaseOn(disk, { pid: 1, fileSystem });
    await expect(database.query('SELECT 1')).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(open).toEqual([]);
    expect([...disk.tree().keys()]).toEqual(['/warehouse.owners/']);
  });

  test('that was closed in good order is free for the next process', async () => {
    const disk = new SimulatedDisk();
    const first = databaseOn(disk, { pid: 1 });
    await first.database.query('SELECT 1');
    await first.database.close();
    const second = databaseOn(disk, { pid: 2, others: 'running' });
    await second.database.query('SELECT 1');
    expect(second.started).toHaveLength(1);
  });
});

test('a missing optional package is named with the line that installs it', () => {
  expect(() => new PgliteDatabase({ PGlite: undefined as never })).toThrow(
    /npm install @electric-sql\/pglite/,
  );
  expect(() => postgresSink({ table: 'target' } as never)).toThrow(/npm install pg/);
});

describe('the one session', () => {
  test('is cleaned after a failure before the next turn, and refuses a flow that goes on', async () => {
    const { database, statements } = databaseOn(new SimulatedDisk(), { pid: 1 });
    const first = await database.driver.connect(calm);
    await first.command('BEGIN');
    first.destroy();
    await expect(first.query('INSERT')).rejects.toThrow('the session was closed');
    const second = await database.driver.connect(calm);
    await second.query('SELECT 2');
    second.release();
    const cleaning = 'SELECT pg_advisory_unlock_all(); RESET ALL';
    expect(statements).toEqual(['BEGIN', 'ROLLBACK', cleaning, 'SELECT 2']);
  });

  test('is given up when the caller stops waiting, without taking the turn of the next', async () => {
    const { database } = databaseOn(new SimulatedDisk(), { pid: 1 });
    const holder = await database.driver.connect(calm);
    const caller = new AbortController();
    const waiting = database.driver.connect({ signal: caller.signal });
    caller.abort(new Error('the step is over'));
    await expect(waiting).rejects.toThrow('the step is over');
    holder.release();
    const next = await database.driver.connect(calm);
    next.release();
  });
});

interface Fake {
  readonly database: PgliteDatabase;
  readonly started: (string | undefined)[];
  readonly statements: string[];
}

function databaseOn(
  disk: SimulatedDisk,
  {
    pid,
    others = 'running',
    gone = [],
    fileSystem = disk.mount().fileSystem,
  }: {
    readonly pid: number;
    readonly others?: ProcessLiveness;
    readonly gone?: readonly number[];
    readonly fileSystem?: FileSystem;
  },
): Fake {
  const started: (string | undefined)[] = [];
  const statements: string[] = [];
  const identity = (number: number) => ({
    host: 'here',
    bootId: 'b',
    pidNamespace: 'n',
    pid: number,
    startedAt: '1',
  });
  const processes: Processes = {
    self: () => identity(pid),
    livenessOf: (other) => (gone.includes(other.pid) ? 'gone' : others),
  };
  const answer = (text: string): Promise<{ rows: never[] }> => {
    statements.push(text);
    return Promise.resolve({ rows: [] });
  };
  const PGlite: PgliteClass = {
    create: (directory) => {
      started.push(directory);
      return Promise.resolve({
        query: answer,
        exec: answer,
        execProtocol: (message) => {
          statements.push(Buffer.from(message.subarray(5, -1)).toString());
          return Promise.resolve({ messages: [{ name: 'commandComplete', text: 'BEGIN' }] });
        },
        close: () => Promise.resolve(),
      });
    },
  };
  const random = { next: () => 0.5, bytes: () => Uint8Array.of(pid) };
  const database = new PgliteDatabase({
    PGlite,
    directory: '/warehouse',
    fileSystem,
    processes,
    random,
  });
  return { database, started, statements };
}
