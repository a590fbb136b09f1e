// One version of the orders pipeline in one process: a loop with safe points, or a driven dataflow.

import { CheckpointCoordinator } from '../../../src/coordinator/coordinator.js';
import type { CheckpointSettings } from '../../../src/coordinator/options/checkpoint-options.js';
import type { Durability } from '../../../src/contracts/sink.js';
import type { CheckpointKind } from '../../../src/manifest/types.js';
import type { Recover, RestoreChoice } from '../../../src/recovery/request.js';
import { Dataflow } from './dataflow.js';
import { orderParts, type OrderParts } from './order-parts.js';
import { ordersInput, type Order, type OrderSource } from './order-records.js';
import { RecordMerge } from './record-merge.js';
import type { World } from '../../../src/testing/simulation/world.js';

export interface OrdersVersion {
  /** How many records of each source have arrived. */
  readonly sources: Readonly<Partial<Record<OrderSource, number>>>;
  readonly sinks: readonly (readonly [string, Durability])[];
  /** Whether a reference table is read, in the order of the numbers, and kept in a table store. */
  readonly hasTable?: boolean;
  readonly hasSidecar: boolean;
  /** Whether a barrier port drives the records, instead of a loop with safe points. */
  readonly isDriven?: boolean;
  readonly drains?: boolean;
  readonly settings?: CheckpointSettings;
  readonly restoreFrom?: RestoreChoice | undefined;
  readonly recover?: Recover;
}

/** A version at work. */
export interface OrdersJob {
  readonly coordinator: CheckpointCoordinator;
  readonly parts: OrderParts;
  /** Goes through everything that has arrived. */
  work(): Promise<void>;
  /** A checkpoint or savepoint of everything that has arrived; its id. */
  mark(kind: CheckpointKind): Promise<number>;
  /** A final checkpoint. @throws Error when it does not cover everything that has arrived. */
  stop(): Promise<void>;
}

export function openOrders(world: World, version: OrdersVersion): OrdersJob {
  return version.isDriven === true ? drivenOrders(world, version) : embeddedOrders(world, version);
}

function embeddedOrders(world: World, version: OrdersVersion): OrdersJob {
  const parts = orderParts(world, version);
  const coordinator = new CheckpointCoordinator(optionsOf(world, version, parts));
  const merge = new RecordMerge<Order>(parts.inputs);
  const goThrough = async (): Promise<void> => {
    for (let next = await merge.peek(); next !== undefined; next = await merge.peek()) {
      const point = await coordinator.safePoint();
      if (point.kind === 'rewound') {
        merge.reset();
        continue;
      }
      const output = parts.process(next.source, next.record);
      merge.take(next);
      if (output === undefined) continue;
      for (const sink of Object.values(point.sinks)) await sink.write([output]);
    }
  };
  const isQuiet = async (): Promise<boolean> => {
    while (isBusy(coordinator)) {
      await pause(world);
      const point = await coordinator.safePoint();
      if (point.kind === 'continue') continue;
      merge.reset();
      return false;
    }
    return true;
  };
  return {
    coordinator,
    parts,
    work: async () => {
      do await goThrough();
      while (version.drains === true && !(await isQuiet()));
    },
    mark: async (kind) => {
      for (;;) {
        await goThrough();
        const asked = ask(coordinator, kind);
        // When the safe point throws, nobody waits for what was asked.
        asked.catch(() => undefined);
        const point = await coordinator.safePoint();
        const id = await asked;
        if (point.kind === 'rewound') merge.reset();
        else if (id !== undefined) return id;
        else await pause(world);
      }
    },
    stop: async () => {
      await coordinator.stop();
      assertAtEnd(version, (source) => parts.position(source));
    },
  };
}

function drivenOrders(world: World, version: OrdersVersion): OrdersJob {
  const parts = orderParts(world, version);
  const source = parts.inputs.get('orders');
  if (source === undefined || parts.inputs.size > 1) throw new TypeError('one source is driven');
  const dataflow = new Dataflow<Order>({
    source: { name: 'orders', of: source },
    operator: { name: 'totals', of: parts.operator },
    sinks: Object.keys(parts.sinks),
    process: (record) => parts.process('orders', record),
    tell: (deliver) => world.tell('dataflow', 'barrier', deliver),
  });
  const options = { ...optionsOf(world, version, parts), barriers: dataflow };
  const coordinator = new CheckpointCoordinator(options);
  const whenQuiet = async (): Promise<void> => {
    while (!isOver(coordinator) && (!dataflow.isAtEnd || isBusy(coordinator))) await pause(world);
  };
  const committed = (): number => Number(dataflow.committed.next);
  const end = version.sources.orders ?? 0;
  return {
    coordinator,
    parts,
    work: async () => {
      await Promise.race([dataflow.whenAtEnd, coordinator.done]);
      if (version.drains === true) await whenQuiet();
    },
    mark: async (kind) => {
      for (;;) {
        await whenQuiet();
        const id = await ask(coordinator, kind);
        if (id !== undefined && committed() >= end) return id;
        await pause(world);
      }
    },
    stop: async () => {
      await coordinator.stop();
      assertAtEnd(version, committed);
    },
  };
}

/** The id of a complete checkpoint of what is there now; undefined when it came to nothing. */
async function ask(
  coordinator: CheckpointCoordinator,
  kind: CheckpointKind,
): Promise<number | undefined> {
  const outcome =
    kind === 'savepoint' ? await coordinator.savepoint('before') : await coordinator.checkpoint();
  if (outcome.kind === 'completed') return outcome.checkpointId;
  // Nothing is new since the newest one.
  return outcome.kind === 'skipped' ? coordinator.status().complete?.checkpointId : undefined;
}

function isBusy(coordinator: CheckpointCoordinator): boolean {
  const { attempt, phase } = coordinator.status();
  return attempt !== undefined || phase === 'recovering';
}

function isOver(coordinator: CheckpointCoordinator): boolean {
  const { phase } = coordinator.status();
  return phase === 'halted' || phase === 'stopped';
}

function pause(world: World): Promise<void> {
  return new Promise((resolve) => {
    world.clock.setTimer(resolve, 1_000);
  });
}

function optionsOf(
  world: World,
  { hasSidecar, settings, restoreFrom, recover }: OrdersVersion,
  { operator, sources, sinks, tables, tableStore }: OrderParts,
): ConstructorParameters<typeof CheckpointCoordinator>[0] {
  return {
    pipeline: 'orders',
    store: world.store,
    clock: world.clock,
    random: world.random,
    logger: world.logger,
    sources,
    operators: { totals: operator },
    sinks,
    tables,
    ...(tableStore === undefined ? {} : { tableStore }),
    ...(restoreFrom === undefined ? {} : { restoreFrom }),
    ...(recover === undefined ? {} : { recover }),
    checkpoint: {
      intervalMs: 150,
      ...(hasSidecar ? { stateInlineThresholdBytes: 0 } : {}),
      ...settings,
    },
  };
}

/** A stop in the middle of the input is no end: the supervisor starts the process again. */
function assertAtEnd({ sources }: OrdersVersion, position: (source: OrderSource) => number): void {
  for (const name of Object.keys(sources) as OrderSource[]) {
    const end = sources[name] ?? ordersInput[name].length;
    const next = position(name);
    if (next < end) throw new Error(`stopped before record ${next} of ${end} of source ${name}`);
  }
}
