// Obligation 5: a roll back discards everything uncommitted except what it is asked to keep.

import { deepEqual, equal, notEqual } from 'node:assert/strict';
import type { ConformanceCase } from './sink-system.js';
import { assertVisible, attempt, calm, idOf, openAs, prepare } from './sink-bench.js';

export function rollbackCases<Rec>(): readonly ConformanceCase<Rec>[] {
  return [
    {
      title: '5: what was rolled back never becomes visible',
      async run(bench) {
        const session = await openAs(bench, 1);
        const handle = await prepare(bench, session, attempt(1, 1), [1]);
        equal((await session.rollback({ keep: [] }, calm)).get(handle), 'rolled-back');
        equal(await session.commit(handle, calm), 'absent');
        await assertVisible(bench, []);
      },
    },
    {
      title: '5: a roll back may be repeated, and finds nothing the second time',
      async run(bench) {
        const session = await openAs(bench, 1);
        const handle = await prepare(bench, session, attempt(1, 1), [1]);
        await session.rollback({ keep: [] }, calm);
        const second = await session.rollback({ keep: [] }, calm);
        notEqual(second.get(handle), 'committed');
        deepEqual(await session.listPrepared(calm), []);
      },
    },
    {
      title: '5: a roll back leaves alone what is committed',
      async run(bench) {
        const session = await openAs(bench, 1);
        const handle = await prepare(bench, session, attempt(1, 1), [1]);
        await session.commit(handle, calm);
        notEqual((await session.rollback({ keep: [] }, calm)).get(handle), 'rolled-back');
        equal(await session.inspect({ checkpointId: idOf(1, 1), handle }, calm), 'committed');
        await assertVisible(bench, [1]);
      },
    },
    {
      title: '5: what is to be kept stays and can be committed afterwards',
      async run(bench) {
        const session = await openAs(bench, 1);
        const handle = await prepare(bench, session, attempt(1, 1), [1]);
        await session.rollback({ keep: [handle] }, calm);
        equal(await session.commit(handle, calm), 'applied');
        await assertVisible(bench, [1]);
      },
    },
    {
      title: '5: what is not to be kept goes, also beside what stays',
      only: ['durable'],
      async run(bench) {
        const { maxPrepared = 1 } = await bench.system.connect();
        // Where one is prepared at most there is nothing beside it.
        if (maxPrepared < 2) return;
        const session = await openAs(bench, 1);
        const kept = await prepare(bench, session, attempt(1, 1), [1]);
        const lost = await prepare(bench, session, attempt(1, 2, 2), [2]);
        equal((await session.rollback({ keep: [kept] }, calm)).get(lost), 'rolled-back');
        equal(await session.commit(lost, calm), 'absent');
        equal(await session.commit(kept, calm), 'applied');
        await assertVisible(bench, [1]);
      },
    },
    {
      title: '5: a fresh process discards what a dead one prepared and no manifest names',
      only: ['durable'],
      async run(bench) {
        const dead = await openAs(bench, 1);
        const handle = await prepare(bench, dead, attempt(1, 1), [1]);
        const session = await openAs(bench, 2);
        equal((await session.rollback({ keep: [] }, calm)).get(handle), 'rolled-back');
        equal(await session.inspect({ checkpointId: idOf(1, 1), handle }, calm), 'absent');
        deepEqual(await session.listPrepared(calm), []);
        await assertVisible(bench, []);
      },
    },
  ];
}
