import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { addToRanges } from '../../../src/connectors/staging/marker-files.js';
import { fileSink } from 'tidegate/files';
import { SimulatedDisk } from 'tidegate/testing';
import type { DiskHooks } from 'tidegate/testing';
import { toError } from '../../../src/errors.js';
import { countOpenFiles } from '../open-files.js';
import {
  attempt,
  calm,
  directory,
  linesOf,
  ownerOf,
  prepare,
  published,
  sinkOn,
} from './sink-world.js';

test('files concatenated in order of their names are the output in order of commit', async () => {
  const disk = new SimulatedDisk();
  const numbers: number[] = [];
  for (const generation of [1, 9, 10, 600]) {
    const session = await sinkOn(disk.mount().fileSystem).open(ownerOf(generation), calm);
    for (const sequence of [1, 2, 11]) {
      numbers.push(generation * 100 + sequence);
      const handle = await prepare(session, attempt(generation, sequence), numbers.slice(-1));
      await session.commit(handle, calm);
    }
  }
  expect(published(disk)).toBe(linesOf(numbers));
});

test('a reader may take published files away: what is committed stays known', async () => {
  const disk = new SimulatedDisk();
  const session = await sinkOn(disk.mount().fileSystem).open(ownerOf(1), calm);
  const handle = await prepare(session, attempt(1, 1), [1]);
  await session.commit(handle, calm);
  const { fileSystem } = disk.mount();
  const [name] = (await fileSystem.listDirectory(directory)).filter((e) => e.kind === 'file');
  await fileSystem.removeFile(`${directory}/${name!.name}`);
  const later = await sinkOn(fileSystem).open(ownerOf(2), calm);
  expect(await later.commit(handle, calm)).toBe('already-applied');
  expect(published(disk)).toBe('');
});

test('markers that are folded into the ledger answer as before, and their files are gone', async () => {
  const disk = new SimulatedDisk();
  const sink = sinkOn(disk.mount().fileSystem, { maxLooseMarkers: 4 });
  const session = await sink.open(ownerOf(1), calm);
  const committed = [1, 2, 3, 5, 6, 9, 10, 11, 12, 13];
  for (const sequence of committed) {
    await session.commit(await prepare(session, attempt(1, sequence), [sequence]), calm);
  }
  const later = await sinkOn(disk.mount().fileSystem).open(ownerOf(2), calm);
  for (let sequence = 1; sequence <= 14; sequence += 1) {
    const { checkpointId } = attempt(1, sequence);
    const answer = committed.includes(sequence) ? 'committed' : 'absent';
    expect(await later.inspect({ checkpointId }, calm)).toBe(answer);
  }
  const loose = [...disk.tree().keys()].filter((path) => path.includes('/committed/checkpoint_'));
  expect(loose).toHaveLength(committed.length % 4);
});

test('markers do not pile up over processes that commit only once each', async () => {
  const disk = new SimulatedDisk();
  for (let generation = 1; generation <= 12; generation += 1) {
    const sink = sinkOn(disk.mount().fileSystem, { maxLooseMarkers: 4 });
    const session = await sink.open(ownerOf(generation), calm);
    await session.commit(await prepare(session, attempt(generation, 1), [generation]), calm);
    const loose = [...disk.tree().keys()].filter((path) => path.includes('/committed/checkpoint_'));
    expect(loose.length).toBeLessThanOrEqual(4);
  }
});

test('ranges hold exactly the ids that were added, however they arrive', () => {
  const id = fc.integer({ min: 1, max: 60 });
  fc.assert(
    fc.property(fc.array(fc.array(id)), (parts) => {
      let ranges: ReturnType<typeof addToRanges> = [];
      for (const part of parts) ranges = addToRanges(ranges, part);
      const listed = ranges.flatMap(([first, last]) =>
        Array.from({ length: last - first + 1 }, (_, index) => first + index),
      );
      expect(listed).toEqual([...new Set(parts.flat())].sort((a, b) => a - b));
    }),
  );
});

test('a checkpoint costs three syncs to prepare and two to commit, an empty one two and one', async () => {
  const disk = new SimulatedDisk();
  let syncs = 0;
  const count: DiskHooks = {
    before: ({ kind }) => {
      if (kind === 'sync-file' || kind === 'sync-directory') syncs += 1;
      return undefined;
    },
  };
  const costOf = async (work: () => Promise<unknown>): Promise<number> => {
    const before = syncs;
    await work();
    return syncs - before;
  };
  const session = await sinkOn(disk.mount(count).fileSystem).open(ownerOf(1), calm);
  let handle = '';
  const prepareIt = (sequence: number, numbers: readonly number[]) => async (): Promise<void> => {
    handle = await prepare(session, attempt(1, sequence), numbers);
  };
  expect(await costOf(prepareIt(1, [1, 2, 3]))).toBe(3);
  expect(await costOf(() => session.commit(handle, calm))).toBe(2);
  expect(await costOf(prepareIt(2, []))).toBe(2);
  expect(await costOf(() => session.commit(handle, calm))).toBe(1);
  expect(await costOf(() => session.commit(handle, calm))).toBe(2);
});

describe('the file sink refuses', () => {
  test('a pre-commit after a write that failed, until it is opened again', async () => {
    const disk = new SimulatedDisk();
    const full: DiskHooks = {
      before: ({ kind, path }) =>
        kind === 'write' && /open_\d+$/.test(path) ? { code: 'ENOSPC', effect: 'half' } : undefined,
    };
    const sink = sinkOn(disk.mount(full).fileSystem, { bufferBytes: 1 });
    const session = await sink.open(ownerOf(1), calm);
    await expect(session.write([{ number: 1 }])).rejects.toMatchObject({
      code: 'TIDEGATE_FILES_FULL',
    });
    const refused = session.preCommit(attempt(1, 1), calm);
    await expect(refused).rejects.toMatchObject({ code: 'TIDEGATE_SINK_WRITE_FAILED' });
    const later = await sinkOn(disk.mount().fileSystem).open(ownerOf(2), calm);
    await later.commit(await prepare(later, attempt(2, 1), [1]), calm);
    expect(published(disk)).toBe(linesOf([1]));
  });

  test('a pre-commit after a sync that failed', async () => {
    const disk = new SimulatedDisk();
    let failures = 0;
    const flaky: DiskHooks = {
      before: ({ kind, path }) => {
        if (kind !== 'sync-file' || !/open_\d+$/.test(path) || failures > 0) return undefined;
        failures += 1;
        return { code: 'EIO', effect: 'none' };
      },
    };
    const session = await sinkOn(disk.mount(flaky).fileSystem).open(ownerOf(1), calm);
    await session.write([{ number: 1 }]);
    const first = session.preCommit(attempt(1, 1), calm);
    await expect(first).rejects.toMatchObject({ code: 'TIDEGATE_FILES_IO' });
    const second = session.preCommit(attempt(1, 1), calm);
    await expect(second).rejects.toMatchObject({ code: 'TIDEGATE_SINK_WRITE_FAILED' });
  });

  test('a record that cannot be encoded, and then the epoch that lacks it', async () => {
    const sink = fileSink({
      directory,
      fileSystem: new SimulatedDisk().mount().fileSystem,
    });
    const session = await sink.open(ownerOf(1), calm);
    expect(() => session.write([undefined])).toThrow(/cannot be written as JSON/);
    const refused = session.preCommit(attempt(1, 1), calm);
    await expect(refused).rejects.toMatchObject({ code: 'TIDEGATE_SINK_WRITE_FAILED' });
  });

  test('a directory of another sink or pipeline, naming both', async () => {
    const disk = new SimulatedDisk();
    const sink = sinkOn(disk.mount().fileSystem);
    await sink.open(ownerOf(1), calm);
    for (const other of [{ sink: 'archive' }, { pipeline: 'payments' }]) {
      const refused = sink.open(ownerOf(2, other), calm);
      await expect(refused).rejects.toMatchObject({
        code: 'TIDEGATE_SINK_DIRECTORY',
        message: expect.stringMatching(/"out" of pipeline "orders".*(archive|payments)/),
      });
    }
  });

  test('a handle that another sink gave', async () => {
    const session = await sinkOn(new SimulatedDisk().mount().fileSystem).open(ownerOf(1), calm);
    for (const handle of ['orders/archive/1/16777217', 'orders/out/1/0', 'x', '']) {
      const refused = session.commit(handle, calm);
      await expect(refused).rejects.toMatchObject({ code: 'TIDEGATE_SINK_HANDLE' });
    }
  });

  test('to commit output that was cut since it was prepared', async () => {
    const disk = new SimulatedDisk();
    const session = await sinkOn(disk.mount().fileSystem).open(ownerOf(1), calm);
    const handle = await prepare(session, attempt(1, 1), [1, 2]);
    const part = [...disk.tree().keys()].find((path) => path.includes('part-'))!;
    disk.writeFile(part, Buffer.from('{"num'));
    const refused = session.commit(handle, calm);
    await expect(refused).rejects.toMatchObject({ code: 'TIDEGATE_FILES_CORRUPT' });
    expect(published(disk)).toBe('');
  });

  test.each(['commit', 'verify'] as const)(
    'output that was damaged since it was prepared, by a bit (%s)',
    async (call) => {
      const disk = new SimulatedDisk();
      const first = await sinkOn(disk.mount().fileSystem).open(ownerOf(1), calm);
      const handle = await prepare(first, attempt(1, 1), [1, 2]);
      const [path, bytes] = onlyPart(disk);
      disk.writeFile(path, flipped(bytes, 11));
      const later = await sinkOn(disk.mount().fileSystem).open(ownerOf(2), calm);
      const failure = await later[call]!(handle, calm).then(() => undefined, toError);
      expect(failure).toMatchObject({ code: 'TIDEGATE_FILES_CORRUPT' });
      expect(failure?.message).toContain(sha256(bytes));
      expect(failure?.message).toContain(sha256(flipped(bytes, 11)));
      expect(failure?.message).toContain("inDoubtPolicy 'roll-back'");
      expect(published(disk)).toBe('');
      expect(await later.lastCommitted(calm)).toBeUndefined();
      expect(await later.rollback({ keep: [] }, calm)).toEqual(new Map([[handle, 'rolled-back']]));
    },
  );

  test('a record that names the output of another checkpoint', async () => {
    const disk = new SimulatedDisk();
    const session = await sinkOn(disk.mount().fileSystem).open(ownerOf(1), calm);
    const handle = await prepare(session, attempt(1, 1), [1]);
    await prepare(session, attempt(1, 2), [1]);
    const record = [...disk.tree()].find(([path]) => path.includes('prepared_'))!;
    const text = Buffer.from(record[1])
      .toString()
      .replace(/part-\d+/, nameOf(attempt(1, 2)));
    disk.writeFile(record[0], Buffer.from(text));
    const refused = session.commit(handle, calm);
    await expect(refused).rejects.toMatchObject({ code: 'TIDEGATE_FILES_CORRUPT' });
    expect(published(disk)).toBe('');
  });

  test.each([true, false])(
    'to publish committed output that was damaged before it could be published (opened: %s)',
    async (isOpened) => {
      const disk = new SimulatedDisk();
      const full = disk.mount(failingPublish());
      const first = await sinkOn(full.fileSystem).open(ownerOf(1), calm);
      const handle = await prepare(first, attempt(1, 1), [1, 2]);
      await expect(first.commit(handle, calm)).rejects.toThrow();
      const [path, bytes] = onlyPart(disk);
      disk.writeFile(path, flipped(bytes, 3));
      const again = isOpened
        ? sinkOn(disk.mount().fileSystem).open(ownerOf(2), calm)
        : first.commit(handle, calm);
      const failure = await again.then(() => undefined, toError);
      expect(failure).toMatchObject({ code: 'TIDEGATE_FILES_CORRUPT' });
      expect(failure?.message).toContain(sha256(bytes));
      expect(published(disk)).toBe('');
      const [movedTo] = onlyPart(disk);
      disk.writeFile(movedTo, Buffer.from(bytes));
      await sinkOn(disk.mount().fileSystem).open(ownerOf(3), calm);
      expect(published(disk)).toBe(linesOf([1, 2]));
    },
  );

  test('to fold the marker of output that is not published yet', async () => {
    const disk = new SimulatedDisk();
    const failing = failingPublish();
    const sink = sinkOn(disk.mount(failing).fileSystem, { maxLooseMarkers: 1 });
    const session = await sink.open(ownerOf(1), calm);
    const handle = await prepare(session, attempt(1, 1), [1]);
    await expect(session.commit(handle, calm)).rejects.toThrow();
    await session.commit(await prepare(session, attempt(1, 2), [2]), calm);
    const loose = [...disk.tree().keys()].filter((path) => path.includes('/committed/checkpoint_'));
    expect(loose).toHaveLength(1);
    expect(await session.commit(handle, calm)).toBe('already-applied');
    expect(published(disk)).toBe(linesOf([1, 2]));
  });

  test('a damaged ledger, rather than to take it for empty', async () => {
    const disk = new SimulatedDisk();
    const sink = sinkOn(disk.mount().fileSystem, { maxLooseMarkers: 1 });
    const session = await sink.open(ownerOf(1), calm);
    await session.commit(await prepare(session, attempt(1, 1), [1]), calm);
    disk.writeFile(`${directory}/_tidegate/ledger.json`, Buffer.from('{"ranges":[[3,1]]}'));
    await expect(session.lastCommitted(calm)).rejects.toMatchObject({
      code: 'TIDEGATE_FILES_CORRUPT',
    });
  });

  test.each([1, 100])('markers without an identity, folded or not (%i)', async (max) => {
    const disk = new SimulatedDisk();
    const sink = sinkOn(disk.mount().fileSystem, { maxLooseMarkers: max });
    const session = await sink.open(ownerOf(1), calm);
    await session.commit(await prepare(session, attempt(1, 1), [1]), calm);
    await disk.mount().fileSystem.removeFile(`${directory}/_tidegate/sink.json`);
    const refused = sinkOn(disk.mount().fileSystem).open(ownerOf(2), calm);
    await expect(refused).rejects.toMatchObject({ code: 'TIDEGATE_FILES_CORRUPT' });
  });

  test('options that cannot work, all at once', () => {
    const options = { directory: '', extension: '../x', bufferBytes: 0, maxLooseMarkers: 0.5 };
    expect(() => fileSink(options)).toThrow(
      /directory is empty, not a path; extension "..\/x".*bufferBytes is 0.*maxLooseMarkers is 0.5/,
    );
  });
});

test.each([
  ['a write', 'write'],
  ['a sync', 'sync-file'],
])('a pre-commit leaves no file open when %s of it fails', async (_what, kind) => {
  const disk = new SimulatedDisk();
  const full: DiskHooks = {
    before: (operation) =>
      operation.kind === kind && /open_\d+$/.test(operation.path)
        ? { code: 'ENOSPC', effect: 'none' }
        : undefined,
  };
  const counted = countOpenFiles(disk.mount(full).fileSystem);
  const session = await sinkOn(counted.fileSystem).open(ownerOf(1), calm);
  await session.write([{ number: 1 }]);
  await expect(session.preCommit(attempt(1, 1), calm)).rejects.toMatchObject({
    code: 'TIDEGATE_FILES_FULL',
  });
  await session.close?.();
  expect(counted.open).toEqual([]);
});

test('a session that is closed while it opens the file of an epoch leaves none open', async () => {
  const counted = countOpenFiles(new SimulatedDisk().mount().fileSystem);
  const session = await sinkOn(counted.fileSystem, { bufferBytes: 1 }).open(ownerOf(1), calm);
  const writing = Promise.resolve(session.write([{ number: 1 }])).then(() => undefined, toError);
  await session.close?.();
  expect(await writing).toBeInstanceOf(Error);
  expect(counted.open).toEqual([]);
});

test('names with any characters in them give handles of their own', async () => {
  const disk = new SimulatedDisk();
  const names = { pipeline: 'or/ders %2F \u0000 \ud83d', sink: '../out\n' };
  const session = await sinkOn(disk.mount().fileSystem).open(ownerOf(1, names), calm);
  const handle = await prepare(session, attempt(1, 1), [1]);
  expect(await session.commit(handle, calm)).toBe('applied');
  const later = await sinkOn(disk.mount().fileSystem).open(ownerOf(2, names), calm);
  expect(await later.commit(handle, calm)).toBe('already-applied');
});

test('an opening that is refused leaves nothing behind', async () => {
  const disk = new SimulatedDisk();
  const sink = sinkOn(disk.mount().fileSystem);
  await sink.open(ownerOf(5), calm);
  const before = [...disk.tree().keys()];
  for (const generation of [4, 5]) {
    const refused = sink.open(ownerOf(generation), calm);
    await expect(refused).rejects.toMatchObject({ code: 'TIDEGATE_FENCED' });
  }
  expect([...disk.tree().keys()]).toEqual(before);
});

test('a session whose generation is made again by a late opener stays fenced', async () => {
  const disk = new SimulatedDisk();
  let release = (): void => undefined;
  const paused = new Promise<undefined>((resolve) => (release = () => resolve(undefined)));
  const slow: DiskHooks = {
    before: ({ kind, path }) =>
      kind === 'make-directory' && path.endsWith('generation_000002') ? paused : undefined,
  };
  const owner = await sinkOn(disk.mount().fileSystem).open(ownerOf(1), calm);
  await owner.close?.();
  const lateOpen = sinkOn(disk.mount(slow).fileSystem).open(ownerOf(2), calm);
  const second = await sinkOn(disk.mount().fileSystem).open(ownerOf(2), calm);
  const third = await sinkOn(disk.mount().fileSystem).open(ownerOf(3), calm);
  release();
  await expect(lateOpen).rejects.toMatchObject({ code: 'TIDEGATE_FENCED' });
  await second.write([{ number: 1 }]);
  const refused = second.preCommit(attempt(2, 1), calm);
  await expect(refused).rejects.toMatchObject({ code: 'TIDEGATE_FENCED' });
  await third.commit(await prepare(third, attempt(3, 1), [3]), calm);
  expect(published(disk)).toBe(linesOf([3]));
});

test('a write that is larger than the buffer is waited for, a smaller one is not', async () => {
  const disk = new SimulatedDisk();
  const sink = sinkOn(disk.mount().fileSystem, { bufferBytes: 100 });
  const session = await sink.open(ownerOf(1), calm);
  expect(session.write([{ number: 1 }])).toBeUndefined();
  const waiting = session.write(Array.from({ length: 20 }, (_, number) => ({ number })));
  expect(waiting).toBeInstanceOf(Promise);
  await waiting;
});

/** The only output that lies in a staging directory. */
function onlyPart(disk: SimulatedDisk): readonly [path: string, bytes: Uint8Array] {
  const parts = [...disk.tree()].filter(([path]) => /\/staging_[^/]+\/part-/.test(path));
  expect(parts).toHaveLength(1);
  return parts[0]!;
}

function flipped(bytes: Uint8Array, index: number): Uint8Array {
  return bytes.map((byte, at) => (at === index ? byte ^ 8 : byte));
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function nameOf({ checkpointId }: { readonly checkpointId: number }): string {
  return `part-${String(checkpointId).padStart(16, '0')}`;
}

/** The first output that is published is not. */
function failingPublish(): DiskHooks {
  let failures = 0;
  return {
    before: ({ kind, to }) => {
      const isPublish = kind === 'rename' && (to ?? '').startsWith('/data/out/part-');
      if (!isPublish || failures > 0) return undefined;
      failures += 1;
      return { code: 'EIO', effect: 'none' };
    },
  };
}
