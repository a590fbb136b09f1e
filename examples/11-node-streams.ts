// Node's own streams: `pipeline` as always, with barriers between the records.

import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, gunzipSync } from 'node:zlib';
import { arraySource, hasErrorCode, jsonState, MemoryCheckpointStore, memorySink } from 'tidegate';
import type { CustomOperator } from 'tidegate/extend';
import { StreamPipeline } from 'tidegate/streams';

interface Order {
  readonly account: string;
  readonly amount: number;
}

const orders: readonly Order[] = Array.from({ length: 1_000 }, (_, index) => ({
  account: index % 2 === 0 ? 'ann' : 'bob',
  amount: index,
}));

/** A stage with state: what it remembers is in every checkpoint, and comes back after a failure. */
function runningTotals(): CustomOperator<Order, { account: string; total: number }> {
  let totals: Record<string, number> = {};
  return {
    ...jsonState(
      () => totals,
      (saved) => {
        totals = saved;
      },
    ),
    onRecord: ({ account, amount }, context) => {
      const total = (totals[account] ?? 0) + amount;
      totals[account] = total;
      context.emit({ account, total });
    },
  };
}

/** A stream that somebody else wrote: one record out for one in, some time later. */
function askTheBank(): Transform {
  return new Transform({
    objectMode: true,
    transform: (order: Order, _encoding, done) => {
      setImmediate(() => done(null, order));
    },
  });
}

const archive = memorySink<Buffer>();
let builds = 0;

const streams = new StreamPipeline('orders', {
  sources: { orders: arraySource(orders) },
  operators: { totals: runningTotals() },
  sinks: { archive },
  // Called again after each failure: the streams of the generation before are destroyed by then.
  build: ({ source, map, oneToOne, operator, perEpoch, sink }) => {
    const build = ++builds;
    return pipeline(
      source('orders'),
      oneToOne(askTheBank()),
      map((order: Order) => {
        if (build === 1 && order.amount === 600) throw new Error('the network was away');
        return order;
      }),
      operator('totals'),
      map((total: object) => `${JSON.stringify(total)}\n`),
      // Ended at each barrier: a checkpoint never cuts through a member of the archive.
      perEpoch(() => createGzip()),
      sink('archive'),
    );
  },
});

console.log(streams.explain());
builds = 0;
const store = new MemoryCheckpointStore();
const report = await streams.run({ store, checkpoint: { intervalMs: 5 } });
const lines = gunzipSync(Buffer.concat(archive.records)).toString().trimEnd().split('\n');
console.log(`\n${report.outcome} after ${builds} builds, ${report.checkpoints} checkpoint(s)`);
console.log(`${lines.length} lines in the archive, the last: ${lines.at(-1)}`);
if (lines.length !== orders.length) throw new Error('lines were lost or doubled');

// A stream without a wrapper would lose barriers: it is refused before anything is opened.
const careless = new StreamPipeline('orders', {
  sources: { orders: arraySource(orders) },
  sinks: { archive },
  build: ({ source, sink }) => pipeline(source('orders'), askTheBank(), sink('archive')),
});
try {
  careless.prepare({ store });
} catch (error) {
  if (!hasErrorCode(error, 'TIDEGATE_STREAM_FOREIGN')) throw error;
  console.log(`\n${(error as Error).message}`);
}
