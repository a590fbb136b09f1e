import { describe, expect, test } from '@jest/globals';
import { checkpointId } from '../../src/ids.js';
import { RecoveryWorld, refusalOf, resumedFrom } from './kit.js';

describe('restoring a chosen checkpoint', () => {
  test('is not undone by the next crash', async () => {
    const world = new RecoveryWorld('archive');
    const chosen = await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    const past = await world.stored({ epoch: 2, sinks: { archive: 'C' } });
    world.request = {
      restoreFrom: { checkpointId: chosen, acceptDuplicatesIn: { archive: past } },
    };
    const restored = resumedFrom(await world.recover());
    world.request = {};

    const again = resumedFrom(await world.recover());

    expect(again.base.manifest.checkpointId).toBe(restored.base.manifest.checkpointId);
    expect(world.source.offset).toBe('100');
    expect(world.operator.state).toBe('state 1');
  });

  test('makes a new checkpoint above every id and epoch used, without handles', async () => {
    const world = new RecoveryWorld('archive');
    const chosen = await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    const newest = await world.stored({ epoch: 5, sinks: { archive: 'C' } });
    world.request = {
      restoreFrom: { checkpointId: chosen, acceptDuplicatesIn: { archive: newest } },
    };

    const { base, nextEpoch, report } = resumedFrom(await world.recover());

    expect(base.manifest.checkpointId).toBeGreaterThan(newest);
    expect(base.manifest.epoch).toBe(6);
    expect(nextEpoch).toBe(7);
    expect(base.manifest.tidegate).toMatchObject({
      restoredFrom: chosen,
      commitHandles: new Map(),
    });
    expect(report.decision).toContain(`restore checkpoint ${chosen}`);
  });

  test('is refused where a sink has committed past it, unless the call names that sink', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    const chosen = await world.stored({ epoch: 1, sinks: { archive: 'C', warehouse: 'C' } });
    const past = await world.stored({ epoch: 2, sinks: { archive: 'C', warehouse: 'C' } });
    world.request = {
      restoreFrom: { checkpointId: chosen, acceptDuplicatesIn: { archive: past } },
    };

    const refusal = refusalOf(await world.recover());

    expect(refusal.code).toBe('TIDEGATE_RESTORE_REFUSED');
    expect(refusal.message).toContain('warehouse');
    expect(refusal.message).not.toContain('archive (');
    expect(Object.keys(await world.states())).toHaveLength(2);
  });

  test('is not carried out again by a start with the same choice, once the sink has gone on', async () => {
    const world = new RecoveryWorld('archive');
    const chosen = await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    const past = await world.stored({ epoch: 2, sinks: { archive: 'C' } });
    world.request = {
      restoreFrom: { checkpointId: chosen, acceptDuplicatesIn: { archive: past } },
    };
    resumedFrom(await world.recover());
    // Nothing was committed since: the same again changes nothing.
    const { base } = resumedFrom(await world.recover());
    expect(base.manifest.tidegate?.restoredFrom).toBe(chosen);
    const since = await world.stored({ epoch: 5, sinks: { archive: 'C' } });

    const refusal = refusalOf(await world.recover());

    expect(refusal.code).toBe('TIDEGATE_RESTORE_REFUSED');
    expect(refusal.message).toContain(`archive (at ${since})`);
    expect(refusal.remedy).toContain('take restoreFrom out');
  });

  test('marks the checkpoint in doubt rolled back, and discards its output', async () => {
    const world = new RecoveryWorld('archive');
    const chosen = await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    const inDoubt = await world.stored({ epoch: 2, sinks: { archive: 'P' } });
    world.sink('archive').prepare(inDoubt);
    world.request = { restoreFrom: { checkpointId: chosen, acceptDuplicatesIn: {} } };

    const { base } = resumedFrom(await world.recover());

    expect(base.manifest.tidegate?.restoredFrom).toBe(chosen);
    expect(await world.states()).toMatchObject({ [inDoubt]: 'rolled-back' });
    expect(world.sink('archive').prepared.size).toBe(0);
  });

  test.each([
    ['that does not exist', async () => Promise.resolve(checkpointId(1)), /no checkpoint 1$/],
    [
      'in doubt',
      (world: RecoveryWorld) => world.stored({ epoch: 2, sinks: { archive: 'P' } }),
      /in-doubt/,
    ],
  ])('refuses one %s', async (_what, choose, message) => {
    const world = new RecoveryWorld('archive');
    await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    const chosen = await choose(world);
    world.request = { restoreFrom: { checkpointId: chosen, acceptDuplicatesIn: {} } };

    expect(refusalOf(await world.recover()).message).toMatch(message);
  });

  test('is a way out when the newest leaves a sink in doubt that was removed', async () => {
    const world = new RecoveryWorld('archive');
    const chosen = await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    await world.stored({ epoch: 2, sinks: { removed: 'P' } });
    expect(refusalOf(await world.recover()).code).toBe('TIDEGATE_RECOVERY_UNKNOWN_SINK');
    world.request = { restoreFrom: { checkpointId: chosen, acceptDuplicatesIn: {} } };

    const { base } = resumedFrom(await world.recover());

    expect(base.manifest.tidegate?.restoredFrom).toBe(chosen);
  });

  test('still refuses a sink that another owner holds', async () => {
    const world = new RecoveryWorld('archive');
    const chosen = await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    world.sink('archive').generation = 1_000;
    world.request = { restoreFrom: { checkpointId: chosen, acceptDuplicatesIn: {} } };

    const old = await world.open();
    await world.open();
    expect(refusalOf(await world.recoverWith(old)).code).toBe('TIDEGATE_FENCED');
  });

  test('goes back to a savepoint whose markers the sinks have pruned since', async () => {
    const world = new RecoveryWorld('archive');
    const savepoint = await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    const newest = await world.stored({ epoch: 2, sinks: { archive: 'C' } });
    world.sink('archive').markers.delete(savepoint);
    world.request = {
      restoreFrom: { checkpointId: savepoint, acceptDuplicatesIn: { archive: newest } },
    };

    const { base } = resumedFrom(await world.recover());

    expect(base.manifest.tidegate?.restoredFrom).toBe(savepoint);
  });
});
