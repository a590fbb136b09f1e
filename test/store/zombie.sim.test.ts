// An overtaken owner changes nothing that the newer one can see, however late it wakes up.

import { expect, test } from '@jest/globals';
import { hasErrorCode } from 'tidegate';
import { seededRandom } from 'tidegate/extend';
import { SimulatedDisk } from 'tidegate/testing';
import { makeStore } from './crash/actions.js';
import { enumerateZombies } from './crash/zombies.js';

test('an owner paused before any operation, overtaken and resumed, is fenced', async () => {
  const { pauses, violation } = await enumerateZombies();
  process.stdout.write(`zombie enumeration: ${pauses} pauses\n`);
  expect(violation).toBeUndefined();
  expect(pauses).toBeGreaterThan(50);
}, 60_000);

test('of two processes that open at once, in any interleaving, each generation has one', async () => {
  for (let seed = 1; seed <= 150; seed += 1) {
    const disk = new SimulatedDisk();
    const random = seededRandom(seed);
    const dawdle = async (): Promise<undefined> => {
      for (let turns = Math.floor(random.next() * 6); turns > 0; turns -= 1)
        await Promise.resolve();
      return undefined;
    };
    const openings = [1, 2, 3].map((process) =>
      makeStore(disk.mount({ before: dawdle }).fileSystem, seededRandom(process)).open({
        pipeline: 'orders',
      }),
    );
    const owners = await Promise.all(openings);
    const generations = owners.map((owner) => owner.generation as number);
    const context = `seed ${seed}, generations ${generations.join(', ')}`;
    expect([context, new Set(generations).size]).toEqual([context, 3]);
    expect([context, new Set(owners.map((owner) => owner.storeId)).size]).toEqual([context, 1]);
    const highest = Math.max(...generations);
    for (const owner of owners) {
      const fate = await owner.prune({ retainedCheckpoints: 1 }).catch((error: unknown) => error);
      const saved = await owner
        .takeNextGeneration()
        .then(() => 'owner')
        .catch((error: unknown) => (hasErrorCode(error, 'TIDEGATE_FENCED') ? 'fenced' : error));
      const expected = owner.generation === highest ? 'owner' : 'fenced';
      expect([context, saved, fate instanceof TypeError]).toEqual([context, expected, false]);
      if (expected === 'owner') break;
    }
  }
}, 60_000);
