// Obligation 1 and 10: opening fences every older generation, looking fences none.

import { equal, match, ok, rejects } from 'node:assert/strict';
import { toError } from '../../errors.js';
import type { ConformanceCase } from './sink-system.js';
import {
  assertRejects,
  assertVisible,
  attempt,
  calm,
  firstStore,
  idOf,
  openAs,
  openToLook,
  prepare,
  secondStore,
} from './sink-bench.js';

export function fenceCases<Rec>(): readonly ConformanceCase<Rec>[] {
  return [
    {
      title: '1: after open, a commit of an older generation is refused and has no effect',
      async run(bench) {
        const older = await openAs(bench, 1);
        const handle = await prepare(bench, older, attempt(1, 1), [1, 2]);
        await openAs(bench, 2);
        await rejects(older.commit(handle, calm));
        await assertVisible(bench, []);
      },
    },
    {
      title: '1: after open, a pre-commit of an older generation is refused and leaves nothing',
      async run(bench) {
        const older = await openAs(bench, 1);
        await older.write([bench.record(1)]);
        const newer = await openAs(bench, 2);
        await rejects(older.preCommit(attempt(1, 1), calm));
        equal((await newer.listPrepared(calm)).length, 0);
      },
    },
    {
      title: '1: after open, a roll back of an older generation leaves the newer output alone',
      async run(bench) {
        const older = await openAs(bench, 1);
        const newer = await openAs(bench, 2);
        const handle = await prepare(bench, newer, attempt(2, 1), [1]);
        await older.rollback({ keep: [] }, calm).catch(toError);
        equal(await newer.commit(handle, calm), 'applied');
        await assertVisible(bench, [1]);
      },
    },
    {
      title:
        '1: a commit in flight when a newer generation opens does not land after open returned',
      async run(bench) {
        const older = await openAs(bench, 1);
        const handle = await prepare(bench, older, attempt(1, 1), [1]);
        const inFlight = older.commit(handle, calm).catch(toError);
        const newer = await openAs(bench, 2);
        const atOpen = await newer.inspect({ checkpointId: idOf(1, 1), handle }, calm);
        await inFlight;
        equal(await newer.inspect({ checkpointId: idOf(1, 1), handle }, calm), atOpen);
        await assertVisible(bench, atOpen === 'committed' ? [1] : []);
      },
    },
    {
      title: '1: a generation that is not above the remembered one is refused and fences no owner',
      async run(bench) {
        const owner = await openAs(bench, 5);
        await assertRejects(openAs(bench, 4), 'TIDEGATE_FENCED');
        await assertRejects(openAs(bench, 5), 'TIDEGATE_FENCED');
        const handle = await prepare(bench, owner, attempt(5, 1), [1]);
        equal(await owner.commit(handle, calm), 'applied');
      },
    },
    {
      title: '1: a second store under the same pipeline name is refused, naming both',
      async run(bench) {
        const owner = await openAs(bench, 1);
        const refused = openAs(bench, 2, secondStore);
        await assertRejects(refused, 'TIDEGATE_SINK_STORE');
        const { message } = await refused.then(() => new Error('not refused'), toError);
        match(message, new RegExp(firstStore));
        match(message, new RegExp(secondStore));
        const handle = await prepare(bench, owner, attempt(1, 1), [1]);
        equal(await owner.commit(handle, calm), 'applied');
      },
    },
    {
      title: '10: a read-only opening of an empty system leaves it empty, for any store',
      async run(bench) {
        // Where there is nothing to look at it may be refused, and still has to leave nothing.
        const looking = await openToLook(bench).catch(() => undefined);
        if (looking !== undefined) equal(await looking.lastCommitted(calm), undefined);
        const owner = await openAs(bench, 1, secondStore);
        const handle = await prepare(bench, owner, attempt(1, 1), [1]);
        equal(await owner.commit(handle, calm), 'applied');
      },
    },
    {
      title: '10: a read-only opening answers what an owner would',
      async run(bench) {
        const owner = await openAs(bench, 1);
        const first = await prepare(bench, owner, attempt(1, 1), [1]);
        await owner.commit(first, calm);
        const looking = await openToLook(bench);
        equal(
          await looking.inspect({ checkpointId: idOf(1, 1), handle: first }, calm),
          'committed',
        );
        const unknown = await looking.inspect({ checkpointId: idOf(1, 9) }, calm);
        ok(unknown === 'absent' || unknown === 'unsupported', unknown);
      },
    },
    {
      title: '10: a read-only opening sees what a dead process left prepared',
      only: ['durable'],
      async run(bench) {
        const dead = await openAs(bench, 1);
        const handle = await prepare(bench, dead, attempt(1, 1), [1]);
        const looking = await openToLook(bench);
        equal(await looking.inspect({ checkpointId: idOf(1, 1), handle }, calm), 'prepared');
        equal((await looking.listPrepared(calm))[0]?.handle, handle);
      },
    },
    {
      title: '10: a read-only opening fences no owner',
      async run(bench) {
        const owner = await openAs(bench, 1);
        const handle = await prepare(bench, owner, attempt(1, 1), [1]);
        const inspector = await openToLook(bench);
        await inspector.lastCommitted(calm);
        await inspector.listPrepared(calm);
        equal(await owner.commit(handle, calm), 'applied');
        const later = await openToLook(bench);
        equal(await later.lastCommitted(calm), idOf(1, 1));
      },
    },
  ];
}
