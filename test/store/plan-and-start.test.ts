// A plan and a real start never differ: over every golden store, whole and damaged, and over ours.

import { describe, expect, test } from '@jest/globals';
import { checkpointName, manifestFile } from '../../src/store/layout.js';
import { statIfExists } from '../../src/runtime/small-files.js';
import type { SimulatedDisk } from 'tidegate/testing';
import {
  copyOf,
  folders,
  planOf,
  startOf,
  storePath,
  worldOn,
  type Registered,
} from './laminar-kit.js';

const everything: Registered = {
  operators: ['op', 'some', 'none', 'a', 'small', 'large'],
  twoPhase: ['pg-sink', 'pg', 'a', 'b', 'c'],
  flushed: ['delta', 'alo-kafka'],
  maxManifestBytes: 100_000,
};

type Damage = (disk: SimulatedDisk, root: string) => Promise<void> | void;

/** The newest manifest of a copied store. */
function newest(disk: SimulatedDisk): string | undefined {
  return [...disk.tree().keys()]
    .filter((path) => path.endsWith(`/${manifestFile}`))
    .sort()
    .at(-1);
}

/** Also where there is one already. */
async function directoryAt(disk: SimulatedDisk, path: string): Promise<void> {
  if (await statIfExists(disk.mount().fileSystem, path)) return;
  await disk.mount().fileSystem.makeDirectory(path);
}

const changeNewest =
  (change: (text: string) => string): Damage =>
  (disk) => {
    const path = newest(disk);
    if (path === undefined) return;
    disk.writeFile(path, Buffer.from(change(Buffer.from(disk.tree().get(path)!).toString())));
  };

const damages: Readonly<Record<string, Damage>> = {
  'as it is': () => undefined,
  'newest cut': changeNewest((text) => text.slice(0, text.length / 2)),
  'newest empty': changeNewest(() => ''),
  'newest with a byte order mark': changeNewest((text) => `\ufeff${text}`),
  'newest of version 9 without the rest': changeNewest(() => '{"version":9}'),
  'newest of version 0': changeNewest((text) => text.replace('"version": 1', '"version": 0')),
  'newest of epoch 0': changeNewest((text) => text.replace(/"epoch": \d+/, '"epoch": 0')),
  'newest with a counter above 2^53-1': changeNewest((text) =>
    text.replace(/"epoch": \d+/, '"epoch": 18446744073709551615'),
  ),
  'newest of another id': changeNewest((text) =>
    text.replace(/"checkpoint_id": \d+/, '"checkpoint_id": 77'),
  ),
  'newest pending': changeNewest((text) => text.replaceAll('"Committed"', '"Pending"')),
  'newest huge': changeNewest((text) => text + ' '.repeat(200_000)),
  'newest with a checksum of nothing': changeNewest((text) =>
    text.replace('"state_checksum": null', `"state_checksum": "${'0'.repeat(64)}"`),
  ),
  'sidecars gone': async (disk) => {
    const { fileSystem } = disk.mount();
    for (const path of disk.tree().keys()) {
      if (path.endsWith('state.bin')) await fileSystem.removeFile(path);
    }
  },
  'latest.txt garbled': (disk, root) => disk.writeFile(`${root}/latest.txt`, Buffer.of(0, 255)),
  'extra files': (disk, root) => disk.writeFile(`${root}/notes.txt`, Buffer.from('mine')),
  'a file named as a checkpoint': (disk, root) =>
    disk.writeFile(`${root}/${checkpointName(90)}`, Buffer.from('no directory')),
  'an empty directory named as a checkpoint': (disk, root) =>
    disk.mount().fileSystem.makeDirectory(`${root}/${checkpointName(90)}`),
  'a directory in the place of a manifest': async (disk, root) => {
    const { fileSystem } = disk.mount();
    await fileSystem.makeDirectory(`${root}/${checkpointName(90)}`);
    await fileSystem.makeDirectory(`${root}/${checkpointName(90)}/${manifestFile}`);
  },
  'a directory moved in under an upper-case name': async (disk, root) => {
    const { fileSystem } = disk.mount();
    await fileSystem.makeDirectory('/elsewhere');
    disk.writeFile(`/elsewhere/${manifestFile}`, Buffer.from('{}'));
    await fileSystem.rename('/elsewhere', `${root}/CHECKPOINT_000091`);
  },
  'names that are no ids': async (disk, root) => {
    for (const name of [
      'checkpoint_42',
      'Checkpoint_000043',
      'checkpoint_x',
      'checkpoint_000000',
    ]) {
      await directoryAt(disk, `${root}/${name}`);
      disk.writeFile(`${root}/${name}/${manifestFile}`, Buffer.from('{"version":1}'));
    }
  },
  'an id above every other': async (disk, root) => {
    const name = 'checkpoint_18446744073709551614';
    await disk.mount().fileSystem.makeDirectory(`${root}/${name}`);
    disk.writeFile(`${root}/${name}/${manifestFile}`, Buffer.from('{"version":1}'));
  },
  'an identity that is garbled': async (disk, root) => {
    await directoryAt(disk, `${root}/tidegate`);
    disk.writeFile(`${root}/tidegate/store.json`, Buffer.from('{'));
  },
  'the identity of another pipeline': async (disk, root) => {
    await directoryAt(disk, `${root}/tidegate`);
    const identity = { formatVersion: 1, storeId: 'other', pipeline: 'clicks' };
    disk.writeFile(`${root}/tidegate/store.json`, Buffer.from(JSON.stringify(identity)));
  },
};

describe.each(folders)('%s', (folder) => {
  test.each(Object.keys(damages))('%s', async (what) => {
    const disk = await copyOf(folder);
    await damages[what]!(disk, storePath(folder));

    const before = [...disk.tree()].map(([path]) => path);
    const planned = await planOf(worldOn(disk, folder, everything));
    expect([...disk.tree()].map(([path]) => path)).toEqual(before);
    const started = await startOf(worldOn(disk, folder, everything));

    expect(started).toBe(planned);
  });
});

describe('a store of ours', () => {
  const statuses = ['C', 'P', 'F'] as const;
  const cases = statuses.flatMap((one) =>
    statuses.flatMap((two) =>
      Object.keys(damages).map((damage): [string, string, string] => [one, two, damage]),
    ),
  );

  test.each(cases)('with %s above %s, %s', async (above, below, damage) => {
    const disk = await copyOf('57-object-layout');
    const [folder, root] = ['own', '/copy/checkpoints'];
    const world = () => worldOn(disk, folder, { ...everything, twoPhase: ['pg-sink'] });
    await disk.mount().fileSystem.removeFile(`${root}/state-000001.bin`);
    await disk.mount().fileSystem.removeFile(`${root}/state-000002.bin`);
    const earlier = world();
    for (const [index, status] of ['C', below, above].entries()) {
      const sinks = { 'pg-sink': status as 'C' | 'P' | 'F' };
      const change = (manifest: Awaited<ReturnType<typeof earlier.manifest>>) => ({
        ...manifest,
        operatorStates: new Map(),
      });
      await earlier.stored({ epoch: index + 1, sinks, change });
    }
    await damages[damage]!(disk, root);

    const planned = await planOf(world());
    expect(await startOf(world())).toBe(planned);
  });
});
