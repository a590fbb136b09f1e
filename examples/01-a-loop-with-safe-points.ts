// A plain Node loop: totals of orders into two sinks, five checkpoints, and the seven steps of one.

import { fileURLToPath } from 'node:url';
import { CheckpointCoordinator, MemoryCheckpointStore, memorySink, jsonState } from 'tidegate';
import type { CheckpointStore, Clock, Random, Sink } from 'tidegate/extend';

export interface Order {
  readonly account: string;
  readonly amount: number;
}

export interface Surroundings {
  readonly store: CheckpointStore;
  readonly orders: readonly Order[];
  readonly warehouse: Sink<string>;
  readonly archive: Sink<Order>;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** The coordinator and the loop, whatever they run on: the test that crashes them gives others. */
export function buildOrders({ orders, store, warehouse, archive, ...ports }: Surroundings) {
  // A source says where it is and can go back there. An order in hand at a safe point has not been
  // processed yet, so the position moves on only when it has been.
  let processed = 0;
  const source = {
    position: () => ({ index: String(processed) }),
    restore: (offsets: Readonly<Record<string, string>>) => {
      processed = Number(offsets.index ?? 0);
    },
  };

  // An operator made of a variable.
  let totals: Record<string, number> = {};
  const totalsState = jsonState(
    () => totals,
    (saved) => {
      totals = saved;
    },
  );

  const coordinator = new CheckpointCoordinator({
    ...ports,
    pipeline: 'orders',
    store,
    sources: { orders: source },
    operators: { totals: totalsState },
    sinks: { warehouse, archive },
    // Every state counts as large here, so that step 4 has something to do.
    checkpoint: { intervalMs: 0, stateInlineThresholdBytes: 0 },
  });

  const run = async (): Promise<void> => {
    const report = await coordinator.start();
    console.log(`recovery: ${report.row.label}`);
    while (processed < orders.length) {
      // On demand, to be the same on every machine; `intervalMs` makes it a matter of time.
      const isDue = processed > 0 && processed % 5 === 0;
      const asked = isDue ? coordinator.checkpoint() : undefined;
      const point = await coordinator.safePoint();
      await asked;
      // After a recovery the source stands elsewhere: what was read before is dropped.
      if (point.kind === 'rewound') continue;
      const order = orders[processed];
      if (order === undefined) break;
      totals[order.account] = (totals[order.account] ?? 0) + order.amount;
      await point.sinks.warehouse.write([`${order.account} ${totals[order.account] ?? 0}`]);
      await point.sinks.archive.write([order]);
      processed += 1;
    }
    await coordinator.stop(); // the final checkpoint: the fifth
  };
  return { coordinator, run, totals: () => totals };
}

async function main(): Promise<void> {
  const orders: readonly Order[] = Array.from({ length: 25 }, (_, index) => ({
    account: ['ann', 'bob', 'eve'][index % 3] ?? 'ann',
    amount: index + 1,
  }));
  const warehouse = memorySink<string>();
  const archive = memorySink<Order>();
  const store = new MemoryCheckpointStore();
  const { coordinator, run, totals } = buildOrders({ store, orders, warehouse, archive });
  console.log(`this pipeline is ${coordinator.guarantee.level}`);

  const stepsOf = new Map<number, string[]>();
  coordinator.events.on('step-ended', ({ checkpointId, number, step, durationMs, byteLength }) => {
    const bytes = byteLength === undefined ? '' : `, ${byteLength} bytes`;
    const line = `  ${number}. ${step}: ${durationMs.toFixed(1)} ms${bytes}`;
    stepsOf.set(checkpointId, [...(stepsOf.get(checkpointId) ?? []), line]);
  });
  const completed: number[] = [];
  coordinator.events.on('checkpoint-completed', ({ checkpointId, epoch }) => {
    completed.push(checkpointId);
    console.log(`checkpoint ${checkpointId} of epoch ${epoch} is complete`);
  });
  await run();

  console.log(`the steps of checkpoint ${completed.at(-1) ?? 'none'}:`);
  for (const line of stepsOf.get(completed.at(-1) ?? 0) ?? []) console.log(line);
  console.log(`${completed.length} checkpoints; warehouse ${warehouse.records.length} rows,`);
  console.log(`archive ${archive.records.length} orders; totals ${JSON.stringify(totals())}`);
  if (completed.length !== 5 || archive.records.length !== orders.length) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
