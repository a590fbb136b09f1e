// Obligations 4 and 6: the sink says what is prepared, what is committed and what is neither.

import { deepEqual, equal, ok } from 'node:assert/strict';
import type { ConformanceCase } from './sink-system.js';
import { attempt, calm, idOf, openAs, openToLook, prepare } from './sink-bench.js';

export function questionCases<Rec>(): readonly ConformanceCase<Rec>[] {
  return [
    {
      title: '4: inspect tells prepared, committed and absent apart',
      async run(bench) {
        const session = await openAs(bench, 1);
        const handle = await prepare(bench, session, attempt(1, 1), [1]);
        const request = { checkpointId: idOf(1, 1), handle };
        equal(await session.inspect(request, calm), 'prepared');
        await session.commit(handle, calm);
        equal(await session.inspect(request, calm), 'committed');
        const lost = await prepare(bench, session, attempt(1, 2), [2]);
        await session.rollback({ keep: [] }, calm);
        equal(await session.inspect({ checkpointId: idOf(1, 2), handle: lost }, calm), 'absent');
      },
    },
    {
      title: '4: a fresh process finds prepared what a dead one left',
      only: ['durable'],
      async run(bench) {
        const dead = await openAs(bench, 1);
        const handle = await prepare(bench, dead, attempt(1, 1), [1]);
        const session = await openAs(bench, 2);
        equal(await session.inspect({ checkpointId: idOf(1, 1), handle }, calm), 'prepared');
        const listed = await session.listPrepared(calm);
        deepEqual(
          listed.map((entry) => entry.handle),
          [handle],
        );
      },
    },
    {
      title: '4: a fresh process finds absent what a dead one had not made durable',
      only: ['last-resource'],
      async run(bench) {
        const dead = await openAs(bench, 1);
        const handle = await prepare(bench, dead, attempt(1, 1), [1]);
        const session = await openAs(bench, 2);
        equal(await session.inspect({ checkpointId: idOf(1, 1), handle }, calm), 'absent');
      },
    },
    {
      title: '4: without a handle the answer is the same, or unsupported',
      async run(bench) {
        const session = await openAs(bench, 1);
        const handle = await prepare(bench, session, attempt(1, 1), [1]);
        await session.commit(handle, calm);
        const answer = await session.inspect({ checkpointId: idOf(1, 1) }, calm);
        ok(answer === 'committed' || answer === 'unsupported', answer);
        const other = await session.inspect({ checkpointId: idOf(1, 9) }, calm);
        ok(other === 'absent' || other === 'unsupported', other);
      },
    },
    {
      title: '4: an id below the newest committed one that never committed is absent',
      async run(bench) {
        const session = await openAs(bench, 1);
        const lost = await prepare(bench, session, attempt(1, 1), [1]);
        await session.rollback({ keep: [] }, calm);
        const handle = await prepare(bench, session, attempt(1, 2), [2]);
        await session.commit(handle, calm);
        equal(await session.inspect({ checkpointId: idOf(1, 1), handle: lost }, calm), 'absent');
      },
    },
    {
      title: '4: lastCommitted is undefined at first, then the newest, also in a fresh process',
      async run(bench) {
        const session = await openAs(bench, 1);
        equal(await session.lastCommitted(calm), undefined);
        for (const sequence of [1, 2]) {
          const handle = await prepare(bench, session, attempt(1, sequence, sequence), [sequence]);
          await session.commit(handle, calm);
        }
        equal(await session.lastCommitted(calm), idOf(1, 2));
        const fresh = await openAs(bench, 2);
        equal(await fresh.lastCommitted(calm), idOf(1, 2));
        const inspector = await openToLook(bench);
        equal(await inspector.lastCommitted(calm), idOf(1, 2));
      },
    },
    {
      title: '6: listPrepared lists what is prepared, and nothing once it is committed',
      only: ['durable'],
      async run(bench) {
        const session = await openAs(bench, 1);
        deepEqual(await session.listPrepared(calm), []);
        const handle = await prepare(bench, session, attempt(1, 1), [1]);
        equal((await session.listPrepared(calm))[0]?.handle, handle);
        await session.commit(handle, calm);
        deepEqual(await session.listPrepared(calm), []);
      },
    },
  ];
}
