// A file system that fails once, anywhere: an error with a code, and nothing acknowledged is lost.

import { expect, test } from '@jest/globals';
import { isTidegateError } from 'tidegate';
import { SimulatedDisk } from 'tidegate/testing';
import type { DiskFault } from 'tidegate/testing';
import { Worker, type ActionName } from './crash/actions.js';
import { Ledger } from './crash/ledger.js';
import { judge } from './crash/verdict.js';

const scenario: readonly ActionName[] = ['open', 'large', 'update', 'large', 'prune'];

const faults: readonly DiskFault[] = [
  { code: 'EIO', effect: 'none' },
  { code: 'EIO', effect: 'done' },
  { code: 'ENOSPC', effect: 'none' },
  { code: 'ENOSPC', effect: 'half' },
];

test.each(faults)(
  'one operation that fails with %o is survived, whichever it is',
  async (fault) => {
    let failedOperations = 0;
    for (let index = 0; ; index += 1) {
      const disk = new SimulatedDisk();
      const ledger = new Ledger();
      const mount = disk.mount({
        before: (operation) => {
          if (operation.index !== index) return undefined;
          return fault;
        },
      });
      const error = await run(new Worker(mount.fileSystem, ledger));
      if (mount.operationCount <= index) break;
      const where = `operation ${index}`;
      if (error !== undefined) {
        failedOperations += 1;
        expect([where, isTidegateError(error) ? error.code : error]).toEqual([
          where,
          expect.stringMatching(
            fault.code === 'EIO' ? /^TIDEGATE_STORE_IO$/ : /^TIDEGATE_STORE_FULL$/,
          ),
        ]);
      }
      mount.kill();
      expect([where, await judge(disk.clone(), ledger, (fs) => fs)]).toEqual([where, undefined]);
      for (const outcome of disk.powerLossOutcomes()) {
        expect([where, await judge(outcome, ledger, (fs) => fs)]).toEqual([where, undefined]);
        // All outcomes of each moment are the crash test's matter; here the harshest is enough.
        break;
      }
    }
    expect(failedOperations).toBeGreaterThan(30);
  },
  60_000,
);

test('a next generation that could not be taken is taken by the next try, without being fenced', async () => {
  let tries = 0;
  for (let index = 0; ; index += 1) {
    const disk = new SimulatedDisk();
    let failAt = Infinity;
    let count = 0;
    const mount = disk.mount({
      before: () => {
        count += 1;
        return count === failAt ? { code: 'EIO', effect: 'none' } : undefined;
      },
    });
    const worker = new Worker(mount.fileSystem, new Ledger());
    await worker.perform('open');
    await worker.perform('save');
    failAt = count + 1 + index;
    const before = worker.store!;
    const next = await before.takeNextGeneration().catch(() => before.takeNextGeneration());
    expect(next.generation).toBeGreaterThan(before.generation);
    if (count < failAt) break;
    tries += 1;
  }
  expect(tries).toBeGreaterThan(15);
}, 60_000);

/** What the first failing call rejected with; undefined when all went well. */
async function run(worker: Worker): Promise<unknown> {
  try {
    for (const action of scenario) await worker.perform(action);
    return undefined;
  } catch (error) {
    return error;
  }
}
