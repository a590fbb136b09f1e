// The process that is killed: runs the job and announces every durable action on the way.

import { setTimeout } from 'node:timers/promises';
import { nodeFileSystem } from 'tidegate/files';
import { embeddedPostgres } from './embedded-postgres.js';
import { flightsJob } from './job.js';
import type { Message, Order } from './messages.js';
import { stoppingFiles } from './stopping-files.js';
import { StoppingPoint } from './stopping-point.js';
import { openWarehouse } from './warehouse.js';

function send(message: Message): void {
  process.send?.(message);
}

async function run(order: Order): Promise<void> {
  const { announces, intervalMs, paceMs } = order;
  const stopping = new StoppingPoint(order.aim, send);
  const warehouse = await openWarehouse(order.warehouse, announces ? stopping.database : undefined);
  const files = {
    sinkFiles: stoppingFiles(nodeFileSystem, 'sink', stopping.files),
    storeFiles: stoppingFiles(nodeFileSystem, 'store', stopping.store),
  };
  const job = flightsJob({
    ...order.places,
    statistics: warehouse.sink,
    ...(announces ? files : {}),
    ...(paceMs === 0 ? {} : { pace: () => setTimeout(paceMs) }),
  });
  const prepared = job.pipeline.prepare({
    store: job.store,
    liveOwner: 'take-over',
    // Every state goes to the sidecar, so that step 4 has something to do.
    checkpoint: { intervalMs, stateInlineThresholdBytes: 64 },
  });
  const { events } = prepared.coordinator;
  events.on('step-started', ({ number }) => stopping.setStep(`step ${number}`));
  events.on('checkpoint-completed', () => stopping.setStep('between checkpoints'));
  events.on('recovery-started', () => stopping.setStep('recovery'));
  events.on('recovery-ended', ({ row, decision }) => {
    const byteOffset = job.byteOffset();
    send({ kind: 'recovered', row: `${row.number} ${row.label}`, decision, byteOffset });
    stopping.setStep('between checkpoints');
  });
  const { records, checkpoints, durationMs } = await prepared.run();
  await warehouse.close();
  const count = records.get('flights') ?? 0;
  send({ kind: 'finished', records: count, checkpoints, durationMs });
}

process.once('message', (order: Order) => {
  run(order).then(
    () => process.disconnect(),
    (error: unknown) => {
      send({ kind: 'failed', error: error instanceof Error ? (error.stack ?? '') : String(error) });
      process.exitCode = 1;
      process.disconnect();
    },
  );
});
// Before it says that it is ready: the process before it is still at work.
if (process.env.DATABASE_URL === undefined) await embeddedPostgres();
send({ kind: 'ready' });
