// Obligation 3: commit may be repeated, also by a fresh process, and says what it found.

import { equal } from 'node:assert/strict';
import type { SinkInspector } from '../../contracts/sink.js';
import type { ConformanceCase } from './sink-system.js';
import { assertVisible, attempt, calm, idOf, openAs, openToLook, prepare } from './sink-bench.js';

export function commitCases<Rec>(): readonly ConformanceCase<Rec>[] {
  return [
    {
      title: '3: a commit is applied once and answers already-applied when it is repeated',
      async run(bench) {
        const session = await openAs(bench, 1);
        const handle = await prepare(bench, session, attempt(1, 1), [1, 2]);
        equal(await session.commit(handle, calm), 'applied');
        equal(await session.commit(handle, calm), 'already-applied');
        await assertVisible(bench, [1, 2]);
      },
    },
    {
      title: '3: an older commit that is repeated after newer ones is still known',
      async run(bench) {
        const session = await openAs(bench, 1);
        const first = await prepare(bench, session, attempt(1, 1), [1]);
        await session.commit(first, calm);
        const second = await prepare(bench, session, attempt(1, 2, 2), [2]);
        await session.commit(second, calm);
        equal(await session.commit(first, calm), 'already-applied');
        await assertVisible(bench, [1, 2]);
      },
    },
    {
      title: '3: a fresh process learns that the commit of a dead one was applied',
      async run(bench) {
        const dead = await openAs(bench, 1);
        const handle = await prepare(bench, dead, attempt(1, 1), [1]);
        await dead.commit(handle, calm);
        const session = await openAs(bench, 2);
        equal(await session.commit(handle, calm), 'already-applied');
        await assertVisible(bench, [1]);
      },
    },
    {
      title: '3: a fresh process commits from the handle what a dead one prepared',
      only: ['durable'],
      async run(bench) {
        const dead = await openAs(bench, 1);
        const handle = await prepare(bench, dead, attempt(1, 1), [1, 2]);
        const session = await openAs(bench, 2);
        equal(await session.commit(handle, calm), 'applied');
        await assertVisible(bench, [1, 2]);
      },
    },
    {
      title: '3: what a dead process prepared without durability is absent, not committed',
      only: ['last-resource'],
      async run(bench) {
        const dead = await openAs(bench, 1);
        const handle = await prepare(bench, dead, attempt(1, 1), [1]);
        const session = await openAs(bench, 2);
        equal(await session.commit(handle, calm), 'absent');
        await assertVisible(bench, []);
      },
    },
    {
      title: '3: what was rolled back is absent, also when a newer checkpoint is committed',
      async run(bench) {
        const session = await openAs(bench, 1);
        const lost = await prepare(bench, session, attempt(1, 1), [1]);
        await session.rollback({ keep: [] }, calm);
        const handle = await prepare(bench, session, attempt(1, 2), [2]);
        await session.commit(handle, calm);
        equal(await session.commit(lost, calm), 'absent');
        await assertVisible(bench, [2]);
      },
    },
    {
      title: '4: the marker of each committed checkpoint is kept, not only the newest, for anybody',
      async run(bench) {
        const session = await openAs(bench, 1);
        const handles: string[] = [];
        for (const sequence of [1, 2, 3]) {
          const request = attempt(1, sequence, sequence);
          const handle = await prepare(bench, session, request, [sequence]);
          await session.commit(handle, calm);
          handles.push(handle);
        }
        const expectAll = async (asked: Pick<SinkInspector, 'inspect'>): Promise<void> => {
          for (const [index, handle] of handles.entries()) {
            const checkpointId = idOf(1, index + 1);
            equal(await asked.inspect({ checkpointId, handle }, calm), 'committed');
          }
        };
        await expectAll(session);
        // The session that has committed may remember what no other can read.
        const looking = await openToLook(bench);
        await expectAll(looking);
        await expectAll(await openAs(bench, 2));
        await assertVisible(bench, [1, 2, 3]);
      },
    },
  ];
}
