// What JSON lines cannot hold is refused, and nothing of the epoch that has it is prepared.

import { expect, test } from '@jest/globals';
import { fileSink } from 'tidegate/files';
import { SimulatedDisk } from 'tidegate/testing';
import { attempt, calm, directory, ownerOf, published } from './sink-world.js';

test.each([
  ['NaN', { f: NaN }, 'f is NaN'],
  ['undefined', { a: 1, f: undefined }, 'f is undefined'],
  ['a Date', { at: new Date(0) }, 'at is an instance of Date'],
  ['a BigInt', { id: 1n }, 'id is a bigint'],
  ['bytes', { rows: [{ j: Buffer.from('ab') }] }, 'rows[0].j is an instance of Buffer'],
])('%s is refused by name, with its place in the record', async (_what, record, loss) => {
  const disk = new SimulatedDisk();
  const sink = fileSink({ directory, fileSystem: disk.mount().fileSystem });
  const session = await sink.open(ownerOf(1), calm);
  await session.write([{ good: true }]);
  expect(() => session.write([record])).toThrow(
    expect.objectContaining({
      code: 'TIDEGATE_SINK_RECORD',
      message: expect.stringContaining(`${loss};`) as unknown as string,
    }),
  );
  await expect(session.preCommit(attempt(1, 1), calm)).rejects.toMatchObject({
    code: 'TIDEGATE_SINK_WRITE_FAILED',
  });
  expect(published(disk)).toBe('');
});

test('text that UTF-8 cannot hold is refused: another character would be written', async () => {
  const fileSystem = new SimulatedDisk().mount().fileSystem;
  const sink = fileSink<string>({ directory, fileSystem, encode: (text) => text });
  const session = await sink.open(ownerOf(1), calm);
  expect(() => session.write(['half \ud800'])).toThrow(/half of a surrogate pair/);
});
