// The process that is killed: runs the job and announces every durable action on the way.

import { setTimeout } from 'node:timers/promises';
import { nodeFileSystem } from 'tidegate/files';
import { flightsJob } from './job.js';
import type { Message, Order, Point } from './messages.js';
import { stoppingFiles, type Announcer } from './stopping-files.js';

function send(message: Message): void {
  process.send?.(message);
}

function run(order: Order): Promise<void> {
  let step = 'recovery';
  let storeStep = 'recovery';
  let passes = 0;
  let isStopped = false;
  const forever = new Promise<never>(() => undefined);

  const announcerFor = (stepOf: (action: string) => string | undefined): Announcer => ({
    reached(action, when) {
      // Once one action has stopped, no other may go on: that is what a kill is like.
      if (isStopped) return forever;
      const inStep = step === 'recovery' ? step : stepOf(action);
      if (inStep === undefined) return Promise.resolve();
      const point: Point = { step: inStep, action, when };
      const aim = order.aim;
      if (aim !== undefined && isSame(aim.point, point) && passes++ === aim.skip) {
        isStopped = true;
        send({ kind: 'stopped', point });
        return forever;
      }
      send({ kind: 'point', point });
      return Promise.resolve();
    },
  });

  const { input, work } = order.places;
  const sinkFiles = stoppingFiles(nodeFileSystem, 'sink', announcerFor(stepOfSinkAction));
  const storeFiles = stoppingFiles(
    nodeFileSystem,
    'store',
    announcerFor(() => storeStep),
  );
  const files = order.announces ? { sinkFiles, storeFiles } : {};
  const pace = order.paceMs === 0 ? {} : { pace: () => setTimeout(order.paceMs) };
  const job = flightsJob({ input, work, ...files, ...pace });
  const prepared = job.pipeline.prepare({
    store: job.store,
    liveOwner: 'take-over',
    // Every state goes to the sidecar, so that step 4 has something to do.
    checkpoint: { intervalMs: order.intervalMs, stateInlineThresholdBytes: 64 },
  });
  const { events } = prepared.coordinator;
  const setStep = (now: string): void => {
    step = now;
    send({ kind: 'step', step });
  };
  events.on('step-started', ({ number }) => {
    if (number >= 4) storeStep = `step ${number}`;
    setStep(`step ${number}`);
  });
  events.on('checkpoint-completed', () => setStep('between checkpoints'));
  events.on('recovery-started', () => setStep('recovery'));
  events.on('recovery-ended', ({ row, decision }) => {
    const byteOffset = job.byteOffset();
    send({ kind: 'recovered', row: `${row.number} ${row.label}`, decision, byteOffset });
    setStep('between checkpoints');
  });
  return prepared.run().then(({ records, checkpoints, durationMs }) => {
    const count = records.get('flights') ?? 0;
    send({ kind: 'finished', records: count, checkpoints, durationMs });
  });
}

/** The steps of one sink overlap with those of the others: its actions say where it is. */
function stepOfSinkAction(action: string): string | undefined {
  if (action.startsWith('sink: create open_')) return undefined;
  const isCommit = /checkpoint_|committed|ledger|_tidegate|to part-N|sync output/.test(action);
  return isCommit && !action.includes('open_') ? 'step 6' : 'step 3';
}

function isSame(left: Point, right: Point): boolean {
  return left.step === right.step && left.action === right.action && left.when === right.when;
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
send({ kind: 'ready' });
