// The loop of a Kafka consumer (eachBatch, no auto-commit) over a broker stand-in: no real broker was used.

import {
  CheckpointCoordinator,
  MemoryCheckpointStore,
  MemorySink,
  jsonState,
  type Offsets,
  type TwoPhaseSink,
} from 'tidegate';

/** Two partitions in memory, with the few calls of a consumer that the loop needs. */
class BrokerStandIn {
  readonly #partitions = [0, 1].map((partition) =>
    Array.from({ length: 12 }, (_, index) => `p${partition}-${index}`),
  );
  readonly committed = [0, 0];
  #next = [0, 0];
  #assigned: readonly number[] = [0, 1];

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

const broker = new BrokerStandIn();
const store = new MemoryCheckpointStore();
const warehouse = new MemorySink<string>();
const steady: TwoPhaseSink<string> = warehouse;

/** The coordinator and loop of one assignment of partitions. Answers when `until` says so. */
async function consume(sink: TwoPhaseSink<string>, until: () => boolean): Promise<void> {
  // Offsets of what was processed, per partition: what eachBatch would resolve.
  const offsets = new Map<number, number>();
  let count = 0;
  const coordinator = new CheckpointCoordinator({
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
    sinks: { warehouse: sink },
    checkpoint: { intervalMs: 0 },
  });
  coordinator.events.on('checkpoint-failed', ({ checkpointId, cause }) => {
    console.log(
      `checkpoint ${checkpointId} failed in step ${cause.step}: the loop will be rewound`,
    );
  });
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
    // A rebalance is handled as a crash: no checkpoint may be taken for partitions that have moved.
    if (until() || broker.assigned !== assignment) {
      console.log('rebalanced: this owner ends without a checkpoint, the next start recovers');
      await coordinator[Symbol.asyncDispose]();
      return;
    }
  }
  await coordinator.stop();
}

/** Fails one pre-commit, as happens when a connection breaks. */
let preCommitsToFail = 1;
const flaky: TwoPhaseSink<string> = {
  durability: 'durable',
  openReadOnly: (identity, options) => steady.openReadOnly(identity, options),
  open: async (owner, options) => {
    const session = await steady.open(owner, options);
    return {
      write: (records) => session.write(records),
      preCommit: (request, call) => {
        if (preCommitsToFail > 0 && warehouse.records.length > 0) {
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

let polls = 0;
await consume(flaky, () => {
  polls += 1;
  if (polls !== 6) return false;
  broker.rebalance([1, 0]);
  return true;
});
await consume(flaky, () => false);

const distinct = new Set(warehouse.records).size;
console.log(`messages at the sink: ${warehouse.records.length}, distinct: ${distinct}, of 24`);
console.log(`offsets acknowledged to the broker: ${JSON.stringify(broker.committed)}`);
console.log('The broker was a stand-in in memory; no real Kafka was used.');
if (warehouse.records.length !== 24 || distinct !== 24) process.exitCode = 1;
