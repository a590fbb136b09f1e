// Obligations 2 and 7: pre-commit is complete, invisible, idempotent, and of one attempt alone.

import { equal, notEqual, ok } from 'node:assert/strict';
import type { ConformanceCase } from './sink-system.js';
import { assertVisible, attempt, calm, idOf, openAs, prepare } from './sink-bench.js';

const maxHandleLength = 4_096;

export function prepareCases<Rec>(): readonly ConformanceCase<Rec>[] {
  return [
    {
      title: '2: nothing is visible before the commit, neither written nor prepared',
      async run(bench) {
        const session = await openAs(bench, 1);
        await session.write([bench.record(1)]);
        await assertVisible(bench, []);
        await prepare(bench, session, attempt(1, 1), [2]);
        await assertVisible(bench, []);
      },
    },
    {
      title: '2: a repeated pre-commit of one checkpoint id gives the same handle, nothing twice',
      async run(bench) {
        const session = await openAs(bench, 1);
        const handle = await prepare(bench, session, attempt(1, 1), [1, 2]);
        equal((await session.preCommit(attempt(1, 1), calm)).handle, handle);
        await session.commit(handle, calm);
        await assertVisible(bench, [1, 2]);
      },
    },
    {
      title: '2: records written after a pre-commit belong to the next one',
      async run(bench) {
        const session = await openAs(bench, 1);
        const first = await prepare(bench, session, attempt(1, 1), [1]);
        // As a coordinator does it: records go on as soon as the epoch is prepared.
        await session.write([bench.record(2)]);
        await session.commit(first, calm);
        await assertVisible(bench, [1]);
        const second = await prepare(bench, session, attempt(1, 2, 2), [3]);
        await session.commit(second, calm);
        await assertVisible(bench, [1, 2, 3]);
      },
    },
    {
      title: '2: a pre-commit that is repeated after later records leaves them to the next one',
      async run(bench) {
        const session = await openAs(bench, 1);
        const first = await prepare(bench, session, attempt(1, 1), [1]);
        await session.write([bench.record(2)]);
        equal((await session.preCommit(attempt(1, 1), calm)).handle, first);
        await session.commit(first, calm);
        await assertVisible(bench, [1]);
        const second = await prepare(bench, session, attempt(1, 2, 2), []);
        await session.commit(second, calm);
        await assertVisible(bench, [1, 2]);
      },
    },
    {
      title: '2: an empty epoch has a handle, and a marker once it is committed',
      async run(bench) {
        const session = await openAs(bench, 1);
        const handle = await prepare(bench, session, attempt(1, 1), []);
        equal(await session.commit(handle, calm), 'applied');
        const request = { checkpointId: idOf(1, 1), handle };
        equal(await session.inspect(request, calm), 'committed');
        const fresh = await openAs(bench, 2);
        equal(await fresh.inspect(request, calm), 'committed');
        equal(await fresh.commit(handle, calm), 'already-applied');
        await assertVisible(bench, []);
      },
    },
    {
      title: '2: a handle is a small string that survives JSON',
      async run(bench) {
        const session = await openAs(bench, 1);
        const handle = await prepare(bench, session, attempt(1, 1), [1]);
        equal(JSON.parse(JSON.stringify(handle)), handle);
        ok(handle.length > 0 && handle.length <= maxHandleLength, `${handle.length} characters`);
      },
    },
    {
      title: '7: a second attempt of the same epoch has a handle and output of its own',
      async run(bench) {
        const session = await openAs(bench, 1);
        const abandoned = await prepare(bench, session, attempt(1, 1, 1), [1]);
        await session.rollback({ keep: [] }, calm);
        const handle = await prepare(bench, session, attempt(1, 2, 1), [2]);
        notEqual(handle, abandoned);
        equal(await session.commit(handle, calm), 'applied');
        await assertVisible(bench, [2]);
      },
    },
    {
      title: '7: a second attempt of the same epoch by a later process is not taken for the first',
      async run(bench) {
        const dead = await openAs(bench, 1);
        const lost = await prepare(bench, dead, attempt(1, 1, 1), [1]);
        const session = await openAs(bench, 2);
        await session.rollback({ keep: [] }, calm);
        const handle = await prepare(bench, session, attempt(2, 1, 1), [2]);
        notEqual(handle, lost);
        equal(await session.commit(handle, calm), 'applied');
        equal(await session.inspect({ checkpointId: idOf(1, 1), handle: lost }, calm), 'absent');
        await assertVisible(bench, [2]);
      },
    },
  ];
}
