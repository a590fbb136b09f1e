// Orders pipelines that are started anew on the way: set back to a savepoint, or in another version.

import { isTidegateError } from '../../../src/errors.js';
import type { CheckpointKind } from '../../../src/manifest/types.js';
import { recover } from '../../../src/recovery/recover.js';
import type { Recover, RestoreChoice } from '../../../src/recovery/request.js';
import { checkpointId } from '../../../src/ids.js';
import { hasTwoPhases } from '../../../src/testing/simulation/sinks/index.js';
import { openOrders, type OrdersVersion } from './order-loops.js';
import { StageNotes } from './stage-notes.js';
import {
  byNumber,
  namedSinks,
  orders,
  orderTotals,
  refunds,
  totalsOf,
  type AccountTotal,
  type Order,
  type OrdersSetup,
  type StagedShape,
} from './order-records.js';
import { startAgain, type Crashable, type World } from '../../../src/testing/simulation/world.js';

export interface StagedSetup extends OrdersSetup {
  readonly shape: StagedShape;
}

interface Stage {
  readonly version: OrdersVersion;
  /** Taken before the stage ends, and noted: what is restored later. */
  readonly marks?: CheckpointKind;
}

/** A part of the input, then another process with what comes next, in order or after a crash. */
export function stagedOrders(world: World, setup: StagedSetup): Crashable {
  const notes = new StageNotes(world);
  const stages = setup.shape === 'restored' ? restoring(setup, notes) : changing(setup);
  const number = notes.stageOf(stages.length, setup.shape === 'restored');
  const stage = stages[number - 1];
  if (stage === undefined) throw new RangeError(`there is no stage ${number}`);
  const isLast = number === stages.length;
  const job = openOrders(world, { ...stage.version, recover: recoverInStage(notes, isLast) });
  const run = async (): Promise<unknown> => {
    try {
      await job.coordinator.start();
    } catch (error) {
      if (number === 1 || !isForOldVersion(error)) throw error;
      notes.goBack();
      return startAgain;
    }
    if (isLast) notes.begun(job, namedSinks(setup.mix));
    if (stage.marks !== undefined) notes.mark(await job.mark(stage.marks));
    await job.work();
    await job.stop();
    if (isLast) return undefined;
    notes.reach(number + 1);
    return startAgain;
  };
  const expected = (): ReadonlyMap<string, readonly AccountTotal[]> =>
    setup.shape === 'restored' ? expectedRestored(setup, notes) : expectedChanged(setup, notes);
  return { coordinator: job.coordinator, run, expected };
}

/**
 * Looks at the notes once more behind the fence: a process that stood still before it owned the
 * store must not take an old version back into service, or restore a second time.
 */
function recoverInStage(notes: StageNotes, isLast: boolean): Recover {
  const refuseOldVersion = (): void => {
    if (!isLast && notes.isOver) throw new Error('another version is in service by now');
  };
  return async ({ restoreFrom, ...request }) => {
    if (request.occasion === 'in-process') return recover(request);
    // Before it recovers: an old version that fences it meanwhile has to see that it is too late.
    if (isLast) notes.enterService();
    refuseOldVersion();
    const choice = notes.restored === undefined ? restoreFrom : undefined;
    const outcome = await recover({ ...request, restoreFrom: choice });
    refuseOldVersion();
    return outcome;
  };
}

/**
 * What only the version that wrote the checkpoint in doubt can settle: a sink of it that is gone.
 */
function isForOldVersion(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (!isTidegateError(cause)) continue;
    if (cause.code === 'TIDEGATE_RECOVERY_UNKNOWN_SINK') return true;
  }
  return false;
}

/** One order and a savepoint, one more order, and back to the savepoint. */
function restoring(setup: StagedSetup, notes: StageNotes): readonly Stage[] {
  const kind = setup.drains === true ? 'checkpoint' : 'savepoint';
  // A savepoint outlives all checkpoints; a checkpoint has to be among those that are kept.
  const retainedCheckpoints = kind === 'savepoint' ? 1 : 10;
  const version = versionOf(setup, { retainedCheckpoints });
  const { marked, restored } = notes;
  const restoreFrom: RestoreChoice | undefined =
    marked === undefined || restored !== undefined
      ? undefined
      : {
          checkpointId: checkpointId(marked),
          // Whatever they have by then: what may not happen twice is kept in the notes.
          acceptDuplicatesIn: Object.fromEntries(
            version.sinks.map(([name]) => [name, checkpointId(Number.MAX_SAFE_INTEGER)]),
          ),
        };
  return [
    { version: { ...version, sources: { orders: 1 } }, marks: kind },
    { version: { ...version, sources: { orders: 2 } } },
    { version: { ...version, restoreFrom } },
  ];
}

/** Two orders in the first version, the rest in the second. */
function changing(setup: StagedSetup): readonly Stage[] {
  const version = versionOf(setup);
  const fewer = version.sinks.slice(0, -1);
  const begun = { orders: 2 };
  const all = { orders: orders.length };
  switch (setup.shape) {
    case 'added-source':
      return [
        { version: { ...version, sources: begun } },
        { version: { ...version, sources: { ...all, refunds: refunds.length } } },
      ];
    case 'removed-source':
      return [
        { version: { ...version, sources: { ...begun, refunds: 1 } } },
        { version: { ...version, sources: all } },
      ];
    case 'added-sink':
      return [{ version: { ...version, sources: begun, sinks: fewer } }, { version }];
    case 'removed-sink':
      return [
        { version: { ...version, sources: begun } },
        { version: { ...version, sinks: fewer } },
      ];
    case 'restored':
      throw new TypeError('a restore is no change');
  }
}

function versionOf(
  { mix, hasSidecar, drains, settings }: StagedSetup,
  more: OrdersSetup['settings'] = {},
): OrdersVersion {
  return {
    sources: { orders: orders.length },
    sinks: namedSinks(mix),
    hasSidecar,
    ...(drains === undefined ? {} : { drains }),
    settings: { ...settings, ...more },
  };
}

/**
 * A two-phase sink has what it had committed when the savepoint was restored, and then everything
 * after the savepoint once more; a person has accepted that. Others promise no number of times.
 */
function expectedRestored(
  { mix }: StagedSetup,
  { restored }: StageNotes,
): ReadonlyMap<string, readonly AccountTotal[]> {
  const before = orderTotals.slice(0, 2);
  return new Map(
    namedSinks(mix).map(([name, durability]) => {
      if (!hasTwoPhases(durability)) return [name, orderTotals];
      if (restored === undefined) return [name, before];
      const committed = before.slice(0, Math.max(1, restored.get(name) ?? 0));
      return [name, [...committed, ...orderTotals.slice(1)]];
    }),
  );
}

/** Everything up to the change by the first version, everything after it by the second. */
function expectedChanged(
  { shape, mix }: StagedSetup,
  { changed }: StageNotes,
): ReadonlyMap<string, readonly AccountTotal[]> {
  const isFirst = { orders: true, refunds: shape === 'removed-source' };
  const isSecond = { orders: true, refunds: shape === 'added-source' };
  // Not changed yet: what the first version has come to is a beginning of all that it would make.
  const at = changed ?? { orders: 2, newest: 3 };
  const refundsBefore = isFirst.refunds ? refunds.filter(({ number }) => number <= at.newest) : [];
  const first: readonly Order[] = byNumber([...orders.slice(0, at.orders), ...refundsBefore]);
  const second = byNumber([...orders.slice(at.orders), ...(isSecond.refunds ? refunds : [])]);
  const totals = totalsOf([...first, ...(changed === undefined ? [] : second)]);
  const sinks = namedSinks(mix);
  return new Map(
    sinks.map(([name], index) => {
      const isLast = index === sinks.length - 1;
      if (isLast && shape === 'added-sink') return [name, totals.slice(first.length)];
      if (isLast && shape === 'removed-sink') return [name, totals.slice(0, first.length)];
      return [name, totals];
    }),
  );
}
