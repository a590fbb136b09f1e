// A start with another store than the sinks belong to: what they have committed is named, and nothing is done.

import { beforeEach, describe, expect, test } from '@jest/globals';
import { TidegateError } from 'tidegate';
import { storeId } from '../../src/ids.js';
import { fails, hangs, RecoveryWorld, refusalOf, replaced } from './kit.js';

const other = storeId('the other store');
let world: RecoveryWorld;

beforeEach(() => {
  world = new RecoveryWorld('archive', 'warehouse', 'fresh');
  for (const name of ['archive', 'warehouse']) {
    world.sink(name).storeId = other;
    world.sink(name).generation = 3;
  }
  world.sink('archive').committed(16, 17);
  world.sink('warehouse').committed(16);
  world.wrapStore = (store) => replaced(store, { place: '/data/checkpoints' });
});

describe('sinks that remember another store', () => {
  test('are named with what they have committed there, with the directory and the ways out', async () => {
    const refusal = refusalOf(await world.recover());

    expect(refusal.code).toBe('TIDEGATE_RECOVERY_SINK_REFUSED');
    expect(refusal.message).toContain(
      '; the store in /data/checkpoints holds no checkpoint, and output is committed in ' +
        'archive up to checkpoint 17, warehouse up to checkpoint 16: bring the checkpoints back',
    );
    expect(refusal.message).not.toContain('fresh up to');
    for (const sink of world.sinks.values()) expect(sink.calls).not.toContain('commit');
  });

  test('are closed again after they were asked', async () => {
    refusalOf(await world.recover());

    expect(world.sink('archive').closes).toBe(1);
    expect(world.sink('warehouse').closes).toBe(1);
  });

  test.each([
    ['hangs', hangs],
    ['fails', fails],
  ])('one that %s is left out, and the refusal comes all the same', async (_how, behaviour) => {
    world.sink('archive').always.set('openReadOnly', behaviour);

    const { message } = refusalOf(await world.recover());

    expect(message).toContain('output is committed in warehouse up to checkpoint 16');
    expect(message).not.toContain('archive up to');
  });

  test('are not asked when there are checkpoints: then the sink is the stranger', async () => {
    await world.stored({ epoch: 1, sinks: {} });

    const { message } = refusalOf(await world.recover());

    expect(message).toContain('sink holds the other store');
    expect(message).not.toContain('output is committed');
  });

  test('are not asked for another refusal, whatever its details say', async () => {
    world = new RecoveryWorld('archive');
    world.sink('archive').committed(17);
    const refused = new TidegateError('TIDEGATE_SINK_DIRECTORY', 'taken', {
      details: { remembered: other },
    });
    world.sink('archive').always.set('open', () => Promise.reject(refused));

    expect(refusalOf(await world.recover()).message).not.toContain('output is committed');
    expect(world.sink('archive').calls).not.toContain('openReadOnly');
  });
});
