// The markers of a write-ahead sink: folded into a ledger, fenced, and there after every power loss.

import { describe, expect, test } from '@jest/globals';
import { writeAhead, type WriteAheadOptions } from '../../src/connectors/write-ahead/index.js';
import type { TwoPhaseSink, TwoPhaseSinkSession } from '../../src/contracts/sink.js';
import type { FileSystem } from '../../src/runtime/file-system.js';
import { attempt, calm, idOf, ownerOf } from '../../src/testing/conformance/sink-bench.js';
import { SimulatedDisk } from '../../src/testing/disk/simulated-disk.js';
import { KeyedTable, type Row } from './keyed-table.js';

describe('markers', () => {
  test('that are folded into the ledger answer as before, and their files are gone', async () => {
    const disk = new SimulatedDisk();
    const table = new KeyedTable();
    const session = await sinkOn(disk.mount().fileSystem, table).open(ownerOf(1), calm);
    const committed = [1, 2, 3, 5, 6, 9, 10, 11];
    for (const sequence of committed) await commit(session, 1, sequence);
    expect(looseMarkers(disk).length).toBeLessThan(looseMarkersMax);
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
    for (let generation = 1; generation <= 3 * looseMarkersMax; generation += 1) {
      const session = await sinkOn(disk.mount().fileSystem, table).open(ownerOf(generation), calm);
      await commit(session, generation, 1);
      expect(looseMarkers(disk).length).toBeLessThanOrEqual(looseMarkersMax);
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
    for (let sequence = 1; sequence < looseMarkersMax; sequence += 1) {
      await commit(older, 1, sequence);
    }
    const folding = commit(older, 1, looseMarkersMax);
    await reached;
    const newer = await sinkOn(disk.mount().fileSystem, table).open(ownerOf(2), calm);
    for (let sequence = 1; sequence <= looseMarkersMax; sequence += 1) {
      await commit(newer, 2, sequence);
    }
    goOn();
    expect(await folding).toBe('applied');
    for (let sequence = 1; sequence <= looseMarkersMax; sequence += 1) {
      for (const generation of [1, 2]) {
        const request = { checkpointId: idOf(generation, sequence) };
        expect(await newer.inspect(request, calm)).toBe('committed');
      }
    }
  });
});

const looseMarkersMax = 3;

function sinkOn(
  fileSystem: FileSystem,
  table: KeyedTable,
  options: Partial<WriteAheadOptions<Row>> = {},
): TwoPhaseSink<Row> {
  return writeAhead(table.sink(), { directory: '/wal', fileSystem, looseMarkersMax, ...options });
}

/** One record, whose number is the id of its checkpoint. */
async function commit(
  session: TwoPhaseSinkSession<Row>,
  generation: number,
  sequence: number,
): Promise<string> {
  const request = attempt(generation, sequence);
  await session.write([{ number: request.checkpointId }]);
  const { handle } = await session.preCommit(request, calm);
  return session.commit(handle, calm);
}

function looseMarkers(disk: SimulatedDisk): readonly string[] {
  return [...disk.tree().keys()].filter((path) => /^\/wal\/applied\/\d+$/.test(path));
}
