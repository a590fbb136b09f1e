import { describe, expect, test } from '@jest/globals';
import { TidegateError } from 'tidegate';
import type { CheckpointId } from 'tidegate';
import type { CheckpointListing, OwnedStore } from 'tidegate/extend';
import type { CheckpointManifest } from 'tidegate/manifest';
import { recover } from '../../src/recovery/recover.js';
import { RecoveryWorld, refusalOf, resumedFrom, ScriptedSource } from './kit.js';

/** State that is valid JSON and a valid checksum, and still no state: base64 that is none. */
const undecodable = (manifest: CheckpointManifest): CheckpointManifest => ({
  ...manifest,
  operatorStates: new Map([
    ['totals', { stateB64: '!!', external: false, externalOffset: 0, externalLength: 0 }],
  ]),
});

describe('the newest checkpoint is damaged', () => {
  test('the newest intact complete one is resumed when no sink is past it', async () => {
    const world = new RecoveryWorld('archive');
    const base = await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    const id = await world.stored({ epoch: 2, sinks: { archive: 'P' }, change: undecodable });
    world.sink('archive').prepare(id);

    const outcome = resumedFrom(await world.recover());

    expect(outcome.base.manifest.checkpointId).toBe(base);
    expect(outcome.report.skipped).toEqual([
      { id, why: expect.stringContaining('LDB-4004') as unknown },
    ]);
    expect(await world.states()).toEqual({ [base]: 'complete' });
    expect(world.sink('archive').prepared.size).toBe(0);
  });

  test('a sink past the newest intact one refuses: its epoch would be written a second time', async () => {
    const world = new RecoveryWorld('archive');
    await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    const id = await world.stored({ epoch: 2, sinks: { archive: 'C' }, change: undecodable });

    const refusal = refusalOf(await world.recover());

    expect(refusal.code).toBe('TIDEGATE_RECOVERY_CORRUPT');
    expect(refusal.message).toContain(String(id));
    expect(Object.keys(await world.states())).toHaveLength(2);
  });

  test('a recovery error is not turned into a fresh start: all corrupt is refused', async () => {
    const world = new RecoveryWorld('archive');
    await world.stored({ epoch: 1, change: undecodable });

    expect(refusalOf(await world.recover()).code).toBe('TIDEGATE_RECOVERY_NOTHING_TO_RESUME');
  });

  test('all rolled back is refused as well', async () => {
    const world = new RecoveryWorld('archive');
    await world.stored({
      epoch: 1,
      sinks: { archive: 'F' },
      change: (manifest) => ({
        ...manifest,
        tidegate: { ...manifest.tidegate!, rolledBack: { reason: 'by a test', generation: 1 } },
      }),
    });

    expect(refusalOf(await world.recover()).code).toBe('TIDEGATE_RECOVERY_NOTHING_TO_RESUME');
  });

  test('a manifest of a newer version is refused and not treated as damaged', async () => {
    const world = new RecoveryWorld('archive');
    await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    await world.stored({ epoch: 2, change: (manifest) => ({ ...manifest, version: 2 }) });

    const refusal = refusalOf(await world.recover());

    expect(refusal.code).toBe('TIDEGATE_RECOVERY_NEWER_VERSION');
    expect(Object.values(await world.states())).not.toContain('corrupt');
  });

  test('epoch 0 is no checkpoint', async () => {
    const world = new RecoveryWorld();
    const base = await world.stored({ epoch: 1 });
    await world.stored({ epoch: 2, change: (manifest) => ({ ...manifest, epoch: 0 }) });

    expect(resumedFrom(await world.recover()).base.manifest.checkpointId).toBe(base);
  });

  test('an unreadable one below an attempt that is rolled back is set aside with it', async () => {
    const world = new RecoveryWorld('archive');
    const base = await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    const damaged = await world.stored({ epoch: 2 });
    const id = await world.stored({ epoch: 2, sinks: { archive: 'P' } });
    world.wrapStore = (store) => withListing(store, damaged, { state: 'corrupt', problem: cut });

    const outcome = resumedFrom(await world.recover());

    expect(outcome.base.manifest.checkpointId).toBe(base);
    expect(await world.states()).toEqual({ [base]: 'complete', [id]: 'rolled-back' });
  });

  test('a base that is damaged too is passed over, and refused where a sink is past the next', async () => {
    const world = new RecoveryWorld('archive');
    await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    const base = await world.stored({ epoch: 2, sinks: { archive: 'C' }, change: undecodable });
    await world.stored({ epoch: 3, sinks: { archive: 'P' } });

    const refusal = refusalOf(await world.recover());

    expect(refusal.code).toBe('TIDEGATE_RECOVERY_SINK_AHEAD');
    expect(refusal.message).toContain(String(base));
  });
});

describe('a store that does not fit its sinks', () => {
  test('a store restored from an old copy does not resume behind its sinks', async () => {
    const world = new RecoveryWorld('archive');
    const id = await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    world.sink('archive').committed(id + 1);

    const refusal = refusalOf(await world.recover());

    expect(refusal.code).toBe('TIDEGATE_RECOVERY_SINK_AHEAD');
    expect(refusal.message).toContain(String(id + 1));
  });

  test('a sink that was emptied or set back is refused: its epochs would be missing', async () => {
    const world = new RecoveryWorld('archive');
    await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    world.sink('archive').markers.clear();

    expect(refusalOf(await world.recover()).code).toBe('TIDEGATE_RECOVERY_SINK_REWOUND');
  });

  test('a sink of another store is refused, naming both', async () => {
    const world = new RecoveryWorld('archive');
    await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    world.sink('archive').storeId = 'another store' as never;

    const refusal = refusalOf(await world.recover());

    expect(refusal.code).toBe('TIDEGATE_RECOVERY_SINK_REFUSED');
    expect(refusal.message).toContain('another store');
  });

  test('two checkpoints in doubt are refused, and a person can restore one', async () => {
    const world = new RecoveryWorld('archive');
    const base = await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    const first = await world.stored({ epoch: 2, sinks: { archive: 'P' } });
    const second = await world.stored({ epoch: 2, sinks: { archive: 'P' } });

    const refusal = refusalOf(await world.recover());

    expect(refusal.code).toBe('TIDEGATE_RECOVERY_TWO_IN_DOUBT');
    expect(refusal.message).toContain(`${second}, ${first}`);
    world.request = { restoreFrom: { checkpointId: base, acceptDuplicatesIn: {} } };
    const restored = resumedFrom(await world.recover());
    expect(await world.states()).toEqual({
      [base]: 'complete',
      [first]: 'rolled-back',
      [second]: 'rolled-back',
      [restored.base.manifest.checkpointId]: 'complete',
    });
  });

  test('a sink in doubt that is no longer registered is refused by name', async () => {
    const world = new RecoveryWorld('archive');
    await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    await world.stored({ epoch: 2, sinks: { archive: 'C', removed: 'P' } });

    const refusal = refusalOf(await world.recover());

    expect(refusal.code).toBe('TIDEGATE_RECOVERY_UNKNOWN_SINK');
    expect(refusal.message).toContain('removed');
  });

  test('without a base nothing can be rolled back, so a person decides', async () => {
    const world = new RecoveryWorld('archive');
    const id = await world.stored({ epoch: 1, sinks: { archive: 'P' } });
    world.sink('archive').prepare(id);

    expect(refusalOf(await world.recover()).code).toBe('TIDEGATE_RECOVERY_NO_BASE');
    world.options = { inDoubtPolicy: 'roll-forward' };
    expect(resumedFrom(await world.recover()).base.manifest.checkpointId).toBe(id);
  });
});

describe('a manifest of another program', () => {
  test('a complete one is accepted and reported as unverified', async () => {
    const world = new RecoveryWorld('archive');
    await world.stored({ epoch: 3, foreign: true, sinks: { archive: 'C' } });

    const { base, report } = resumedFrom(await world.recover());

    expect(base.manifest.epoch).toBe(3);
    expect(report.warnings.join()).toContain('unverified');
  });

  test('in doubt without a handle, a sink that cannot tell refuses', async () => {
    const world = new RecoveryWorld('archive');
    await world.stored({ epoch: 1, foreign: true, sinks: { archive: 'C' } });
    await world.stored({ epoch: 2, foreign: true, sinks: { archive: 'P' } });
    world.sink('archive').always.set('inspect', () => 'unsupported');

    expect(refusalOf(await world.recover()).code).toBe('TIDEGATE_RECOVERY_FOREIGN_IN_DOUBT');
  });

  test('an epoch that failed below a complete one is marked, and the newest is resumed', async () => {
    const world = new RecoveryWorld('archive');
    await world.stored({ epoch: 1, foreign: true, sinks: { archive: 'C' } });
    const failed = await world.stored({ epoch: 2, foreign: true, sinks: { archive: 'P' } });
    const newest = await world.stored({ epoch: 3, foreign: true, sinks: { archive: 'C' } });
    world.sources.set('clicks', new ScriptedSource('clicks', world.log));

    const { base } = resumedFrom(await world.recover());

    expect(base.manifest.epoch).toBe(4);
    expect(await world.states()).toMatchObject({ [failed]: 'rolled-back', [newest]: 'complete' });
    const listings = await (await world.memory.openReadOnly()).list();
    const { manifest } = listings.find(({ id }) => id === failed)!;
    expect(manifest?.tidegate?.rolledBack?.reason).toBe('its epoch failed where it was taken');
    // Below one of ours it would be a second one in doubt, were it not marked.
    resumedFrom(await world.recover());
  });

  test('of two in doubt the newest is asked about, and the one below is a failed epoch', async () => {
    const world = new RecoveryWorld('archive');
    const base = await world.stored({ epoch: 1, foreign: true, sinks: { archive: 'C' } });
    const failed = await world.stored({ epoch: 2, foreign: true, sinks: { archive: 'F' } });
    const newest = await world.stored({ epoch: 3, foreign: true, sinks: { archive: 'P' } });

    expect(resumedFrom(await world.recover()).base.manifest.checkpointId).toBe(base);
    expect(await world.states()).toEqual({
      [base]: 'complete',
      [failed]: 'rolled-back',
      [newest]: 'rolled-back',
    });
  });

  test('a crash between the marks of both leaves the newest to be asked about', async () => {
    const world = new RecoveryWorld('archive');
    const base = await world.stored({ epoch: 1, foreign: true, sinks: { archive: 'C' } });
    const failed = await world.stored({ epoch: 2, foreign: true, sinks: { archive: 'P' } });
    const newest = await world.stored({ epoch: 3, foreign: true, sinks: { archive: 'P' } });
    const saved: number[] = [];
    world.wrapStore = (store) => savesSeen(store, saved);

    resumedFrom(await world.recover());

    expect(saved).toEqual([base, failed, newest]);
  });

  test('a sink that has committed the failed epoch is not given it a second time', async () => {
    const world = new RecoveryWorld('archive', 'log');
    const sinks = { archive: 'C', log: 'C' } as const;
    await world.stored({ epoch: 1, foreign: true, sinks });
    const failed = await world.stored({
      ...{ epoch: 2, foreign: true, sinks: { archive: 'P', log: 'P' } },
    });
    await world.stored({ epoch: 3, foreign: true, sinks: { archive: 'P', log: 'P' } });
    world.sink('archive').committed(failed);

    const refusal = refusalOf(await world.recover());

    expect(refusal.code).toBe('TIDEGATE_RECOVERY_SINK_AHEAD');
    expect(refusal.message).toContain(`sink archive has committed checkpoint ${failed}`);
  });

  test('nor one whose commit stands in the manifest of the failed epoch alone', async () => {
    const world = new RecoveryWorld('archive', 'log');
    const sinks = { archive: 'C', log: 'C' } as const;
    const base = await world.stored({ epoch: 1, foreign: true, sinks });
    const failed = await world.stored({
      ...{ epoch: 2, foreign: true, sinks: { archive: 'C', log: 'F' } },
    });
    const newest = { archive: 'P', log: 'P' } as const;
    await world.stored({ epoch: 3, foreign: true, sinks: newest });
    world.sink('archive').markers.clear();

    const refusal = refusalOf(await world.recover());

    expect(refusal.code).toBe('TIDEGATE_RECOVERY_SINK_AHEAD');
    expect(refusal.message).toContain(`sink archive has committed checkpoint ${failed}`);
    const request = world.requestFor(await world.open());
    const restoreFrom = { checkpointId: base, acceptDuplicatesIn: {} };
    const restored = await world.clock.drive(recover({ ...request, restoreFrom }));
    expect(refusalOf(restored).message).toContain(`archive (at ${failed})`);
  });

  test.each(['N', 'one below an N in doubt'])(
    'damage to %s refuses: a commit of it would have left no marker',
    async (which) => {
      const world = new RecoveryWorld('archive');
      await world.stored({ epoch: 1, foreign: true, sinks: { archive: 'C' } });
      world.sink('archive').markers.clear();
      const damaged = await world.stored({ epoch: 2, foreign: true, sinks: { archive: 'P' } });
      if (which !== 'N') {
        await world.stored({ epoch: 3, foreign: true, sinks: { archive: 'P' } });
      }
      world.wrapStore = (store) => withListing(store, damaged, { state: 'corrupt', problem: cut });

      const refusal = refusalOf(await world.recover());

      expect(refusal.code).toBe('TIDEGATE_RECOVERY_CORRUPT');
      expect(refusal.message).toContain(`may have committed checkpoint ${damaged}`);
      expect(Object.keys(await world.states())).toContain(String(damaged));
    },
  );

  test('damage falls back where no sink commits in two phases', async () => {
    const world = new RecoveryWorld();
    const base = await world.stored({ epoch: 1, foreign: true });
    const damaged = await world.stored({ epoch: 2, foreign: true });
    world.wrapStore = (store) => withListing(store, damaged, { state: 'corrupt', problem: cut });

    expect(resumedFrom(await world.recover()).base.manifest.checkpointId).toBe(base);
  });

  test('one of ours in doubt below a complete one stays a riddle', async () => {
    const world = new RecoveryWorld('archive');
    await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    await world.stored({ epoch: 2, sinks: { archive: 'P' } });
    const newest = await world.stored({ epoch: 3, sinks: { archive: 'C' } });
    world.sink('archive').committed(newest);

    expect(refusalOf(await world.recover()).code).toBe('TIDEGATE_RECOVERY_TWO_IN_DOUBT');
  });

  test('one that is rolled back gains our object and its mark', async () => {
    const world = new RecoveryWorld('archive');
    const base = await world.stored({ epoch: 1, foreign: true });
    const id = await world.stored({ epoch: 2, foreign: true, sinks: { archive: 'P' } });

    expect(resumedFrom(await world.recover()).base.manifest.checkpointId).toBe(base);
    expect(await world.states()).toMatchObject({ [id]: 'rolled-back' });
  });
});

const cut = new TidegateError('TIDEGATE_MANIFEST_SYNTAX', 'the manifest ends in the middle');

function savesSeen(store: OwnedStore, saved: number[]): OwnedStore {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...args: readonly unknown[]): unknown => {
        if (name === 'saveManifest') saved.push((args[0] as CheckpointManifest).checkpointId);
        return Reflect.apply(member, target, args) as unknown;
      };
    },
  });
}

/** What a scan would say of a checkpoint whose manifest cannot be read. */
function withListing(
  store: OwnedStore,
  damaged: CheckpointId,
  found: Pick<CheckpointListing, 'state' | 'problem'>,
): OwnedStore {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'list') {
        return async () =>
          (await target.list()).map((listing) => {
            if (listing.id !== damaged) return listing;
            return { id: damaged, byteLength: listing.byteLength, ...found };
          });
      }
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}

describe('prepared output is damaged', () => {
  test('no sink commits a roll forward that one of them would refuse', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    world.options = { inDoubtPolicy: 'roll-forward' };
    await world.stored({ epoch: 1, sinks: { archive: 'C', warehouse: 'C' } });
    const id = await world.stored({ epoch: 2, sinks: { archive: 'P', warehouse: 'P' } });
    world.sink('archive').prepare(id);
    world.sink('warehouse').prepare(id);
    const damage = new TidegateError('TIDEGATE_FILES_CORRUPT', 'part-2 was damaged');
    world.sink('archive').always.set('verify', (run) => run());
    world.sink('warehouse').always.set('verify', () => Promise.reject(damage));

    const refusal = refusalOf(await world.recover());

    expect(refusal).toMatchObject({ code: 'TIDEGATE_RECOVERY_SINK_REFUSED', cause: damage });
    expect(refusal.message).toContain('warehouse');
    expect(refusal.message).toContain('part-2 was damaged');
    expect(world.log.filter((line) => line.endsWith(' commit'))).toEqual([]);
    world.options = {};
    resumedFrom(await world.recover());
    expect((await world.states())[id]).toBe('rolled-back');
  });

  test('a sink that finds no damage is committed after it was asked', async () => {
    const world = new RecoveryWorld('archive');
    world.options = { inDoubtPolicy: 'roll-forward' };
    await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    const id = await world.stored({ epoch: 2, sinks: { archive: 'P' } });
    world.sink('archive').prepare(id);
    world.sink('archive').always.set('verify', (run) => run());

    resumedFrom(await world.recover());

    const calls = world.sink('archive').calls.filter((call) => /verify|commit$/.test(call));
    expect(calls).toEqual(['verify', 'commit']);
    expect(world.sink('archive').markers.has(id)).toBe(true);
  });
});
