// What sinks and stores keep and look at does not grow with the generations that have owned them.

import { describe, expect, test } from '@jest/globals';
import { FileSystemCheckpointStore } from 'tidegate';
import { seededRandom } from 'tidegate/extend';
import type { FileSystem, TwoPhaseSink } from 'tidegate/extend';
import { fileSink } from 'tidegate/files';
import { createManifest } from 'tidegate/manifest';
import { SimulatedDisk } from 'tidegate/testing';
import { writeAhead } from 'tidegate/write-ahead';
import {
  foldMarkers,
  isCommitted,
  type MarkerPorts,
} from '../../src/connectors/staging/marker-files.js';
import { WriteAheadLayout } from '../../src/connectors/write-ahead/layout.js';
import { checkpointId, checkpointIdOf, generation } from '../../src/ids.js';
import { attempt, calm, ownerOf } from '../../src/testing/conformance/sink-bench.js';
import { KeyedTable, type Row } from './keyed-table.js';

interface Cost {
  /** Files and directories that are there. */
  readonly kept: number;
  /** Calls of the file system, and names that its listings gave. */
  readonly calls: number;
  readonly namesListed: number;
}

const life: Record<string, (disk: FileSystem, number: number) => Promise<void>> = {
  'a file sink': (fileSystem, number) =>
    commitOnce(
      fileSink<Row>({ directory: '/data/out', fileSystem, ...manySmallFolds(number) }),
      number,
    ),
  'a write-ahead sink': (fileSystem, number) =>
    commitOnce(
      writeAhead(new KeyedTable().sink(), {
        ...{ directory: '/wal', fileSystem },
        ...manySmallFolds(number),
      }),
      number,
    ),
  'a store': async (fileSystem) => {
    const store = new FileSystemCheckpointStore('/store', { fileSystem });
    const owned = await store.open({ pipeline: 'orders', liveOwner: 'take-over' });
    await owned.saveManifest(createManifest(owned.allocateCheckpointId(), 1));
    await owned.prune({ retainedCheckpoints: 3 });
    await owned.close();
  },
};

describe('the cost of one life is the same after many generations', () => {
  test.each(Object.keys(life))('of %s', async (name) => {
    const disk = new SimulatedDisk();
    const costs = new Map<number, Cost>();
    // At the same distance from the last fold of the markers.
    const measured = [40, 400];
    for (let number = 1; number <= 400; number += 1) {
      const counted = countedDisk(disk);
      await life[name]!(counted.fileSystem, number);
      // What is published is the output itself, and belongs to its readers.
      const kept = [...disk.tree().keys()].filter((path) => !path.startsWith('/data/out/part-'));
      if (measured.includes(number)) costs.set(number, { ...counted.cost, kept: kept.length });
    }
    expect(costs.get(400)).toEqual(costs.get(40));
  });
});

describe('a ledger of markers', () => {
  const layout = new WriteAheadLayout('/wal');

  async function ledgerOf(ranges: number): Promise<{ disk: SimulatedDisk; ports: MarkerPorts }> {
    const disk = new SimulatedDisk();
    const { fileSystem } = disk.mount();
    for (const path of ['/wal', '/wal/applied', '/wal/staging']) {
      await fileSystem.makeDirectory(path);
    }
    const all = Array.from({ length: ranges }, (_, index) => [idAt(index + 1), idAt(index + 1)]);
    const file = await fileSystem.createFile('/wal/ledger.json');
    await file.write(Buffer.from(JSON.stringify({ formatVersion: 1, ranges: all })));
    await file.close();
    return { disk, ports: { fileSystem, layout } };
  }

  const idAt = (number: number): number => checkpointIdOf(generation(number), 1);

  test('keeps its newest ranges, and never says of what it forgot that it is not committed', async () => {
    const { disk, ports } = await ledgerOf(50_000);
    const newest = checkpointId(idAt(50_001));
    await (await ports.fileSystem.createFile(layout.marker(newest))).close();
    await foldMarkers(ports, '/wal/staging');
    const [, bytes] = [...disk.tree()].find(([path]) => path === '/wal/ledger.json')!;
    expect(bytes.byteLength).toBeLessThan(50_000);
    expect(await isCommitted(ports, newest)).toBe(true);
    expect(await isCommitted(ports, checkpointId(idAt(49_002)))).toBe(true);
    expect(await isCommitted(ports, checkpointId(idAt(49_002) + 1))).toBe(false);
    for (const forgotten of [idAt(49_001), idAt(49_001) + 1, 1]) {
      await expect(isCommitted(ports, checkpointId(forgotten))).rejects.toMatchObject({
        code: 'TIDEGATE_FILES_MARKER_PRUNED',
        kind: 'in-doubt',
      });
    }
  });

  test('forgets nothing while there is room', async () => {
    const { ports } = await ledgerOf(900);
    await foldMarkers(ports, '/wal/staging');
    expect(await isCommitted(ports, checkpointId(idAt(1)))).toBe(true);
    expect(await isCommitted(ports, checkpointId(1))).toBe(false);
  });
});

function manySmallFolds(number: number): {
  maxLooseMarkers: number;
  random: ReturnType<typeof seededRandom>;
} {
  return { maxLooseMarkers: 4, random: seededRandom(number) };
}

async function commitOnce(sink: TwoPhaseSink<Row>, number: number): Promise<void> {
  const session = await sink.open(ownerOf(number), calm);
  await session.write([{ number }]);
  const { handle } = await session.preCommit(attempt(number, 1), calm);
  expect(await session.commit(handle, calm)).toBe('applied');
  await session.close?.();
}

function countedDisk(disk: SimulatedDisk): { fileSystem: FileSystem; cost: Omit<Cost, 'kept'> } {
  const cost = { calls: 0, namesListed: 0 };
  const { fileSystem } = disk.mount({ before: () => void (cost.calls += 1) });
  const listDirectory: FileSystem['listDirectory'] = async (path) => {
    const entries = await fileSystem.listDirectory(path);
    cost.namesListed += entries.length;
    return entries;
  };
  return {
    fileSystem: new Proxy(fileSystem, {
      get: (target, key) => (key === 'listDirectory' ? listDirectory : bound(target, key)),
    }),
    cost,
  };
}

function bound(target: FileSystem, key: string | symbol): unknown {
  const value: unknown = Reflect.get(target, key);
  return typeof value === 'function' ? value.bind(target) : value;
}
