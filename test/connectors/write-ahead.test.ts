// The write-ahead sink around both kinds of sink that it can make durable, on a simulated disk.

import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type {
  CallOptions,
  FileSystem,
  FlushingSink,
  PreCommitRequest,
  Sink,
  TwoPhaseSink,
} from 'tidegate/extend';
import { SimulatedDisk, describeTwoPhaseSink } from 'tidegate/testing';
import type { DiskOperation, SinkSystem } from 'tidegate/testing';
import { writeAhead } from 'tidegate/write-ahead';
import { toError } from '../../src/errors.js';
import {
  attempt,
  calm,
  idOf,
  ownerOf,
  secondStore,
} from '../../src/testing/conformance/sink-bench.js';
import { calmPort } from '../../src/testing/simulation/port.js';
import { SinkStorage } from '../../src/testing/simulation/sinks/storage.js';
import { simulatedTwoPhaseSink } from '../../src/testing/simulation/sinks/two-phase-sink.js';
import { KeyedTable, type Row } from './keyed-table.js';
import { countOpenFiles } from './open-files.js';

describe('around a sink with a marker of its own', () => {
  for (const durability of ['last-resource'] as const) {
    describeTwoPhaseSink<Row>(
      {
        name: `a write-ahead sink around a ${durability} sink`,
        record: (number) => ({ number }),
        create: () => {
          const storage = new SinkStorage('out', durability);
          const inner = (): TwoPhaseSink<Row> => simulatedTwoPhaseSink(storage, calmPort);
          const visible = (): Row[] => storage.visible.flatMap(({ records }) => records as Row[]);
          return systemOn(inner, visible);
        },
      },
      { describe, test },
    );
  }
});

describe('around a sink that replaces by key', () => {
  describeTwoPhaseSink<Row>(
    {
      name: 'a write-ahead sink around an idempotent sink',
      record: (number) => ({ number }),
      create: () => {
        const table = new KeyedTable();
        return systemOn(
          () => table.sink(),
          () => [...table.rows.values()],
        );
      },
    },
    { describe, test },
  );

  test('an epoch that was marked and lost its answer is applied again by the next opening', async () => {
    const table = new KeyedTable();
    const { files } = newDisk();
    const options = { directory: '/wal', fileSystem: files };
    const session = await writeAhead(table.sink(), options).open(ownerOf(1), calm);
    await session.write([{ number: 1 }, { number: 2 }]);
    const { handle } = await session.preCommit(attempt(1, 1), calm);
    table.failAfterFlush = true;
    await expect(session.commit(handle, calm)).rejects.toThrow('the answer was lost');
    expect([...table.rows.keys()]).toEqual([1, 2]);
    table.failAfterFlush = false;
    table.rows.clear();
    const fresh = await writeAhead(table.sink(), options).open(ownerOf(2), calm);
    expect([...table.rows.keys()]).toEqual([1, 2]);
    expect(await fresh.inspect({ checkpointId: idOf(1, 1), handle }, calm)).toBe('committed');
    expect(await fresh.commit(handle, calm)).toBe('already-applied');
    expect(await fresh.listPrepared(calm)).toEqual([]);
  });

  test('nothing is visible of an epoch that can still be rolled back', async () => {
    const table = new KeyedTable();
    const { disk, files } = newDisk();
    const failing = disk.mount({
      before: ({ kind, path }) => {
        const isMark = kind === 'rename' && path.includes('marker-');
        return isMark ? Promise.reject(new Error('no space')) : Promise.resolve(undefined);
      },
    });
    const options = { directory: '/wal', fileSystem: failing.fileSystem };
    const session = await writeAhead(table.sink(), options).open(ownerOf(1), calm);
    await session.write([{ number: 1 }]);
    const { handle } = await session.preCommit(attempt(1, 1), calm);
    await expect(session.commit(handle, calm)).rejects.toThrow('no space');
    expect([...table.rows.keys()]).toEqual([]);
    const fresh = await writeAhead(table.sink(), { directory: '/wal', fileSystem: files }).open(
      ownerOf(2),
      calm,
    );
    expect(await fresh.rollback({ keep: [] }, calm)).toEqual(new Map([[handle, 'rolled-back']]));
    expect([...table.rows.keys()]).toEqual([]);
  });

  test('an opening that cannot apply what was marked closes the sink behind it', async () => {
    const table = new KeyedTable();
    const { files } = newDisk();
    const options = { directory: '/wal', fileSystem: files };
    const session = await writeAhead(table.sink(), options).open(ownerOf(1), calm);
    await session.write([{ number: 1 }]);
    const { handle } = await session.preCommit(attempt(1, 1), calm);
    table.failAfterFlush = true;
    await expect(session.commit(handle, calm)).rejects.toThrow('the answer was lost');
    let closed = 0;
    const inner = table.sink();
    const counted: FlushingSink<Row> = {
      ...inner,
      open: async (owner, call) => ({
        ...(await inner.open(owner, call)),
        close: () => void (closed += 1),
      }),
    };
    const opening = writeAhead(counted, options).open(ownerOf(2), calm);
    await expect(opening).rejects.toThrow('the answer was lost');
    expect(closed).toBe(1);
  });

  test('a roll back keeps what was marked, and the next opening applies it', async () => {
    const table = new KeyedTable();
    const { files } = newDisk();
    const options = { directory: '/wal', fileSystem: files };
    const session = await writeAhead(table.sink(), options).open(ownerOf(1), calm);
    await session.write([{ number: 1 }]);
    const { handle } = await session.preCommit(attempt(1, 1), calm);
    table.failAfterFlush = true;
    await expect(session.commit(handle, calm)).rejects.toThrow('the answer was lost');
    table.failAfterFlush = false;
    table.rows.clear();
    expect(await session.rollback({ keep: [] }, calm)).toEqual(new Map([[handle, 'committed']]));
    await writeAhead(table.sink(), options).open(ownerOf(2), calm);
    expect([...table.rows.keys()]).toEqual([1]);
  });
});

test.each<[string, Partial<Sink>]>([
  ['at-least-once', { durability: 'at-least-once' }],
  ['idempotent without an order of its writes', { durability: 'idempotent' }],
  ['durable already', { durability: 'durable' }],
  ['fenced, which is gone', { durability: 'fenced' as never }],
])('a sink that is %s is refused', (_what, inner) => {
  expect(() => writeAhead(inner as Sink, { directory: '/wal' })).toThrow(
    expect.objectContaining({ code: 'TIDEGATE_WRITE_AHEAD_OPTIONS' }),
  );
});

test('an owner that was overtaken removes, marks and stages nothing any more', async () => {
  const table = new KeyedTable();
  const { disk, files } = newDisk();
  let goOn = (): void => undefined;
  const held = new Promise<void>((resolve) => (goOn = resolve));
  let reached = (): void => undefined;
  const isReached = new Promise<void>((resolve) => (reached = resolve));
  let isArmed = false;
  const slow = disk.mount({
    before: async ({ kind, path }) => {
      if (!isArmed || kind !== 'remove-file' || !path.endsWith('.staged')) return undefined;
      reached();
      await held;
      return undefined;
    },
  });
  const older = await writeAhead(table.sink(), {
    directory: '/wal',
    fileSystem: slow.fileSystem,
  }).open(ownerOf(1), calm);
  await older.write([{ number: 1 }]);
  const { handle } = await older.preCommit(attempt(1, 1), calm);
  isArmed = true;
  const rollingBack = older.rollback({ keep: [] }, calm);
  await isReached;
  const newer = await writeAhead(table.sink(), { directory: '/wal', fileSystem: files }).open(
    ownerOf(2),
    calm,
  );
  goOn();
  await expect(rollingBack).rejects.toMatchObject({ code: 'TIDEGATE_FENCED' });
  expect(await newer.inspect({ checkpointId: idOf(1, 1), handle }, calm)).toBe('prepared');
  expect(await newer.commit(handle, calm)).toBe('applied');
});

test('an epoch that was left half written is not written a second time beside itself', async () => {
  const storage = new SinkStorage('out', 'last-resource');
  const inner = simulatedTwoPhaseSink(storage, calmPort) as TwoPhaseSink<Row>;
  const failing: TwoPhaseSink<Row> = {
    ...inner,
    open: async (owner, options) => {
      const session = await inner.open(owner, options);
      return new Proxy(session, {
        get: (target, name) => {
          if (name === 'preCommit') return () => Promise.reject(new Error('no connection'));
          const member: unknown = Reflect.get(target, name);
          return typeof member === 'function' ? (member.bind(target) as unknown) : member;
        },
      });
    },
  };
  const { files } = newDisk();
  const options = { directory: '/wal', fileSystem: files };
  const session = await writeAhead(failing, options).open(ownerOf(1), calm);
  await session.write([{ number: 1 }]);
  const { handle } = await session.preCommit(attempt(1, 1), calm);
  await expect(session.commit(handle, calm)).rejects.toThrow('no connection');
  await expect(session.commit(handle, calm)).rejects.toMatchObject({
    code: 'TIDEGATE_SINK_WRITE_FAILED',
  });
  const fresh = await writeAhead(inner, options).open(ownerOf(2), calm);
  expect(await fresh.commit(handle, calm)).toBe('applied');
  expect(storage.visible.flatMap(({ records }) => records)).toEqual([{ number: 1 }]);
});

test('the sink behind it is told the epoch, also by a fresh process', async () => {
  const storage = new SinkStorage('out', 'last-resource');
  const inner = simulatedTwoPhaseSink(storage, calmPort) as TwoPhaseSink<Row>;
  const told: number[] = [];
  const listening: TwoPhaseSink<Row> = {
    ...inner,
    open: async (owner, call) => {
      const session = await inner.open(owner, call);
      return new Proxy(session, {
        get: (target, name) => {
          const member: unknown = Reflect.get(target, name);
          if (name !== 'preCommit') {
            return typeof member === 'function' ? (member.bind(target) as unknown) : member;
          }
          return (request: PreCommitRequest, options: CallOptions) => {
            told.push(request.epoch);
            return target.preCommit(request, options);
          };
        },
      });
    },
  };
  const options = { directory: '/wal', fileSystem: newDisk().files };
  const session = await writeAhead(listening, options).open(ownerOf(1), calm);
  const first = await session.preCommit(attempt(1, 1, 7), calm);
  await session.commit(first.handle, calm);
  await session.write([{ number: 1 }]);
  const second = await session.preCommit(attempt(1, 2, 8), calm);
  const fresh = await writeAhead(listening, options).open(ownerOf(2), calm);
  await fresh.commit(second.handle, calm);
  expect(told).toEqual([7, 8]);
});

test('what was staged survives a power loss right after the pre-commit', async () => {
  const table = new KeyedTable();
  const { disk, files } = newDisk();
  const options = { directory: '/wal', fileSystem: files };
  const session = await writeAhead(table.sink(), options).open(ownerOf(1), calm);
  await session.write([{ number: 7 }]);
  const { handle } = await session.preCommit(attempt(1, 1), calm);
  let outcomes = 0;
  for (const after of disk.powerLossOutcomes()) {
    table.rows.clear();
    const { fileSystem } = after.mount();
    const fresh = await writeAhead(table.sink(), { directory: '/wal', fileSystem }).open(
      ownerOf(2),
      calm,
    );
    expect(await fresh.commit(handle, calm)).toBe('applied');
    expect([...table.rows.keys()]).toEqual([7]);
    outcomes += 1;
  }
  expect(outcomes).toBeGreaterThan(0);
});

test('a file that an older version has staged, without an epoch, is applied', async () => {
  const table = new KeyedTable();
  const { disk, files } = newDisk();
  const session = await writeAhead(table.sink(), { directory: '/wal', fileSystem: files }).open(
    ownerOf(1),
    calm,
  );
  const { handle } = await session.preCommit(attempt(1, 1), calm);
  const path = [...disk.tree().keys()].find((name) => name.endsWith('.staged'))!;
  const line = '{"number":9}\n';
  const sha256 = createHash('sha256').update(line).digest('hex');
  disk.writeFile(path, Buffer.from(`${line}${JSON.stringify({ records: 1, sha256 })}\n`));
  expect(await session.commit(handle, calm)).toBe('applied');
  expect([...table.rows.keys()]).toEqual([9]);
});

describe('a damaged staged file is refused whole', () => {
  const damaged = async (table: KeyedTable) => {
    const { disk, files } = newDisk();
    const sink = writeAhead(table.sink(), { directory: '/wal', fileSystem: files });
    const session = await sink.open(ownerOf(1), calm);
    await session.write([{ number: 1 }]);
    const { handle } = await session.preCommit(attempt(1, 1), calm);
    const [path, bytes] = [...disk.tree()].find(([name]) => name.endsWith('.staged'))!;
    return { sink, session, handle, path, text: Buffer.from(bytes).toString(), disk };
  };

  test.each(['commit', 'verify'] as const)(
    'naming both digests, and it can still be rolled back (%s)',
    async (call) => {
      const table = new KeyedTable();
      const { session, handle, path, text, disk } = await damaged(table);
      disk.writeFile(path, Buffer.from(text.replace('1', '9')));
      const failure = await session[call]!(handle, calm).then(() => undefined, toError);
      expect(failure).toMatchObject({ code: 'TIDEGATE_WRITE_AHEAD_CORRUPT', kind: 'corrupt' });
      const sha256 = (line: string) => createHash('sha256').update(line).digest('hex');
      expect(failure?.message).toContain(sha256('{"number":1}\n'));
      expect(failure?.message).toContain(sha256('{"number":9}\n'));
      expect(failure?.message).toContain("inDoubtPolicy 'roll-back'");
      expect(table.rows.size).toBe(0);
      // It was not marked either: a marked epoch could never be rolled back.
      expect(await session.lastCommitted(calm)).toBeUndefined();
      expect(await session.rollback({ keep: [] }, calm)).toEqual(
        new Map([[handle, 'rolled-back']]),
      );
    },
  );

  test('also one whose last line cannot be read', async () => {
    const table = new KeyedTable();
    const { session, handle, path, disk } = await damaged(table);
    disk.writeFile(path, Buffer.from('{"number":9}\nnull\n'));
    const failure = await session.commit(handle, calm).then(() => undefined, toError);
    expect(failure).toMatchObject({ code: 'TIDEGATE_WRITE_AHEAD_CORRUPT', kind: 'corrupt' });
    expect(table.rows.size).toBe(0);
  });

  test('also one that is committed and not applied: it has to come back from a copy', async () => {
    const table = new KeyedTable();
    const { sink, session, handle, path, text, disk } = await damaged(table);
    table.failAfterFlush = true;
    await expect(session.commit(handle, calm)).rejects.toThrow('the answer was lost');
    table.failAfterFlush = false;
    table.rows.clear();
    disk.writeFile(path, Buffer.from(text.replace('1', '9')));
    const failure = await sink.open(ownerOf(2), calm).then(() => undefined, toError);
    expect(failure).toMatchObject({ code: 'TIDEGATE_WRITE_AHEAD_CORRUPT' });
    expect(failure?.message).toContain('bring the file back from a copy');
    expect(table.rows.size).toBe(0);
    const [moved] = [...disk.tree().keys()].filter((name) => name.endsWith('.staged'));
    disk.writeFile(moved!, Buffer.from(text));
    await sink.open(ownerOf(3), calm);
    expect([...table.rows.keys()]).toEqual([1]);
  });
});

describe('the directory of a sink', () => {
  test('keeps the first of two stores that come at once', async () => {
    const { disk, files } = newDisk();
    const late = pausedAt(disk, ({ kind, to }) => kind === 'rename' && to === '/wal/identity.json');
    const sinkOn = (fileSystem: FileSystem): TwoPhaseSink<Row> =>
      writeAhead(new KeyedTable().sink(), { directory: '/wal', fileSystem });
    const losing = sinkOn(late.fileSystem)
      .open(ownerOf(1, secondStore), calm)
      .then(() => undefined, toError);
    await late.reached;
    await sinkOn(files).open(ownerOf(2), calm);
    late.goOn();
    expect(await losing).toMatchObject({ code: 'TIDEGATE_FENCED' });
    await sinkOn(files).open(ownerOf(3), calm);
    await expect(sinkOn(files).open(ownerOf(4, secondStore), calm)).rejects.toMatchObject({
      code: 'TIDEGATE_SINK_STORE',
    });
  });

  test('is looked at again by a store that came while another one was the first', async () => {
    const { disk, files } = newDisk();
    const isClaim = ({ kind, path }: DiskOperation): boolean =>
      kind === 'make-directory' && path === '/wal/owners/000000002';
    const late = pausedAt(disk, isClaim);
    const sinkOn = (fileSystem: FileSystem): TwoPhaseSink<Row> =>
      writeAhead(new KeyedTable().sink(), { directory: '/wal', fileSystem });
    const losing = sinkOn(late.fileSystem)
      .open(ownerOf(2, secondStore), calm)
      .then(() => undefined, toError);
    await late.reached;
    await sinkOn(files).open(ownerOf(1), calm);
    late.goOn();
    expect(await losing).toMatchObject({ code: 'TIDEGATE_SINK_STORE' });
  });

  test('is not entered by an owner that is overtaken before it has a place to stage', async () => {
    const { disk, files } = newDisk();
    const isStaging = ({ kind, path }: DiskOperation): boolean =>
      kind === 'make-directory' && path.startsWith('/wal/staging/000000001');
    const late = pausedAt(disk, isStaging);
    const sinkOn = (fileSystem: FileSystem): TwoPhaseSink<Row> =>
      writeAhead(new KeyedTable().sink(), { directory: '/wal', fileSystem });
    const losing = sinkOn(late.fileSystem)
      .open(ownerOf(1), calm)
      .then(() => undefined, toError);
    await late.reached;
    await sinkOn(files).open(ownerOf(2), calm);
    late.goOn();
    expect(await losing).toMatchObject({ code: 'TIDEGATE_FENCED' });
  });

  test('that an older version has staged in is taken over', async () => {
    const { disk, files } = newDisk();
    const table = new KeyedTable();
    const sink = writeAhead(table.sink(), { directory: '/wal', fileSystem: files });
    const first = await sink.open(ownerOf(1), calm);
    await first.write([{ number: 1 }]);
    const { handle } = await first.preCommit(attempt(1, 1), calm);
    const [staging] = (await files.listDirectory('/wal/staging')).map(({ name }) => name);
    await files.rename(`/wal/staging/${staging!}`, '/wal/staging/000000001');
    const later = await sink.open(ownerOf(2), calm);
    expect(await later.commit(handle, calm)).toBe('applied');
    expect([...table.rows.keys()]).toEqual([1]);
    expect([...disk.tree().keys()].some((path) => path.endsWith('/000000001'))).toBe(false);
  });

  test('is not entered by an opening that claims a number again which was cleaned away', async () => {
    const { disk, files } = newDisk();
    const table = new KeyedTable();
    const isClaim = ({ kind, path }: DiskOperation): boolean =>
      kind === 'make-directory' && path === '/wal/owners/000000001';
    const late = pausedAt(disk, isClaim);
    const sinkOn = (fileSystem: FileSystem): TwoPhaseSink<Row> =>
      writeAhead(table.sink(), { directory: '/wal', fileSystem });
    const paused = sinkOn(late.fileSystem)
      .open(ownerOf(1), calm)
      .then(() => undefined, toError);
    await late.reached;
    const first = await sinkOn(files).open(ownerOf(1), calm);
    await first.write([{ number: 1 }]);
    const { handle } = await first.preCommit(attempt(1, 1), calm);
    const second = await sinkOn(files).open(ownerOf(2), calm);
    expect((await files.listDirectory('/wal/owners')).map(({ name }) => name)).toEqual([
      '000000002',
    ]);
    late.goOn();
    expect(await paused).toMatchObject({ code: 'TIDEGATE_FENCED' });
    // The directory that the late opening made is not the one that the first session writes to.
    await expect(first.commit(handle, calm)).rejects.toMatchObject({ code: 'TIDEGATE_FENCED' });
    await first.write([{ number: 2 }]);
    await expect(first.preCommit(attempt(1, 2), calm)).rejects.toMatchObject({
      code: 'TIDEGATE_FENCED',
    });
    expect(table.rows.size).toBe(0);
    expect(await second.commit(handle, calm)).toBe('applied');
    await sinkOn(files).open(ownerOf(3), calm);
    expect(await files.listDirectory('/wal/staging')).toHaveLength(1);
    expect(await files.listDirectory('/wal/owners')).toHaveLength(1);
  });

  test('removes the owners of years a bounded number at a time, and asks none of them', async () => {
    const { disk, files } = newDisk();
    const listed: string[] = [];
    const counting = disk.mount({
      before: ({ kind, path }) => {
        if (kind === 'list-directory') listed.push(path);
        return undefined;
      },
    });
    const sinkOn = (fileSystem: FileSystem): TwoPhaseSink<Row> =>
      writeAhead(new KeyedTable().sink(), { directory: '/wal', fileSystem });
    await sinkOn(files).open(ownerOf(1), calm);
    for (let past = 2; past <= 10_050; past += 1) {
      await files.makeDirectory(`/wal/owners/${String(past).padStart(9, '0')}`);
    }
    const session = await sinkOn(counting.fileSystem).open(ownerOf(10_051), calm);
    expect(await files.listDirectory('/wal/owners')).toHaveLength(51);
    await session.write([{ number: 1 }]);
    const { handle } = await session.preCommit(attempt(10_051, 1), calm);
    listed.length = 0;
    await session.commit(handle, calm);
    expect(listed.filter((path) => path.includes('owners'))).toEqual([]);
  });

  test.each([1, 100])('with markers and no identity is refused (%i of them)', async (max) => {
    const { files } = newDisk();
    const options = { directory: '/wal', fileSystem: files, maxLooseMarkers: max };
    const session = await writeAhead(new KeyedTable().sink(), options).open(ownerOf(1), calm);
    await session.write([{ number: 1 }]);
    await session.commit((await session.preCommit(attempt(1, 1), calm)).handle, calm);
    await files.removeFile('/wal/identity.json');
    const opening = writeAhead(new KeyedTable().sink(), options).open(ownerOf(2), calm);
    await expect(opening).rejects.toMatchObject({ code: 'TIDEGATE_FILES_CORRUPT' });
  });

  test.each(['{', '{"storeId":7}', ' '.repeat(70_000)])(
    'with an identity that is none (%#) is refused',
    async (content) => {
      const { disk, files } = newDisk();
      const sink = writeAhead(new KeyedTable().sink(), { directory: '/wal', fileSystem: files });
      await sink.open(ownerOf(1), calm);
      disk.writeFile('/wal/identity.json', Buffer.from(content));
      const opening = sink.open(ownerOf(2), calm);
      await expect(opening).rejects.toMatchObject({ code: 'TIDEGATE_FILES_CORRUPT' });
    },
  );
});

describe('no file stays open', () => {
  test('when a session is closed in the middle of an epoch, or of opening its file', async () => {
    const counted = countOpenFiles(newDisk().files);
    const sink = writeAhead(new KeyedTable().sink(), {
      directory: '/wal',
      fileSystem: counted.fileSystem,
    });
    const session = await sink.open(ownerOf(1), calm);
    // Enough to be written before the end of the epoch.
    const many = Array.from({ length: 30_000 }, (_, number) => ({ number }));
    await session.write(many);
    expect(counted.open).toHaveLength(1);
    await session.close?.();
    expect(counted.open).toEqual([]);
    const next = await sink.open(ownerOf(2), calm);
    const writing = Promise.resolve(next.write(many)).then(() => undefined, toError);
    await next.close?.();
    expect(await writing).toBeInstanceOf(Error);
    expect(counted.open).toEqual([]);
  });

  test.each([
    ['an epoch is written', 'write', '/open'],
    ['an epoch is synced', 'sync-file', '/open'],
    ['a marker is synced', 'sync-file', '/marker-'],
  ])('when the disk fills up while %s', async (_what, kind, path) => {
    const { disk } = newDisk();
    const full = disk.mount({
      before: (operation) =>
        operation.kind === kind && operation.path.includes(path)
          ? { code: 'ENOSPC', effect: 'none' }
          : undefined,
    });
    const counted = countOpenFiles(full.fileSystem);
    const session = await writeAhead(new KeyedTable().sink(), {
      directory: '/wal',
      fileSystem: counted.fileSystem,
    }).open(ownerOf(1), calm);
    await session.write([{ number: 1 }]);
    const ending = session
      .preCommit(attempt(1, 1), calm)
      .then(({ handle }) => session.commit(handle, calm));
    await expect(ending).rejects.toMatchObject({
      code: 'TIDEGATE_FILES_FULL',
      cause: { code: 'ENOSPC' },
    });
    expect(counted.open).toEqual([]);
  });
});

function systemOn(inner: () => Sink<Row>, visible: () => readonly Row[]): SinkSystem<Row> {
  const { files } = newDisk();
  return { visible, connect: () => writeAhead(inner(), { directory: '/wal', fileSystem: files }) };
}

/** A process that stops before the first operation that `is` is true of. */
function pausedAt(
  disk: SimulatedDisk,
  is: (operation: DiskOperation) => boolean,
): { readonly fileSystem: FileSystem; readonly reached: Promise<void>; goOn(): void } {
  let reach = (): void => undefined;
  let goOn = (): void => undefined;
  const reached = new Promise<void>((resolve) => (reach = resolve));
  const held = new Promise<undefined>((resolve) => (goOn = () => resolve(undefined)));
  const { fileSystem } = disk.mount({
    before: (operation) => {
      if (!is(operation)) return undefined;
      reach();
      return held;
    },
  });
  return { fileSystem, reached, goOn: () => goOn() };
}

function newDisk(): { readonly disk: SimulatedDisk; readonly files: FileSystem } {
  const disk = new SimulatedDisk();
  return { disk, files: disk.mount().fileSystem };
}
