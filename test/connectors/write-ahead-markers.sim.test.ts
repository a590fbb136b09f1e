// The markers of a write-ahead sink: folded into a ledger, fenced, and there after every power loss.

import { describe, expect, test } from '@jest/globals';
import type { CheckpointId } from 'tidegate';
import { seededRandom, silentLogger } from 'tidegate/extend';
import type { FileSystem, TwoPhaseSink, TwoPhaseSinkSession } from 'tidegate/extend';
import { SimulatedDisk } from 'tidegate/testing';
import { writeAhead } from 'tidegate/write-ahead';
import type { WriteAheadOptions } from 'tidegate/write-ahead';
import { attempt, calm, idOf, ownerOf } from '../../src/testing/conformance/sink-bench.js';
import { KeyedTable, type Row } from './keyed-table.js';

describe('markers', () => {
  test('that are folded into the ledger answer as before, and their files are gone', async () => {
    const disk = new SimulatedDisk();
    const table = new KeyedTable();
    const session = await sinkOn(disk.mount().fileSystem, table).open(ownerOf(1), calm);
    const committed = [1, 2, 3, 5, 6, 9, 10, 11];
    for (const sequence of committed) await commit(session, 1, sequence);
    expect(looseMarkers(disk).length).toBeLessThan(maxLooseMarkers);
    const later = await sinkOn(disk.mount().fileSystem, table).open(ownerOf(2), calm);
    for (let sequence = 1; sequence <= 12; sequence += 1) {
      const answer = committed.includes(sequence) ? 'committed' : 'absent';
      expect(await later.inspect({ checkpointId: idOf(1, sequence) }, calm)).toBe(answer);
    }
    expect(await later.lastCommitted(calm)).toBe(idOf(1, 11));
  });

  test('do not pile up over processes that commit only once each', async () => {
    const disk = new SimulatedDisk();
    const table = new KeyedTable();
    for (let generation = 1; generation <= 3 * maxLooseMarkers; generation += 1) {
      const session = await sinkOn(disk.mount().fileSystem, table).open(ownerOf(generation), calm);
      await commit(session, generation, 1);
      expect(looseMarkers(disk).length).toBeLessThanOrEqual(maxLooseMarkers);
    }
  });

  test('of an owner that was overtaken while it folds them are left to the newer one', async () => {
    const disk = new SimulatedDisk();
    const table = new KeyedTable();
    let goOn = (): void => undefined;
    const held = new Promise<undefined>((resolve) => (goOn = () => resolve(undefined)));
    let reach = (): void => undefined;
    const reached = new Promise<void>((resolve) => (reach = resolve));
    const slow = disk.mount({
      before: ({ kind, to }) => {
        if (kind !== 'rename' || to !== '/wal/ledger.json') return undefined;
        reach();
        return held;
      },
    });
    const older = await sinkOn(slow.fileSystem, table).open(ownerOf(1), calm);
    for (let sequence = 1; sequence < maxLooseMarkers; sequence += 1) {
      await commit(older, 1, sequence);
    }
    const folding = commit(older, 1, maxLooseMarkers);
    await reached;
    const newer = await sinkOn(disk.mount().fileSystem, table).open(ownerOf(2), calm);
    for (let sequence = 1; sequence <= maxLooseMarkers; sequence += 1) {
      await commit(newer, 2, sequence);
    }
    goOn();
    expect(await folding).toBe('applied');
    for (let sequence = 1; sequence <= maxLooseMarkers; sequence += 1) {
      for (const generation of [1, 2]) {
        const request = { checkpointId: idOf(generation, sequence) };
        expect(await newer.inspect(request, calm)).toBe('committed');
      }
    }
  });
});

test.each([0, 0.5])('a bound of %d marker files is refused', (max) => {
  const options = { directory: '/wal', maxLooseMarkers: max };
  expect(() => writeAhead(new KeyedTable().sink(), options)).toThrow(
    /maxLooseMarkers .* 1 or more/,
  );
});

test('markers that cannot be folded are told to the log, and the commit is done', async () => {
  const disk = new SimulatedDisk();
  const full = disk.mount({
    before: ({ kind, to }) =>
      kind === 'rename' && to === '/wal/ledger.json'
        ? { code: 'ENOSPC', effect: 'none' }
        : undefined,
  });
  const told: string[] = [];
  const logger = { ...silentLogger, warn: (_: object, message: string) => void told.push(message) };
  const session = await sinkOn(full.fileSystem, new KeyedTable(), { logger }).open(
    ownerOf(1),
    calm,
  );
  for (const sequence of [1, 2]) expect(await commit(session, 1, sequence)).toBe('applied');
  expect(told).toEqual(['could not fold the markers of a sink']);
  expect(await session.inspect({ checkpointId: idOf(1, 1) }, calm)).toBe('committed');
});

test('whatever a power loss leaves, what was answered or shown stays committed', async () => {
  const whole = await liveUntil(Infinity);
  expect(whole.answered.size).toBe(5);
  for (let stopAt = 0; stopAt < whole.operations; stopAt += 1) {
    const stopped = await liveUntil(stopAt);
    const { answered, prepared } = stopped;
    for (let seed = stopAt * 100; seed < stopAt * 100 + 20; seed += 1) {
      const random = seededRandom(seed);
      const disk = stopped.disk.clone();
      const table = stopped.table.clone();
      const when = `stopped before operation ${stopAt}, seed ${seed}`;
      // Killed, and only then, behind an opening, without power; or without power at once.
      let world = seed % 2 === 0 ? disk : lossOf(disk, random);
      for (const generation of [7, 8]) {
        const session = await sinkOn(world.mount().fileSystem, table).open(
          ownerOf(generation),
          calm,
        );
        const shown = [...table.rows.keys()].map((id) => id as CheckpointId);
        for (const id of new Set([...answered, ...shown])) {
          const answer = await session.inspect({ checkpointId: id }, calm);
          if (answer !== 'committed') throw new Error(`${when}: ${id} is ${answer}`);
        }
        for (const id of prepared) {
          const answer = await session.inspect({ checkpointId: id }, calm);
          if (answer === 'absent') throw new Error(`${when}: ${id} was prepared and is lost`);
        }
        for (const id of answered) {
          if (!table.rows.has(id)) throw new Error(`${when}: ${id} is not to be seen`);
        }
        world = lossOf(world, random);
      }
    }
  }
});

const maxLooseMarkers = 2;

function sinkOn(
  fileSystem: FileSystem,
  table: KeyedTable,
  options: Partial<WriteAheadOptions<Row>> = {},
): TwoPhaseSink<Row> {
  return writeAhead(table.sink(), { directory: '/wal', fileSystem, maxLooseMarkers, ...options });
}

/** One record, whose number is the id of its checkpoint. */
async function commit(
  session: TwoPhaseSinkSession<Row>,
  generation: number,
  sequence: number,
  onPrepared: () => void = () => undefined,
): Promise<string> {
  const request = attempt(generation, sequence);
  await session.write([{ number: request.checkpointId }]);
  const { handle } = await session.preCommit(request, calm);
  onPrepared();
  return session.commit(handle, calm);
}

/**
 * Two owners of two commits each, killed before the operation `stopAt`. The second one also commits
 * what the first one has only prepared.
 */
async function liveUntil(stopAt: number): Promise<{
  readonly disk: SimulatedDisk;
  readonly table: KeyedTable;
  /** Checkpoints whose commit, and whose pre-commit, was answered. */
  readonly answered: ReadonlySet<CheckpointId>;
  readonly prepared: ReadonlySet<CheckpointId>;
  readonly operations: number;
}> {
  const disk = new SimulatedDisk();
  const table = new KeyedTable();
  const answered = new Set<CheckpointId>();
  const prepared = new Set<CheckpointId>();
  let stop = (): void => undefined;
  const stopped = new Promise<void>((resolve) => (stop = resolve));
  const mount = disk.mount({
    before: ({ index }) => {
      if (index < stopAt) return undefined;
      mount.kill();
      stop();
      return undefined;
    },
  });
  let handle = '';
  const live = async (): Promise<void> => {
    for (const generation of [1, 2]) {
      const session = await sinkOn(mount.fileSystem, table).open(ownerOf(generation), calm);
      for (const sequence of [1, 2]) {
        const id = idOf(generation, sequence);
        await commit(session, generation, sequence, () => prepared.add(id));
        answered.add(id);
      }
      const left = idOf(1, 3);
      if (generation === 1) {
        await session.write([{ number: left }]);
        handle = (await session.preCommit(attempt(1, 3), calm)).handle;
        prepared.add(left);
      } else {
        await session.commit(handle, calm);
        answered.add(left);
      }
    }
  };
  await Promise.race([live(), stopped]);
  return { disk, table, answered, prepared, operations: mount.operationCount };
}

function lossOf(disk: SimulatedDisk, random: ReturnType<typeof seededRandom>): SimulatedDisk {
  const [lost] = disk.powerLossOutcomes({ random });
  return lost ?? disk;
}

function looseMarkers(disk: SimulatedDisk): readonly string[] {
  return [...disk.tree().keys()].filter((path) => /^\/wal\/applied\/\d+$/.test(path));
}
