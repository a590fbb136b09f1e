// The loop of a Kafka consumer (eachBatch, no auto-commit) over a broker stand-in: no real broker was used.

import { fileURLToPath } from 'node:url';
import { CheckpointCoordinator, MemoryCheckpointStore, memorySink, jsonState } from 'tidegate';
import type { CheckpointStore, Clock, Offsets, Random, Sink, TwoPhaseSink } from 'tidegate/extend';

/** Two partitions in memory, with the few calls of a consumer that the loop needs. */
export class BrokerStandIn {
  readonly #partitions: readonly (readonly string[])[];
  readonly committed = [0, 0];
  #next = [0, 0];
  #assigned: readonly number[] = [0, 1];

  constructor(partitions: readonly (readonly string[])[]) {
    this.#partitions = partitions;
  }

  get assigned(): readonly number[] {
    return this.#assigned;
  }

  /** At most three messages of one partition, as `eachBatch` gets them. */
  poll():
    | { readonly partition: number; readonly first: number; readonly messages: string[] }
    | undefined {
    const partition = this.#assigned.find(
      (one) => this.#next[one] !== this.#partitions[one]?.length,
    );
    if (partition === undefined) return undefined;
    const first = this.#next[partition] ?? 0;
    const messages = this.#partitions[partition]?.slice(first, first + 3) ?? [];
    this.#next[partition] = first + messages.length;
    return { partition, first, messages };
  }

  seek(partition: number, offset: number): void {
    this.#next[partition] = offset;
  }

  commitOffsets(partition: number, offset: number): void {
    this.committed[partition] = Math.max(this.committed[partition] ?? 0, offset);
  }

  rebalance(assigned: readonly number[]): void {
    this.#assigned = assigned;
  }
}

export interface Surroundings {
  readonly broker: BrokerStandIn;
  readonly store: CheckpointStore;
  readonly warehouse: Sink<string>;
  /** Told after each batch. */
  readonly onBatch?: () => void;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** The coordinator and the loop of one assignment of partitions. */
export function buildConsumer({ broker, store, warehouse, onBatch, ...ports }: Surroundings) {
  // Offsets of what was processed, per partition: what eachBatch would resolve.
  const offsets = new Map<number, number>();
  let count = 0;
  const coordinator = new CheckpointCoordinator({
    ...ports,
    pipeline: 'orders',
    store,
    sources: {
      orders: {
        position: () =>
          Object.fromEntries([...offsets].map(([partition, next]) => [partition, String(next)])),
        // Seek on rewind: the broker's own group offsets decide nothing.
        restore: (saved: Offsets) => {
          for (const partition of [0, 1]) {
            const next = Number(saved[partition] ?? 0);
            offsets.set(partition, next);
            broker.seek(partition, next);
          }
        },
        // Told after a complete checkpoint: for lag monitors and retention, never for recovery.
        acknowledge: (done: Offsets) => {
          for (const [partition, next] of Object.entries(done)) {
            broker.commitOffsets(Number(partition), Number(next));
          }
        },
      },
    },
    operators: {
      count: jsonState(
        () => count,
        (saved) => {
          count = saved;
        },
      ),
    },
    sinks: { warehouse },
    checkpoint: { intervalMs: 0 },
  });
  coordinator.events.on('checkpoint-failed', ({ checkpointId, cause }) => {
    console.log(
      `checkpoint ${checkpointId} failed in step ${cause.step}: the loop will be rewound`,
    );
  });

  const run = async (): Promise<void> => {
    const report = await coordinator.start();
    const where = JSON.stringify(Object.fromEntries(offsets));
    console.log(`recovery: ${report.row.label}; offsets ${where}`);
    const assignment = broker.assigned;
    for (let batch = broker.poll(); batch !== undefined; batch = broker.poll()) {
      const asked = coordinator.checkpoint();
      const point = await coordinator.safePoint();
      await asked;
      if (point.kind === 'rewound') {
        console.log(
          `rewound to ${JSON.stringify(Object.fromEntries(offsets))}: the batch is dropped`,
        );
        continue;
      }
      count += batch.messages.length;
      await point.sinks.warehouse.write(batch.messages);
      offsets.set(batch.partition, batch.first + batch.messages.length);
      onBatch?.();
      // A rebalance is handled as a crash: no checkpoint may be taken for partitions that have moved.
      if (broker.assigned !== assignment) {
        console.log('rebalanced: this owner ends without a checkpoint, the next start recovers');
        await coordinator[Symbol.asyncDispose]();
        return;
      }
    }
    await coordinator.stop();
  };
  return { coordinator, run };
}

async function main(): Promise<void> {
  const broker = new BrokerStandIn(
    [0, 1].map((partition) => Array.from({ length: 12 }, (_, index) => `p${partition}-${index}`)),
  );
  const store = new MemoryCheckpointStore();
  const warehouse = memorySink<string>();
  const flaky = failingOnce(warehouse, () => warehouse.records.length > 0);

  let batches = 0;
  const onBatch = (): void => {
    batches += 1;
    if (batches === 6) broker.rebalance([1, 0]);
  };
  await buildConsumer({ broker, store, warehouse: flaky, onBatch }).run();
  await buildConsumer({ broker, store, warehouse: flaky }).run();

  const distinct = new Set(warehouse.records).size;
  console.log(`messages at the sink: ${warehouse.records.length}, distinct: ${distinct}, of 24`);
  console.log(`offsets acknowledged to the broker: ${JSON.stringify(broker.committed)}`);
  console.log('The broker was a stand-in in memory; no real Kafka was used.');
  if (warehouse.records.length !== 24 || distinct !== 24) process.exitCode = 1;
}

/** A sink that fails one pre-commit, as happens when a connection breaks. */
function failingOnce(steady: TwoPhaseSink<string>, isTime: () => boolean): TwoPhaseSink<string> {
  let preCommitsToFail = 1;
  return {
    durability: 'durable',
    openReadOnly: (identity, options) => steady.openReadOnly(identity, options),
    open: async (owner, options) => {
      const session = await steady.open(owner, options);
      return {
        write: (records) => session.write(records),
        preCommit: (request, call) => {
          if (preCommitsToFail > 0 && isTime()) {
            preCommitsToFail -= 1;
            throw new Error('the connection broke');
          }
          return session.preCommit(request, call);
        },
        commit: (handle, call) => session.commit(handle, call),
        inspect: (request, call) => session.inspect(request, call),
        lastCommitted: (call) => session.lastCommitted(call),
        listPrepared: (call) => session.listPrepared(call),
        rollback: (request, call) => session.rollback(request, call),
      };
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
