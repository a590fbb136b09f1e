import { describe, expect, test } from '@jest/globals';
import type { CheckpointId } from 'tidegate';
import type { TwoPhaseSink, TwoPhaseSinkSession } from 'tidegate/extend';
import { describeTwoPhaseSink, twoPhaseSinkCases } from 'tidegate/testing';
import type { SinkSystem, TwoPhaseSinkFactory } from 'tidegate/testing';
import { calmPort } from '../../src/testing/simulation/port.js';
import { SinkStorage } from '../../src/testing/simulation/sinks/storage.js';
import { simulatedTwoPhaseSink } from '../../src/testing/simulation/sinks/two-phase-sink.js';

type Class = TwoPhaseSink['durability'];
/** Breaks one session method of an otherwise right sink. */
type Flaw = (session: TwoPhaseSinkSession, storage: SinkStorage) => Partial<TwoPhaseSinkSession>;

const classes: readonly Class[] = ['durable', 'last-resource'];

for (const durability of classes) {
  describeTwoPhaseSink(factoryOf(durability), { describe, test });
}

describe('the suite fails a sink that', () => {
  test.each<[string, Flaw]>([
    [
      'reads "not found" as "already committed"',
      (session) => ({
        commit: async (handle, options) => {
          const outcome = await session.commit(handle, options);
          return outcome === 'absent' ? 'already-applied' : outcome;
        },
      }),
    ],
    [
      'keeps one highest marker instead of one per checkpoint',
      (session, storage) => ({
        inspect: async (request, options) => {
          const outcome = await session.inspect(request, options);
          const newest = storage.lastCommitted() ?? 0;
          return outcome === 'absent' && request.checkpointId <= newest ? 'committed' : outcome;
        },
      }),
    ],
    [
      'names what it prepares by epoch',
      (session) => ({
        preCommit: async (request, options) => {
          await session.preCommit(request, options);
          return { handle: `conformance/out/${request.epoch}` };
        },
      }),
    ],
    [
      'commits when it is asked to prepare',
      (session) => ({
        preCommit: async (request, options) => {
          const prepared = await session.preCommit(request, options);
          await session.commit(prepared.handle, options);
          return prepared;
        },
      }),
    ],
    [
      'does not know a commit that it made before',
      (session) => ({
        commit: async (handle, options) => {
          const outcome = await session.commit(handle, options);
          return outcome === 'already-applied' ? 'absent' : outcome;
        },
      }),
    ],
    [
      'says that it rolled back, and did not',
      () => ({ rollback: async ({ keep }) => new Map(keep.map((h) => [h, 'rolled-back'])) }),
    ],
    [
      'discards nothing as soon as there is something to keep',
      (session) => ({
        rollback: (request, options) =>
          request.keep.length > 0 ? Promise.resolve(new Map()) : session.rollback(request, options),
      }),
    ],
    [
      'loses what is written between a pre-commit and its commit',
      (session) => {
        const open: unknown[] = [];
        return {
          write: (records) => void open.push(...records),
          preCommit: async (request, options) => {
            await session.write(open.splice(0));
            return session.preCommit(request, options);
          },
          commit: (handle, options) => {
            open.splice(0);
            return session.commit(handle, options);
          },
        };
      },
    ],
    [
      'swallows what is written before a pre-commit is repeated',
      (session) => {
        const open: unknown[] = [];
        const known = new Set<number>();
        return {
          write: (records) => void open.push(...records),
          preCommit: async (request, options) => {
            const records = open.splice(0);
            if (!known.has(request.checkpointId)) await session.write(records);
            known.add(request.checkpointId);
            return session.preCommit(request, options);
          },
        };
      },
    ],
    [
      'remembers all but the newest marker only in the session that has committed',
      (session, storage) => {
        const mine = new Set<number>();
        return {
          inspect: async (request, options) => {
            const outcome = await session.inspect(request, options);
            if (outcome === 'prepared') mine.add(request.checkpointId);
            const isNewest = request.checkpointId === storage.lastCommitted();
            const isKnown = isNewest || mine.has(request.checkpointId);
            return outcome === 'committed' && !isKnown ? 'absent' : outcome;
          },
          preCommit: (request, options) => {
            mine.add(request.checkpointId);
            return session.preCommit(request, options);
          },
        };
      },
    ],
    [
      'discards what it was told to keep',
      (session) => ({
        rollback: (_request, options) => session.rollback({ keep: [] }, options),
      }),
    ],
    ['forgets the last committed id', () => ({ lastCommitted: async () => undefined })],
    [
      'writes a repeated pre-commit again',
      (session) => {
        let written: readonly unknown[] = [];
        return {
          write: (records) => {
            written = records;
            return session.write(records);
          },
          preCommit: async (request, options) => {
            const prepared = await session.preCommit(request, options);
            await session.write(written);
            return prepared;
          },
        };
      },
    ],
  ])('%s', async (_what, flaw) => {
    expect(await failuresOf(factoryOf('durable', flaw))).not.toEqual([]);
  });

  test('does not fence older generations', async () => {
    const factory = factoryOf('durable');
    const create = (): SinkSystem<unknown> => {
      const storage = new SinkStorage('out', 'durable');
      Object.defineProperty(storage, 'assertCurrent', { value: () => undefined });
      return systemOn(storage);
    };
    expect(await failuresOf({ ...factory, create })).not.toEqual([]);
  });

  type Look = TwoPhaseSink['openReadOnly'];
  test.each<[string, (sink: TwoPhaseSink, storage: SinkStorage) => Look]>([
    [
      'fences when it is only looked at',
      (sink, storage) => (identity, options) => {
        const generation = (storage.generation + 1) as never;
        return sink.open({ ...identity, generation }, options);
      },
    ],
    [
      'takes the store of whoever only looks',
      (sink, storage) => (identity, options) => {
        const { storeId } = identity;
        const refuseOthers = (given: unknown): void => {
          if (given !== storeId) throw new Error(`${storeId} was here first`);
        };
        Object.defineProperty(storage, 'assertStore', { value: refuseOthers });
        return sink.openReadOnly(identity, options);
      },
    ],
    [
      'answers absent to whoever only looks',
      (sink) => async (identity, options) => {
        const looking = await sink.openReadOnly(identity, options);
        return {
          inspect: () => Promise.resolve('absent'),
          lastCommitted: (call) => looking.lastCommitted(call),
          listPrepared: (call) => looking.listPrepared(call),
        };
      },
    ],
  ])('%s', async (_what, lookOf) => {
    const create = (): SinkSystem<unknown> => {
      const storage = new SinkStorage('out', 'durable');
      const connect = (): TwoPhaseSink => {
        const sink = simulatedTwoPhaseSink(storage, calmPort);
        return { ...sink, openReadOnly: lookOf(sink, storage) };
      };
      return { ...systemOn(storage), connect };
    };
    expect(await failuresOf({ ...factoryOf('durable'), create })).not.toEqual([]);
  });
});

describe('every session that a case opens is closed', () => {
  test.each<[string, Flaw | undefined]>([
    ['when the sink is right', undefined],
    ['when cases fail', () => ({ commit: () => Promise.reject(new Error('no commit')) })],
    [
      'when questions fail',
      () => ({ lastCommitted: () => Promise.reject(new Error('no answer')) }),
    ],
  ])('%s', async (_when, flaw) => {
    for (const durability of classes) {
      const open = new Set<object>();
      let opened = 0;
      const factory = factoryOf(durability, flaw);
      const failed = await failuresOf({
        ...factory,
        create: async () => noting(await factory.create()),
      });
      expect(open.size).toBe(0);
      expect(opened).toBeGreaterThan(40);
      expect(failed.length > 0).toBe(flaw !== undefined);

      function noting(system: SinkSystem<unknown>): SinkSystem<unknown> {
        const closes = <Session extends object>(session: Session): Session => {
          opened += 1;
          open.add(session);
          const close = async (): Promise<void> => {
            if (!open.delete(session)) throw new Error('it was closed twice');
          };
          return new Proxy(session, {
            get: (target, name) =>
              name === 'close' ? close : bound(target, Reflect.get(target, name)),
          });
        };
        return {
          ...system,
          connect: async () => {
            const sink = await system.connect();
            return {
              ...sink,
              open: async (owner, options) => closes(await sink.open(owner, options)),
              openReadOnly: async (identity, options) =>
                closes(await sink.openReadOnly(identity, options)),
            };
          },
        };
      }
    }
  });

  test('a close that fails is the failure of a case that has found nothing else', async () => {
    const all = await failuresOf(factoryOf('durable'));
    const flaw: Flaw = () => ({ close: () => Promise.reject(new Error('it stays open')) });
    expect(all).toEqual([]);
    expect((await failuresOf(factoryOf('durable', flaw))).length).toBeGreaterThan(20);
  });
});

test('a sink that lost a write refuses to pre-commit the epoch', async () => {
  const storage = new SinkStorage('out', 'durable');
  const broken = { ...calmPort, memory: () => Promise.reject(new Error('the pipe is gone')) };
  const sink = simulatedTwoPhaseSink(storage, broken);
  const signal = new AbortController().signal;
  const owner = {
    storeId: 's' as never,
    pipeline: 'p',
    sink: 'out',
    generation: 1 as never,
  };
  const session = await sink.open(owner, { signal });
  await expect(session.write([1])).rejects.toThrow('the pipe is gone');
  const request = { checkpointId: 1 as CheckpointId, epoch: 1 as never, generation: 1 as never };
  await expect(session.preCommit(request, { signal })).rejects.toMatchObject({
    code: 'TIDEGATE_SINK_WRITE_FAILED',
  });
});

function factoryOf(durability: Class, flaw?: Flaw): TwoPhaseSinkFactory<unknown> {
  return {
    name: `a simulated ${durability} sink`,
    record: (number) => ({ number }),
    create: () => systemOn(new SinkStorage('out', durability), flaw),
  };
}

function systemOn(storage: SinkStorage, flaw?: Flaw): SinkSystem<unknown> {
  return {
    visible: () => storage.visible.flatMap(({ records }) => records),
    connect: () => {
      const sink = simulatedTwoPhaseSink(storage, calmPort);
      if (flaw === undefined) return sink;
      return {
        ...sink,
        open: async (owner, options) => {
          const session = await sink.open(owner, options);
          const wrong = flaw(session, storage);
          return new Proxy(session, {
            get: (target, name) =>
              (Reflect.get(wrong, name) as unknown) ?? bound(target, Reflect.get(target, name)),
          });
        },
      };
    },
  };
}

function bound(target: object, member: unknown): unknown {
  return typeof member === 'function' ? (member.bind(target) as unknown) : member;
}

/** Titles of the cases that the sink fails. */
async function failuresOf(factory: TwoPhaseSinkFactory<unknown>): Promise<readonly string[]> {
  const failed: string[] = [];
  for (const { title, only, run } of twoPhaseSinkCases<unknown>()) {
    const system = await factory.create();
    const { durability } = await system.connect();
    if (only !== undefined && !only.includes(durability)) continue;
    const bench = { system, record: (number: number) => factory.record(number) };
    await run(bench).catch(() => failed.push(title));
  }
  return failed;
}
