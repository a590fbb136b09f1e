// How long recovery waits for whom, and when it does not wait at all.

import { getEventListeners } from 'node:events';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { TidegateError } from 'tidegate';
import { silentLogger } from 'tidegate/extend';
import type { LogFields, OwnedStore } from 'tidegate/extend';
import { planOnly, type DryRun } from '../../src/recovery/dry-run.js';
import {
  fails,
  hangs,
  losesItsAnswer,
  pipeline,
  RecoveryWorld,
  refusalOf,
  replaced,
  resumedFrom,
  ScriptedSource,
} from './kit.js';

let world: RecoveryWorld;
let log: { message: string; fields: LogFields | undefined }[];

beforeEach(() => {
  world = new RecoveryWorld('archive', 'warehouse');
  log = [];
});

/** Virtual time that a recovery takes. */
async function elapsedMs(recovery: () => Promise<unknown>): Promise<number> {
  const begin = world.clock.monotonicMs();
  await recovery();
  return world.clock.monotonicMs() - begin;
}

function watchLog(): void {
  const warn = (fields: LogFields, message: string): void => void log.push({ message, fields });
  const { clock, random } = world;
  world.request = { ...world.request, ports: { clock, random, logger: { ...silentLogger, warn } } };
}

/** The members also of every later generation. */
function always(members: (store: OwnedStore) => Partial<OwnedStore>): void {
  const wrapped = (store: OwnedStore): OwnedStore =>
    replaced(store, {
      takeNextGeneration: async (options) => wrapped(await store.takeNextGeneration(options)),
      ...members(store),
    });
  world.wrapStore = wrapped;
}

/** A call that is answered after some virtual time. */
function after<Value>(delayMs: number, call: () => Promise<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    world.clock.setTimer(() => void call().then(resolve, reject), delayMs);
  });
}

describe('opening the sinks', () => {
  test('ends with the first refusal, although another sink hangs', async () => {
    const refused = new TidegateError('TIDEGATE_SINK_STORE', 'archive remembers another store');
    world.sink('archive').always.set('open', () => Promise.reject(refused));
    world.sink('warehouse').always.set('open', hangs);

    expect(await elapsedMs(async () => refusalOf(await world.recover()))).toBe(0);
  });

  test.each(['before', 'while'])('ends at once when it is aborted %s it waits', async (when) => {
    const abort = new AbortController();
    world.request = { signal: abort.signal };
    if (when === 'before') abort.abort(new Error('stop was called'));
    world.sink('archive').always.set('open', () => {
      abort.abort(new Error('stop was called'));
      return new Promise(() => undefined);
    });
    world.sink('warehouse').always.set('open', hangs);

    const took = await elapsedMs(async () => {
      const { code, message } = refusalOf(await world.recover());
      expect([code, message]).toEqual([
        'TIDEGATE_RECOVERY_ABORTED',
        'recovery was ended: stop was called',
      ]);
    });

    expect(took).toBe(0);
  });

  test('leaves nothing that listens to the signal of the caller', async () => {
    const { signal } = new AbortController();
    world.request = { signal };

    resumedFrom(await world.recover());

    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('whose answer was lost is reported as such, with the error of the sink', async () => {
    watchLog();
    world.sink('archive').always.set('open', losesItsAnswer);

    const refusal = refusalOf(await world.recover());

    // Not with the refusal that follows it, which reads as if there were another owner.
    expect(refusal.message).toBe(
      'the opening of sink archive failed half-way: connection lost after the fact',
    );
    expect(refusal.cause).toMatchObject({ message: 'connection lost after the fact' });
    expect(log[0]).toEqual({
      message: 'recovery reads the facts again',
      fields: { because: refusal.message, pass: 0 },
    });
  });
});

describe('a store that cannot be read', () => {
  test('ends it before any sink is asked', async () => {
    const problem = new TidegateError('TIDEGATE_STORE_CORRUPT', 'not a directory');
    always(() => ({ list: () => Promise.reject(problem) }));

    refusalOf(await world.recover());

    expect(world.sink('archive').calls).toEqual(['open']);
  });

  test('because it was overtaken, is not taken for an old copy', async () => {
    const overtaken = new TidegateError('TIDEGATE_FENCED', 'generation 9 has it');
    always(() => ({ list: () => Promise.reject(overtaken) }));

    const refusal = refusalOf(await world.recover());

    expect(refusal.code).toBe('TIDEGATE_FENCED');
    expect(refusal.message).not.toContain('copy');
  });

  test('for a reason that is no damage does not count as damaged', async () => {
    await world.stored({ epoch: 1 });
    const id = await world.stored({ epoch: 2 });
    const overtaken = new TidegateError('TIDEGATE_FENCED', 'generation 9 has it');
    always((store) => ({
      load: (wanted) => (wanted === id ? Promise.reject(overtaken) : store.load(wanted)),
    }));

    expect(refusalOf(await world.recover()).code).toBe('TIDEGATE_FENCED');
    expect(Object.values(await world.states())).toEqual(['complete', 'complete']);
  });
});

describe('the in-doubt timeout', () => {
  test('counts time, not passes: before it, recovery begins anew as often as it must', async () => {
    await world.stored({ epoch: 1, sinks: { archive: 'C', warehouse: 'C' } });
    world.sink('archive').on('rollback', fails, fails, fails, fails, fails, fails);

    expect(resumedFrom(await world.recover()).report.rereadings).toBe(6);
  });

  test('leaves three more passes to act in, from the moment on which it is reached', async () => {
    watchLog();
    await world.stored({ epoch: 1, sinks: { archive: 'C', warehouse: 'C' } });
    world.options = { timeouts: { inDoubtMs: 0, callMs: 30_000 } };
    world.sink('archive').always.set('rollback', fails);

    refusalOf(await world.recover());

    expect(log.map(({ fields }) => fields?.pass)).toEqual([0, 1, 2]);
  });

  test('leaves each of them time to ask more than once', async () => {
    watchLog();
    await world.stored({ epoch: 1, sinks: { archive: 'C', warehouse: 'C' } });
    world.options = { timeouts: { inDoubtMs: 0, callMs: 30_000 } };
    world.sink('archive').on('lastCommitted', fails, fails);

    resumedFrom(await world.recover());

    expect(log).toEqual([]);
  });

  test('does not hide that recovery was aborted while it waited for its next generation', async () => {
    await world.stored({ epoch: 1, sinks: { archive: 'C', warehouse: 'C' } });
    const abort = new AbortController();
    world.request = { signal: abort.signal };
    world.sink('archive').always.set('rollback', fails);
    always(() => ({
      takeNextGeneration: () => {
        abort.abort(new Error('stop was called'));
        return new Promise(() => undefined);
      },
    }));

    expect(refusalOf(await world.recover()).code).toBe('TIDEGATE_RECOVERY_ABORTED');
  });
});

describe('large states', () => {
  const byteLength = 2_000_000;
  /** What ten megabytes a second leave it on top of the bound of one call. */
  const roomMs = byteLength / 10_000;

  beforeEach(async () => {
    const initial = 'x'.repeat(byteLength);
    world.operator.state = initial;
    world.operator.reset = () => void (world.operator.state = initial);
    resumedFrom(await world.recover());
    world.sources.set('clicks', new ScriptedSource('clicks', world.log));
  });

  test('have time to be copied: they are read and written', async () => {
    always((store) => ({
      writeSidecar: (...given) =>
        after(30_000 + 2 * roomMs - 1, () => store.writeSidecar(...given)),
    }));

    expect(resumedFrom(await world.recover()).report.rereadings).toBe(0);
  });

  test('have time to be read again once they are copied', async () => {
    always((store) => ({
      load: (...given) => after(30_000 + roomMs - 1, () => store.load(...given)),
    }));

    expect(resumedFrom(await world.recover()).report.rereadings).toBe(0);
  });

  test('that take longer to copy are named with what was done to them', async () => {
    always(() => ({ writeSidecar: () => new Promise(() => undefined) }));

    expect(refusalOf(await world.recover()).message).toMatch(
      /^copying the states of checkpoint \d+ to \d+ failed: .* took longer than 30400 ms$/,
    );
  });

  test('that take longer to read are read again in the next pass, from what was copied', async () => {
    watchLog();
    let copies = 0;
    always((store) => ({
      writeSidecar: (...given) => {
        copies += 1;
        return store.writeSidecar(...given);
      },
      load: (...given) =>
        copies === 1 && log.length === 0 ? new Promise(() => undefined) : store.load(...given),
    }));

    expect(resumedFrom(await world.recover()).report.rereadings).toBe(1);

    expect(copies).toBe(1);
    expect(log[0]?.fields?.because).toMatch(
      /^loading checkpoint \d+ failed: loading checkpoint \d+ took longer than 30200 ms$/,
    );
  });
});

describe('a dry run', () => {
  const planned = async (): Promise<DryRun> => {
    const { store: _owned, ...question } = world.requestFor(await world.open());
    const store = await world.memory.openReadOnly();
    return world.clock.drive(planOnly({ ...question, store, pipeline }));
  };

  test('asks again within the bound of one call, and no longer', async () => {
    await world.stored({ epoch: 1, sinks: { archive: 'C', warehouse: 'C' } });
    world.sink('archive').on('lastCommitted', fails);
    expect((await planned()).plan.kind).toBe('resume');

    world.sink('archive').always.set('lastCommitted', fails);
    const took = await elapsedMs(async () => expect((await planned()).plan.kind).toBe('halt'));
    expect(took).toBeGreaterThan(15_000);
    expect(took).toBeLessThanOrEqual(30_000);
  });

  test('plans a start: what is prepared is decided by the policy, and not awaited', async () => {
    await world.stored({ epoch: 1, sinks: { archive: 'C', warehouse: 'C' } });
    const id = await world.stored({ epoch: 2, sinks: { archive: 'P', warehouse: 'P' } });
    for (const sink of world.sinks.values()) sink.prepare(id);

    expect((await planned()).plan.kind).toBe('roll-back');
  });
});
