// Conditions: of many writers with the same one, one wins, and the others say so.

import { equal } from 'node:assert/strict';
import type { ObjectStorageCase } from './storage-bench.js';
import { assertFails, assertOneWinner, calmly, readText, text } from './storage-bench.js';

const rounds = 10;

export const conditionCases: readonly ObjectStorageCase[] = [
  {
    title: '2: of writers that each create the object, one wins',
    async run(system) {
      const storage = await system.connect();
      for (let round = 0; round < rounds; round += 1) {
        const key = `created/${round}`;
        const options = { ...calmly, condition: { ifAbsent: true } } as const;
        await assertOneWinner(storage, key, 'created', (body) =>
          storage.put(key, text(body), options),
        );
      }
    },
  },
  {
    title: '2: of writers that each replace the same object, one wins',
    async run(system) {
      const storage = await system.connect();
      let ifMatch = await storage.put('replaced', text('0'), calmly);
      for (let round = 0; round < rounds; round += 1) {
        const options = { ...calmly, condition: { ifMatch } };
        await assertOneWinner(storage, 'replaced', `round ${round}`, (body) =>
          storage.put('replaced', text(body), options),
        );
        ifMatch = (await storage.head('replaced', calmly))?.etag ?? '';
      }
    },
  },
  {
    title: '2: an object that is there is not created, and not changed',
    async run(system) {
      const storage = await system.connect();
      await storage.put('a', text('1'), calmly);
      const condition = { ifAbsent: true } as const;
      await assertFails(storage.put('a', text('2'), { ...calmly, condition }), 'condition-failed');
      equal(await readText(storage, 'a'), '1');
    },
  },
  {
    title: '2: an object with another tag, and one that is not there, are not replaced',
    async run(system) {
      const storage = await system.connect();
      const older = await storage.put('a', text('1'), calmly);
      await storage.put('a', text('2'), calmly);
      const options = { ...calmly, condition: { ifMatch: older } };
      await assertFails(storage.put('a', text('3'), options), 'condition-failed');
      await assertFails(storage.put('b', text('3'), options), 'condition-failed');
      equal(await readText(storage, 'a'), '2');
      equal(await readText(storage, 'b'), undefined);
    },
  },
  {
    title: '2: an object that was deleted is absent, and is created again',
    async run(system) {
      const storage = await system.connect();
      const options = { ...calmly, condition: { ifAbsent: true } } as const;
      await storage.put('a', text('1'), options);
      await storage.delete('a', calmly);
      await storage.put('a', text('2'), options);
      equal(await readText(storage, 'a'), '2');
    },
  },
];
