// What recovery asks, writes and puts back, and what it leaves alone.

import { describe, expect, test } from '@jest/globals';
import type { CheckpointListing, TableStore } from 'tidegate/extend';
import { inlineOperatorState } from 'tidegate/manifest';
import { inlineStateDigest } from '../../src/store/state-checks.js';
import {
  RecoveryWorld,
  refusalOf,
  replaced,
  resumedFrom,
  ScriptedSource,
  type ScriptedSink,
} from './kit.js';

const savesOf = (world: RecoveryWorld): readonly string[] =>
  world.log.filter((line) => line.startsWith('save'));

describe('what is discarded', () => {
  test('is saved once, and before the manifest of a restore', async () => {
    const world = new RecoveryWorld('archive');
    const chosen = await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    const older = await world.stored({ epoch: 2, sinks: { archive: 'P' } });
    const newer = await world.stored({ epoch: 2, sinks: { archive: 'P' } });
    world.logSaves();
    world.request = { restoreFrom: { checkpointId: chosen, acceptDuplicatesIn: {} } };

    const { base } = resumedFrom(await world.recover());

    const restored = base.manifest.checkpointId;
    expect(savesOf(world)).toEqual([`save ${newer}`, `save ${older}`, `save ${restored}`]);
    expect(await world.states()).toMatchObject({ [older]: 'rolled-back', [newer]: 'rolled-back' });
  });

  test('is named when the store does not set it aside', async () => {
    const world = new RecoveryWorld('archive');
    await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    const damaged = await world.stored({ epoch: 2 });
    await world.stored({ epoch: 2, sinks: { archive: 'P' } });
    world.wrapStore = (store) =>
      replaced(store, {
        list: async () =>
          (await store.list()).map((listing): CheckpointListing => {
            if (listing.id !== damaged) return listing;
            const { manifest: _manifest, ...rest } = listing;
            return { ...rest, state: 'corrupt', problem: new Error('cut') };
          }),
        quarantine: () => new Promise(() => undefined),
        takeNextGeneration: () => Promise.reject(new Error('EIO')),
      });

    const what = `quarantining checkpoint ${damaged}`;
    expect(refusalOf(await world.recover()).message).toBe(
      `${what} failed: ${what} took longer than 30000 ms`,
    );
  });
});

describe('two sinks that are prepared', () => {
  test('are both named by the decision', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    world.request = { occasion: 'in-process' };
    const id = await world.stored({ epoch: 1, sinks: { archive: 'P', warehouse: 'P' } });
    for (const sink of world.sinks.values()) sink.prepare(id);

    const { report } = resumedFrom(await world.recover());

    expect(report.decision).toContain(`commit checkpoint ${id} at archive, warehouse, then resume`);
  });
});

describe('states', () => {
  test('that are all inline are carried forward without a sidecar', async () => {
    const world = new RecoveryWorld();
    await world.stored({ epoch: 1 });
    world.sources.set('clicks', new ScriptedSource('clicks', world.log));
    world.wrapStore = (store) =>
      replaced(store, { writeSidecar: () => Promise.reject(new Error('nothing to write')) });

    const { base } = resumedFrom(await world.recover());

    expect(base.manifest.stateChecksum).toBe(inlineStateDigest(base.manifest.operatorStates));
    expect(world.operator.state).toBe('state 1');
  });

  test('of none at all reset their operator', async () => {
    const world = new RecoveryWorld();
    const empty = { ...inlineOperatorState(Buffer.of()), stateB64: undefined };
    await world.stored({
      epoch: 1,
      change: (manifest) => ({ ...manifest, operatorStates: new Map([['totals', empty]]) }),
    });
    world.operator.state = 'left behind by a failed attempt';

    resumedFrom(await world.recover());

    expect(world.log).toContain('totals reset');
    expect(world.operator.state).toBe('initial');
  });
});

describe('a checkpoint with a table store', () => {
  const withTables = async (): Promise<RecoveryWorld> => {
    const world = new RecoveryWorld();
    await world.stored({
      epoch: 1,
      change: (manifest) => ({ ...manifest, tableStoreCheckpointPath: 'tables/1' }),
    });
    return world;
  };

  test('is not resumed without one', async () => {
    const world = await withTables();

    expect(refusalOf(await world.recover()).message).toContain(
      'it has a checkpoint of a table store, and none is registered',
    );
  });

  test('puts it back', async () => {
    const world = await withTables();
    const restored: unknown[] = [];
    world.tableStore = {
      restore: (path: unknown) => void restored.push(path),
    } as unknown as TableStore;

    resumedFrom(await world.recover());

    expect(restored).toEqual(['tables/1']);
  });
});

describe('a manifest of another program that names a sink by its epoch alone', () => {
  const named = async (sinks: RecoveryWorld): Promise<number> => {
    await sinks.stored({ epoch: 1, foreign: true });
    return sinks.stored({
      epoch: 2,
      foreign: true,
      change: (manifest) => ({ ...manifest, sinkEpochs: new Map([['archive', 1]]) }),
    });
  };

  test('is complete where the sink has two phases now: it was flushed when it was written', async () => {
    const world = new RecoveryWorld('archive');
    const id = await named(world);

    expect(resumedFrom(await world.recover()).base.manifest.checkpointId).toBe(id);
    expect(world.sink('archive').calls).not.toContain('inspect');
  });

  test('is complete where it is flushed', async () => {
    const world = new RecoveryWorld();
    const flushed = { durability: 'at-least-once', open: () => ({ write: () => undefined }) };
    world.sinks.set('archive', flushed as unknown as ScriptedSink);
    const id = await named(world);

    expect(resumedFrom(await world.recover()).base.manifest.checkpointId).toBe(id);
  });
});

test('a sink is not asked about a commit that no handle can show', async () => {
  const world = new RecoveryWorld('archive');
  await world.stored({ epoch: 1, sinks: { archive: 'C' }, handles: 'none' });

  resumedFrom(await world.recover());

  expect(world.sink('archive').calls).toEqual(['open', 'lastCommitted', 'rollback']);
});
