// Takes thousands of checkpoints in one process and prints the memory, which has to stay flat: `npm run long-run`,
// or `npm run long-run -- --checkpoints 2000 --store memory`. Runs the built package in dist/.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  FileSystemCheckpointStore,
  iterableSource,
  MemoryCheckpointStore,
  memorySink,
  Pipeline,
} from 'tidegate';
import { fileSink } from 'tidegate/files';

const { values } = parseArgs({
  options: {
    checkpoints: { type: 'string', default: '20000' },
    store: { type: 'string', default: 'files' },
  },
});
const wanted = Number(values.checkpoints);
if (!Number.isSafeInteger(wanted) || wanted < 2_000) {
  console.error(`--checkpoints takes a whole number from 2000, not ${values.checkpoints}`);
  process.exit(64);
}

/** The records of the memory sink and the engine's own lists take some; a manifest that stays is thousands. */
const allowedBytesEach = 500;
const looks = 20;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');
const directory = mkdtempSync(join(tmpdir(), 'tidegate-long-run-'));

/** A record in each millisecond, so that every checkpoint has news. */
async function* open(first) {
  for (let number = first; ; number += 1) {
    await delay(1);
    yield number;
  }
}

/** Keeps nothing, so that what grows is not the output. */
const forgetful = {
  durability: 'at-least-once',
  open: () => ({ write: () => undefined, flush: () => undefined, close: () => undefined }),
};

const store =
  values.store === 'memory'
    ? new MemoryCheckpointStore()
    : new FileSystemCheckpointStore(join(directory, 'store'));
const pipeline = new Pipeline('long-run');
const numbers = pipeline.source('numbers', iterableSource({ open, batchRecords: 1 }));
numbers.to('forgotten', forgetful);
const rare = numbers.filter((number) => number % 10 === 0);
rare.to('kept', memorySink());
rare.to('archive', fileSink({ directory: join(directory, 'archive') }));

const stop = new globalThis.AbortController();
const run = pipeline.prepare({ store, signal: stop.signal, checkpoint: { intervalMs: 1 } });
const seen = [];
let done = 0;
run.coordinator.events.on('checkpoint-completed', () => {
  done += 1;
  if (done % Math.floor(wanted / looks) !== 0) return;
  collectGarbage();
  const { heapUsed, rss } = process.memoryUsage();
  seen.push({ done, heapUsed });
  console.log(`${done} checkpoints: heap ${mebibytes(heapUsed)}, rss ${mebibytes(rss)} MiB`);
  if (done >= wanted) stop.abort();
});
await run.run();
rmSync(directory, { recursive: true, force: true });

// The first half warms up; the slope of the rest is what each checkpoint leaves behind.
const settled = seen.slice(Math.floor(seen.length / 2));
const each = slopeOf(settled);
console.log(
  `${each.toFixed(1)} bytes of heap for each checkpoint, ${allowedBytesEach} are allowed`,
);
process.exitCode = each <= allowedBytesEach ? 0 : 1;

function mebibytes(bytes) {
  return (bytes / 2 ** 20).toFixed(1);
}

/** Least squares, so that one look at a bad moment decides nothing. */
function slopeOf(points) {
  const mean = (pick) => points.reduce((sum, point) => sum + pick(point), 0) / points.length;
  const [meanDone, meanHeap] = [mean(({ done }) => done), mean(({ heapUsed }) => heapUsed)];
  const covariance = mean((point) => (point.done - meanDone) * (point.heapUsed - meanHeap));
  return covariance / mean((point) => (point.done - meanDone) ** 2);
}
