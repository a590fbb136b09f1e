// A loop without lock and timer: batches in, totals and rows out; and the same for a client that calls back.

import {
  arraySource,
  CheckpointCoordinator,
  jsonState,
  MemoryCheckpointStore,
  memorySink,
  pushSource,
} from 'tidegate';

interface Order {
  readonly account: string;
  readonly amount: number;
}

const input: readonly Order[] = Array.from({ length: 1_000 }, (_, index) => ({
  account: `account ${index % 7}`,
  amount: index,
}));

// #region loop
const orders = arraySource(input, { batchRecords: 50 });
const archive = memorySink<string>();
let total = 0;
const coordinator = new CheckpointCoordinator({
  pipeline: 'orders',
  store: new MemoryCheckpointStore(),
  sources: { orders },
  operators: {
    total: jsonState(
      () => total,
      (saved) => void (total = saved),
    ),
  },
  sinks: { archive },
  checkpoint: { intervalMs: 10 },
});

await coordinator.start();
for await (const { records, sinks } of coordinator.batches(orders)) {
  for (const { amount } of records) total += amount;
  await sinks.archive.write(records.map(({ account, amount }) => `${account} ${amount}`));
}
await coordinator.stop();
// #endregion loop

console.log(`${archive.records.length} rows, total ${total}`);

// #region push
const messages = pushSource<Order>({
  start: { next: '0' },
  // A consumer of Kafka seeks here: consumer.seek({ topic, partition, offset: next }).
  seek: ({ next }) => client.moveTo(Number(next)),
});
// #endregion push

/** Stands for a client that hands over what it has fetched, and waits until it is taken. */
const client = {
  next: 0,
  moveTo(position: number): void {
    this.next = position;
  },
  async run(): Promise<void> {
    while (this.next < input.length) {
      const from = this.next;
      const records = input.slice(from, from + 30);
      // #region pushed
      const outcome = await messages.push({
        records,
        after: { next: String(from) },
        offsets: { next: String(from + records.length) },
      });
      // #endregion pushed
      if (outcome === 'taken') this.next = from + records.length;
    }
    messages.end();
  },
};

const rows = memorySink<Order>();
const second = new CheckpointCoordinator({
  pipeline: 'messages',
  store: new MemoryCheckpointStore(),
  sources: { messages },
  sinks: { rows },
});
await second.start();
const consuming = client.run();
for await (const { records, sinks } of second.batches(messages)) await sinks.rows.write(records);
await consuming;
await second.stop();
console.log(`${rows.records.length} rows from a client that calls back`);
