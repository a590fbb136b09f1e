// Whatever way a coordinator ends, the newest store that it owned is closed: left open it looks alive.

import { describe, expect, test } from '@jest/globals';
import { MemoryCheckpointStore, TidegateError } from 'tidegate';
import { seededRandom } from 'tidegate/extend';
import type { CheckpointStore, OwnedStore } from 'tidegate/extend';
import { recover } from '../../src/recovery/recover.js';
import type { Recover } from '../../src/recovery/request.js';
import { Harness } from './support/harness.js';
import { fails, never } from './support/scripted-sink.js';

function closedOf(harness: Harness): readonly unknown[] {
  return harness.log
    .filter((call) => call.kind === 'store-closed')
    .map(({ generation }) => generation);
}

/** As usual at the start; a failure in process meets `again`. */
function recoverOnceThen(again: Recover): Recover {
  return (request) => (request.occasion === 'start' ? recover(request) : again(request));
}

async function failing(more: { readonly recover: Recover; readonly signal?: AbortSignal }) {
  const harness = new Harness({ more });
  await harness.start();
  await harness.turn();
  harness.sink('left').next('preCommit', fails());
  const asked = harness.coordinator.checkpoint();
  await harness.coordinator.safePoint();
  await harness.settle(asked);
  return harness;
}

describe('the newest store is closed', () => {
  test('after a refusal in process, and each sink once', async () => {
    const harness = await failing({
      recover: recoverOnceThen(async (request) => {
        const outcome = await recover(request);
        for (const session of outcome.kind === 'refused' ? [] : outcome.sinks.values()) {
          await session.close?.();
        }
        harness.log.splice(0);
        const cause = new TidegateError('TIDEGATE_RECOVERY_FAILED', 'a person is needed');
        const { store, report } = outcome;
        return { kind: 'refused', cause, store, report };
      }),
    });
    const stopped = harness.settle(harness.coordinator.safePoint());
    await expect(stopped).rejects.toMatchObject({ code: 'TIDEGATE_HALTED' });
    await harness.clock.settle();
    expect(closedOf(harness)).toEqual([2]);
    const sinks = harness.log.filter(({ kind }) => kind === 'sink-closed');
    expect(sinks).toHaveLength(2);
  });

  test('after an abort in the middle of a recovery in process', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const harness = await failing({
      recover: recoverOnceThen(() => never() as Promise<never>),
      signal,
    });
    const waiting = harness.coordinator.safePoint().catch(() => undefined);
    await harness.clock.settle();
    controller.abort();
    await harness.settle(harness.coordinator.done);
    await waiting;
    expect(closedOf(harness)).toEqual([2]);
  });

  test.each(['open', 'takeNextGeneration'] as const)(
    'after an abort in the middle of %s, when the answer comes late',
    async (slow) => {
      let letGo = (): void => undefined;
      const gate = new Promise<void>((resolve) => (letGo = resolve));
      const memory = new MemoryCheckpointStore({ random: seededRandom(1) });
      const controller = new AbortController();
      const store: CheckpointStore = {
        open: async (options) => {
          if (slow === 'open') await gate;
          return slowOwner(await memory.open({ pipeline: options.pipeline }), gate);
        },
        openReadOnly: () => memory.openReadOnly(),
      };
      const harness = new Harness({ store, more: { signal: controller.signal } });
      const starting = harness.coordinator.start().catch(() => undefined);
      if (slow === 'takeNextGeneration') {
        await harness.settle(starting);
        await harness.turn();
        harness.sink('left').next('preCommit', fails());
        void harness.coordinator.checkpoint();
        await harness.coordinator.safePoint();
        await harness.clock.settle();
        harness.coordinator.safePoint().catch(() => undefined);
      }
      await harness.clock.settle();
      controller.abort();
      await harness.settle(harness.coordinator.done);
      letGo();
      await harness.clock.settle();
      expect(closedOf(harness).at(-1)).toBe(slow === 'open' ? 1 : 2);
    },
  );
});

function slowOwner(owner: OwnedStore, gate: Promise<void>): OwnedStore {
  const takeNextGeneration = async (): Promise<OwnedStore> => {
    const next = await owner.takeNextGeneration();
    await gate;
    return next;
  };
  return new Proxy(owner, {
    get: (target, name) => {
      if (name === 'takeNextGeneration') return takeNextGeneration;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}
