// What recovery reads to the last byte: N, and below it only until one checkpoint holds.

import { expect, test } from '@jest/globals';
import { TidegateError } from 'tidegate';
import { RecoveryWorld, refusalOf, replaced, resumedFrom } from './kit.js';

/** Ids in the order in which they are loaded; `damaged` ones do not verify. */
function watchLoads(world: RecoveryWorld, damaged: readonly number[] = []): readonly number[] {
  const loads: number[] = [];
  world.wrapStore = (store) =>
    replaced(store, {
      load: (id, options) => {
        loads.push(id);
        if (!damaged.includes(id)) return store.load(id, options);
        return Promise.reject(new TidegateError('TIDEGATE_STORE_CORRUPT', `${id} is cut`));
      },
    });
  return loads;
}

test('a complete newest checkpoint is verified alone', async () => {
  const world = new RecoveryWorld('archive');
  await world.stored({ epoch: 1, sinks: { archive: 'C' } });
  const newest = await world.stored({ epoch: 2, sinks: { archive: 'C' } });
  const loads = watchLoads(world);

  resumedFrom(await world.recover());

  expect(loads).toEqual([newest]);
});

test('below one in doubt the newest complete one is verified, and none below that', async () => {
  const world = new RecoveryWorld('archive');
  await world.stored({ epoch: 1, sinks: { archive: 'C' } });
  const base = await world.stored({ epoch: 2, sinks: { archive: 'C' } });
  const newest = await world.stored({ epoch: 3, sinks: { archive: 'P' } });
  const loads = watchLoads(world);

  resumedFrom(await world.recover());

  expect(loads).toEqual([newest, base]);
});

test('a damaged base is passed by for the next one that holds', async () => {
  const world = new RecoveryWorld();
  const first = await world.stored({ epoch: 1 });
  const second = await world.stored({ epoch: 2 });
  const newest = await world.stored({ epoch: 3 });
  const loads = watchLoads(world, [second, newest]);

  const { base } = resumedFrom(await world.recover());

  expect(loads).toEqual([newest, second, first]);
  expect(base.manifest.checkpointId).toBe(first);
});

test('an older one in doubt is not verified: nothing could be resumed from it', async () => {
  const world = new RecoveryWorld('archive');
  await world.stored({ epoch: 1, sinks: { archive: 'P' } });
  const newest = await world.stored({ epoch: 2, sinks: { archive: 'P' } });
  const loads = watchLoads(world);

  refusalOf(await world.recover());

  expect(loads).toEqual([newest]);
});

test('a sink is asked about N and the base alone, and only where it takes part in them', async () => {
  const world = new RecoveryWorld('archive', 'added');
  await world.stored({ epoch: 1, sinks: { archive: 'C' } });
  await world.stored({ epoch: 2, sinks: { archive: 'C' } });
  const newest = await world.stored({ epoch: 3, sinks: { archive: 'P' } });
  world.sink('archive').prepare(newest);

  resumedFrom(await world.recover());

  const asked = (name: string): number =>
    world.sink(name).calls.filter((call) => call === 'inspect').length;
  expect([asked('archive'), asked('added')]).toEqual([2, 0]);
});

test('sinks stay open behind a recovery that goes on, and are closed behind a refusal', async () => {
  const world = new RecoveryWorld('archive');
  await world.stored({ epoch: 1, sinks: { archive: 'C' } });
  resumedFrom(await world.recover());
  expect(world.sink('archive').closes).toBe(0);

  world.sink('archive').markers.clear();
  refusalOf(await world.recover());
  expect(world.sink('archive').closes).toBe(1);
});
