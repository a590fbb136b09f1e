// Hundreds of sinks, and few files that a process may have open.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import type { FileSystem, FlushingSink } from 'tidegate/extend';
import { fileSink, nodeFileSystem } from 'tidegate/files';
import { SimulatedDisk } from 'tidegate/testing';
import { writeAhead } from 'tidegate/write-ahead';
import { attempt, calm, ownerOf } from '../../src/testing/conformance/sink-bench.js';
import { briefly } from '../../src/runtime/file-system.js';
import { Installed } from '../cli/kit.js';
import { countOpenFiles } from './open-files.js';

const script = `
  import { arraySource, MemoryCheckpointStore, Pipeline } from 'tidegate';
  import { fileSink } from 'tidegate/files';
  process.on('warning', ({ name }) => console.log(name));
  const pipeline = new Pipeline('many');
  const numbers = pipeline.source('numbers', arraySource([1, 2, 3]));
  for (let index = 0; index < 400; index += 1) {
    numbers.to('sink-' + index, fileSink({ directory: process.argv[1] + '/' + index }));
  }
  console.log((await pipeline.run({ store: new MemoryCheckpointStore() })).outcome);
`;

test('400 file sinks start and run with 128 file descriptors, without a warning', async () => {
  const room = await mkdtemp(join(tmpdir(), 'tidegate-many-'));
  try {
    const shell = `ulimit -n 128 && exec "$0" --input-type=module -e "$1" "$2"`;
    const { stdout } = await promisify(execFile)(
      'sh',
      ['-c', shell, process.execPath, script, room],
      { cwd: new Installed().room },
    );
    expect(stdout).toBe('finished\n');
  } finally {
    await rm(room, { recursive: true });
  }
});

test('files that are open for a moment wait for each other', async () => {
  let open = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    open += 1;
    most = Math.max(most, open);
    await new Promise(setImmediate);
    open -= 1;
  };
  await Promise.all(Array.from({ length: 500 }, () => briefly(nodeFileSystem, work)));
  expect(most).toBe(32);
});

test('an epoch with few records has no file open before it ends', async () => {
  const counted = countOpenFiles(new SimulatedDisk().mount().fileSystem);
  const { fileSystem } = counted;
  const inner: FlushingSink<number> = {
    durability: 'idempotent',
    ordersWrites: true,
    open: async () => ({ write: async () => undefined, flush: async () => undefined }),
  };
  for (const sink of [
    fileSink<number>({ directory: '/files', fileSystem }),
    writeAhead(inner, { directory: '/wal', fileSystem }),
  ]) {
    const session = await sink.open(ownerOf(1), calm);
    await session.write([1, 2, 3]);
    expect(counted.open).toEqual([]);
    await session.preCommit(attempt(1, 1), calm);
    expect(counted.open).toEqual([]);
  }
});

test.each(['EMFILE', 'EACCES', 'ENOSPC'])(
  'a sink whose opening fails with %s half-way is opened by nobody else',
  async (code) => {
    const inner = new SimulatedDisk().mount().fileSystem;
    let isFailing = true;
    const fileSystem: FileSystem = {
      ...inner,
      syncDirectory: (path) =>
        isFailing && path.includes('generation_')
          ? Promise.reject(Object.assign(new Error(`${code}: no`), { code }))
          : inner.syncDirectory(path),
    };
    const sink = fileSink<number>({ directory: '/out', fileSystem });
    await expect(sink.open(ownerOf(1), calm)).rejects.toMatchObject({
      message: expect.stringContaining(`${code}: no`) as unknown,
      cause: { code },
    });
    isFailing = false;
    await expect(sink.open(ownerOf(1), calm)).rejects.toMatchObject({
      code: 'TIDEGATE_FENCED',
      message: expect.stringMatching(/an earlier opening of it failed half-way: .*: no/) as unknown,
      cause: { cause: { code } },
    });
    await sink.open(ownerOf(2), calm);
  },
);
