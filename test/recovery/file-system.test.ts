import { beforeEach, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { FileSystemCheckpointStore } from 'tidegate';
import type { CheckpointId } from 'tidegate';
import { seededRandom } from 'tidegate/extend';
import type { CheckpointStore, FileSystem } from 'tidegate/extend';
import { externalOperatorState } from 'tidegate/manifest';
import { SimulatedDisk } from 'tidegate/testing';
import { RecoveryWorld, refusalOf, resumedFrom } from './kit.js';

describe('recovery over files', () => {
  let disk: SimulatedDisk;
  let world: RecoveryWorld;

  beforeEach(() => {
    disk = new SimulatedDisk();
    world = new RecoveryWorld('archive');
    world.memory = storeOn(disk.mount().fileSystem);
  });

  function storeOn(fileSystem: FileSystem): CheckpointStore {
    return new FileSystemCheckpointStore('/checkpoints', {
      fileSystem,
      clock: world.clock,
      random: seededRandom(3),
      heartbeatMs: 0,
    });
  }

  test.each([
    ['points to a checkpoint that is not there', 'checkpoint_999999'],
    ['is empty', ''],
  ])('a latest pointer that %s does not cause a fresh start', async (_what, pointer) => {
    const id = await world.stored({ epoch: 4, sinks: { archive: 'C' } });
    disk.writeFile(pathOf(disk, 'latest.txt'), Buffer.from(pointer));

    const { base } = resumedFrom(await world.recover());

    expect(base.manifest.checkpointId).toBe(id);
  });

  test('a damaged sidecar is still noticed after recovery has saved the manifest again', async () => {
    await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    const id = await withSidecar(world, Buffer.from('large state'));
    world.sink('archive').committed(id);
    const { report } = resumedFrom(await world.recover());
    expect(report.row.number).toBe(9);
    expect(world.operator.state).toBe('large state');
    disk.writeFile(pathOf(disk, 'state.bin'), Buffer.from('large STATE'));

    expect(refusalOf(await world.recover()).code).toBe('TIDEGATE_RECOVERY_CORRUPT');
  });

  test('what recovery has settled survives a power failure right after it', async () => {
    const base = await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    const id = await world.stored({ epoch: 2, sinks: { archive: 'P' } });
    world.sink('archive').prepare(id);
    resumedFrom(await world.recover());

    for (const outcome of disk.powerLossOutcomes()) {
      const reader = await storeOn(outcome.mount().fileSystem).openReadOnly();
      const listings = await reader.list();
      const states = Object.fromEntries(listings.map((found) => [found.id, found.state]));
      expect(states).toEqual({ [base]: 'complete', [id]: 'rolled-back' });
    }
  });
});

/** A checkpoint in doubt whose operator state is in the sidecar. */
async function withSidecar(world: RecoveryWorld, state: Uint8Array): Promise<CheckpointId> {
  const store = await world.open();
  const id = store.allocateCheckpointId();
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(state);
  }
  await store.writeSidecar(id, chunks(), { maxBytes: 1_000 });
  const manifest = world.manifest(store, id, { epoch: 2, sinks: { archive: 'P' } });
  await store.saveManifest({
    ...manifest,
    operatorStates: new Map([['totals', externalOperatorState(0, state.byteLength)]]),
    stateChecksum: createHash('sha256').update(state).digest('hex'),
  });
  return id;
}

function pathOf(disk: SimulatedDisk, name: string): string {
  const path = [...disk.tree().keys()].find((candidate) => candidate.endsWith(`/${name}`));
  if (path === undefined) throw new Error(`there is no ${name}: ${[...disk.tree().keys()].join()}`);
  return path;
}
