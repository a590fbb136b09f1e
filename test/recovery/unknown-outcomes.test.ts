import { describe, expect, test } from '@jest/globals';
import { TidegateError } from 'tidegate';
import type { CheckpointId } from 'tidegate';
import type { OwnedStore, TwoPhaseSinkSession } from 'tidegate/extend';
import {
  answers,
  fails,
  hangs,
  losesItsAnswer,
  RecoveryWorld,
  refusalOf,
  replaced,
  resumedFrom,
  type Behaviour,
} from './kit.js';

/** A base, and one checkpoint above it that both sinks have prepared. */
async function bothPrepared(world: RecoveryWorld): Promise<CheckpointId> {
  await world.stored({ epoch: 1, sinks: { archive: 'C', warehouse: 'C' } });
  const id = await world.stored({ epoch: 2, sinks: { archive: 'P', warehouse: 'P' } });
  for (const sink of world.sinks.values()) sink.prepare(id);
  return id;
}

describe('a participant that does not answer', () => {
  test('a read error of the decision is not read as "abort": the sink is asked until it answers', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    await world.stored({ epoch: 1, sinks: { archive: 'C', warehouse: 'C' } });
    const id = await world.stored({ epoch: 2, sinks: { archive: 'P', warehouse: 'C' } });
    world.sink('archive').prepare(id).on('inspect', fails, hangs, fails);

    const { base } = resumedFrom(await world.recover());

    expect(base.manifest.checkpointId).toBe(id);
    expect([...world.sink('archive').markers]).toContain(id);
  });

  test('a sink that stays silent halts after ten minutes, and no sink was changed', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    const id = await bothPrepared(world);
    world.sink('archive').always.set('inspect', fails);
    const before = world.clock.monotonicMs();

    const refusal = refusalOf(await world.recover());

    expect(refusal.code).toBe('TIDEGATE_RECOVERY_UNANSWERED');
    expect(refusal.message).toContain('archive');
    expect(world.clock.monotonicMs() - before).toBeGreaterThan(580_000);
    expect([...world.sink('warehouse').prepared.values()]).toEqual([id]);
    expect(world.log).not.toContain('warehouse rollback');
  });

  test.each(['open', 'lastCommitted', 'inspect', 'rollback'] as const)(
    'a sink whose %s never returns delays recovery to a bound, never the process',
    async (call) => {
      const world = new RecoveryWorld('archive', 'warehouse');
      await bothPrepared(world);
      world.sink('archive').always.set(call, hangs);
      const before = world.clock.monotonicMs();

      expect(refusalOf(await world.recover()).code).toBe('TIDEGATE_RECOVERY_UNANSWERED');
      expect(world.clock.monotonicMs() - before).toBeLessThan(1_400_000);
    },
  );

  test('the questions are spread with growing, jittered delays', async () => {
    const world = new RecoveryWorld('archive');
    await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    world.sink('archive').always.set('open', fails);

    refusalOf(await world.recover());

    const opens = world.sink('archive').calls.length;
    expect(opens).toBeGreaterThan(50);
    expect(opens).toBeLessThan(150);
  });

  test('a store that cannot be read halts; it is never taken for an empty one', async () => {
    const world = new RecoveryWorld('archive');
    await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    world.wrapStore = (store) => replaced(store, { list: () => Promise.reject(new Error('EIO')) });

    const refusal = refusalOf(await world.recover());

    expect(refusal.code).toBe('TIDEGATE_RECOVERY_UNANSWERED');
    expect(refusal.message).toContain('EIO');
    expect(Object.keys(await world.states())).toHaveLength(1);
  });

  test('a checkpoint that could not be read just now is not taken for damaged', async () => {
    const world = new RecoveryWorld('archive');
    await world.stored({ epoch: 1 });
    const id = await world.stored({ epoch: 2 });
    let failures = 0;
    world.wrapStore = (store) =>
      replaced(store, {
        load: (wanted) => {
          failures += 1;
          return failures < 3 ? Promise.reject(new Error('EIO')) : store.load(wanted);
        },
      });

    const { base } = resumedFrom(await world.recover());

    expect(base.manifest.checkpointId).toBe(id);
    expect(Object.values(await world.states())).toEqual(['complete', 'complete']);
  });

  test('a session that opens when it is no longer waited for is closed', async () => {
    const world = new RecoveryWorld('archive');
    await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    let arrive: (() => void) | undefined;
    let closed = 0;
    const late: Behaviour = (run) => {
      const session = run() as TwoPhaseSinkSession;
      return new Promise((resolve) => {
        arrive = () => resolve({ ...session, close: () => void (closed += 1) });
      });
    };
    world.sink('archive').on('open', late);

    resumedFrom(await world.recover());
    arrive?.();
    await world.clock.drive(Promise.resolve());

    expect(closed).toBe(1);
  });

  test('recovery ends when it is aborted, and closes what it opened', async () => {
    const world = new RecoveryWorld('archive');
    await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    const abort = new AbortController();
    world.request = { signal: abort.signal };
    world.sink('archive').on('inspect', () => {
      abort.abort(new Error('stop was called'));
      return new Promise(() => undefined);
    });

    expect(refusalOf(await world.recover()).code).toBe('TIDEGATE_RECOVERY_ABORTED');
  });
});

describe('an answer that makes no sense', () => {
  test('is not counted as a commit: the sink is named with what it said', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    world.options = { inDoubtPolicy: 'roll-forward' };
    const id = await bothPrepared(world);
    world.sink('archive').always.set('commit', answers(undefined));

    const refusal = refusalOf(await world.recover());

    expect(refusal.code).toBe('TIDEGATE_RECOVERY_SINK_REFUSED');
    expect(refusal.message).toContain(
      'commit at sink archive was answered with undefined, and not with applied',
    );
    expect(await world.states()).toMatchObject({ [id]: 'in-doubt' });
  });

  test('is not counted as one of the four answers to a question', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    await bothPrepared(world);
    world.sink('archive').always.set('inspect', answers('done'));

    const refusal = refusalOf(await world.recover());

    expect(refusal.code).toBe('TIDEGATE_RECOVERY_SINK_REFUSED');
    expect(refusal.message).toContain(
      'inspect of sink archive was answered with done, and not with committed, prepared, absent, unsupported',
    );
  });
});

test('a sink that refuses is named, and not one that was still waiting for its answer', async () => {
  const world = new RecoveryWorld('slow', 'strict');
  await world.stored({ epoch: 1, sinks: { slow: 'C', strict: 'C' } });
  world.sink('slow').always.set('open', hangs);
  world
    .sink('strict')
    .always.set('open', () =>
      Promise.reject(new TidegateError('TIDEGATE_SINK_STORE', 'strict remembers another store')),
    );

  const refusal = refusalOf(await world.recover());

  expect(refusal.message).toContain('sink strict: strict remembers another store');
});

describe('an answer that was lost', () => {
  test('an opening that took effect is distinguished from another owner by the next generation', async () => {
    const world = new RecoveryWorld('archive');
    await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    world.sink('archive').on('open', losesItsAnswer);
    const store = await world.open();

    const outcome = resumedFrom(await world.recoverWith(store));

    expect(outcome.store.generation).toBe(store.generation + 1);
    expect(outcome.report.generation).toBe(outcome.store.generation);
    expect(outcome.report.rereadings).toBe(1);
  });

  test('an owner that was overtaken stops as fenced and changes no sink', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    const id = await bothPrepared(world);
    const old = await world.open();
    await world.open();
    world.sink('archive').generation = 1_000;

    const refusal = refusalOf(await world.recoverWith(old));

    expect(refusal.code).toBe('TIDEGATE_FENCED');
    expect([...world.sink('warehouse').prepared.values()]).toEqual([id]);
  });

  test('an old copy of the store is not reported as another owner: it names what to bring back', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    const id = await bothPrepared(world);
    world.sink('archive').generation = 1_000;

    const outcome = await world.recover();
    const refusal = refusalOf(outcome);

    expect(refusal.code).toBe('TIDEGATE_RECOVERY_SINK_REFUSED');
    expect(refusal.message).toMatch(/sink archive is at 1000.*or two sinks share one place$/);
    expect(refusal.cause).toMatchObject({ message: 'sink archive is at 1000' });
    expect([...world.sink('warehouse').prepared.values()]).toEqual([id]);
    // What is given back is the newest generation, which is the one to close.
    expect(outcome.store.generation).toBe(3);
  });

  test('an owner overtaken at the store does not fence the new owner back', async () => {
    const world = new RecoveryWorld('archive');
    await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    world.sink('archive').on('open', losesItsAnswer);
    const old = await world.open();
    await world.open();

    expect(refusalOf(await world.recoverWith(old)).code).toBe('TIDEGATE_FENCED');
    expect(world.sink('archive').calls.filter((call) => call === 'open')).toHaveLength(2);
  });

  test('a save with an unknown outcome is not repeated beside itself: the next generation fences it', async () => {
    const world = new RecoveryWorld('archive');
    const id = await world.stored({ epoch: 2, sinks: { archive: 'C' } });
    let saves = 0;
    world.wrapStore = (store) =>
      replaced(store, {
        saveManifest: async () => {
          saves += 1;
          return new Promise(() => undefined);
        },
      });

    const outcome = resumedFrom(await world.recover());

    expect(saves).toBe(1);
    expect(outcome.base.manifest.checkpointId).toBe(id);
    expect(outcome.report.rereadings).toBe(1);
  });

  test('a final save that fails is not reported as success', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    world.options = { inDoubtPolicy: 'roll-forward' };
    const id = await bothPrepared(world);
    const failing = (store: OwnedStore): OwnedStore =>
      replaced(store, {
        updateManifest: () => Promise.reject(new Error('EIO')),
        saveManifest: (manifest) => {
          const isComplete = [...manifest.sinkCommitStatuses.values()].every(
            ({ kind }) => kind === 'committed',
          );
          return isComplete ? Promise.reject(new Error('EIO')) : store.saveManifest(manifest);
        },
        takeNextGeneration: async () => failing(await store.takeNextGeneration()),
      });
    world.wrapStore = failing;

    expect(refusalOf(await world.recover()).message).toContain('EIO');
    expect(await world.states()).toMatchObject({ [id]: 'in-doubt' });
    world.wrapStore = (store) => store;
    expect(resumedFrom(await world.recover()).report.row.number).toBe(9);
  });

  test('a commit that took effect and lost its answer is repeated and counts once', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    world.options = { inDoubtPolicy: 'roll-forward' };
    const id = await bothPrepared(world);
    world.sink('archive').on('commit', losesItsAnswer);

    expect(resumedFrom(await world.recover()).base.manifest.checkpointId).toBe(id);
    for (const sink of world.sinks.values()) expect(sink.markers.has(id)).toBe(true);
  });
});

describe('facts that change while recovery acts', () => {
  test('a commit that had timed out cannot land between the question and the roll back', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    world.request = { occasion: 'in-process' };
    const id = await bothPrepared(world);
    let late: (() => unknown) | undefined;
    const landsLate: Behaviour = (run) => {
      late = run;
      return new Promise(() => undefined);
    };
    const warehouse = world.sink('warehouse');
    warehouse.always.set('commit', fails);
    const archive = world.sink('archive');
    archive.always.set('commit', landsLate);
    // The late commit tries to land right after the other sink was rolled back.
    warehouse.always.set('rollback', (run) => {
      const outcome = run();
      expect(() => late?.()).toThrow(/sink archive is at/);
      return outcome;
    });

    const { base, report } = resumedFrom(await world.recover());

    expect(base.manifest.epoch).toBe(1);
    expect(report.row.number).toBe(11);
    expect(late).toBeDefined();
    expect(archive.markers.has(id)).toBe(false);
    expect(warehouse.markers.has(id)).toBe(false);
  });

  test('a roll back that answers "committed" is not the end: the facts are read again and it goes forward', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    const id = await bothPrepared(world);
    const archive = world.sink('archive');
    archive.on('inspect', answers('prepared'));
    archive.prepared.clear();
    archive.committed(id);
    const warehouse = world.sink('warehouse');
    warehouse.on('rollback', () => new Map());
    archive.on('lastCommitted', answers(undefined));

    const { base, report } = resumedFrom(await world.recover());

    expect(base.manifest.checkpointId).toBe(id);
    expect(report.rereadings).toBe(1);
    expect(warehouse.markers.has(id)).toBe(true);
  });

  test('"not found" at a commit is not taken for "already committed": the facts are read again', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    world.options = { inDoubtPolicy: 'roll-forward' };
    const id = await bothPrepared(world);
    const archive = world.sink('archive');
    archive.prepared.clear();
    archive.on('inspect', answers('prepared'));

    const { code } = refusalOf(await world.recover());

    expect(code).toBe('TIDEGATE_RECOVERY_SPLIT');
    expect(await world.states()).toMatchObject({ [id]: 'in-doubt' });
  });

  test('a commit that failed is tried again by a new session, and the report says why', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    world.options = { inDoubtPolicy: 'roll-forward' };
    const id = await bothPrepared(world);
    world.sink('archive').on('commit', fails);

    const { base, report } = resumedFrom(await world.recover());

    expect(base.manifest.checkpointId).toBe(id);
    expect(report.rereadings).toBe(1);
    expect(report.rereadBecause).toMatch(/^sink archive in the commit of \d+: /);
  });

  test('a decision for a person after failed tries says what they failed of', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    world.request = { occasion: 'in-process' };
    world.options = { inDoubtPolicy: 'halt' };
    await bothPrepared(world);
    for (const sink of world.sinks.values()) sink.always.set('commit', fails);

    const refusal = refusalOf(await world.recover());

    expect(refusal.code).toBe('TIDEGATE_RECOVERY_POLICY');
    expect(refusal.message).toMatch(/before that: sink \w+ in the commit of/);
    expect(refusal.cause).toMatchObject({ code: 'TIDEGATE_RECOVERY_UNANSWERED' });
  });

  test('in process, prepared sinks are driven forward until the timeout, then the policy decides', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    world.request = { occasion: 'in-process' };
    const id = await bothPrepared(world);
    for (const sink of world.sinks.values()) sink.always.set('commit', fails);

    const { base, report } = resumedFrom(await world.recover());

    expect(base.manifest.epoch).toBe(1);
    expect(report.row.number).toBe(11);
    expect(await world.states()).toMatchObject({ [id]: 'rolled-back' });
  });
});

test('a bug in tidegate is thrown, not reported as a refusal', async () => {
  const world = new RecoveryWorld('archive');
  world.wrapStore = (store) =>
    replaced(store, {
      allocateCheckpointId: () => {
        throw new TidegateError('TIDEGATE_BUG', 'made for this test');
      },
    });

  await expect(world.recover()).rejects.toThrow('made for this test');
});
