// A pipeline that updates keyed state as fast as it can, for what checkpoints cost by its size.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileSystemCheckpointStore, Pipeline, type PreparedRun, type RunReport } from 'tidegate';
import type { ReadableSource } from 'tidegate/extend';
import { keepingSink } from './sinks.js';

export interface KeyedShape {
  readonly keys: number;
  readonly updates: number;
  readonly operators: number;
  readonly sinks: number;
  /** Between checkpoints; 0 for the last one alone. */
  readonly intervalMs: number;
  /** Called when every key is there. */
  readonly loaded?: () => void;
  /** Called with the run before it begins. */
  readonly watch?: (run: PreparedRun) => void;
}

export async function runKeyed(shape: KeyedShape): Promise<RunReport> {
  const { keys, operators, sinks, intervalMs } = shape;
  const pipeline = new Pipeline('keys');
  const names = Array.from({ length: keys }, (_, index) => `key ${index}`);
  // The key goes on from operator to operator: each of them holds all.
  let stream = pipeline.source<string>('keys', countingSource(shape, names));
  for (let index = 0; index < operators; index++) {
    stream = stream
      .keyBy((key) => key)
      .aggregate(`sums-${index}`, {
        initial: () => ({ count: 0 }),
        add: (sum) => {
          sum.count += 1;
          return sum;
        },
        result: (key) => key,
      });
  }
  const rare = stream.filter((key) => key === '');
  for (let index = 0; index < sinks; index++) {
    rare.to(
      `sink-${index}`,
      keepingSink(() => undefined),
    );
  }
  const directory = mkdtempSync(join(tmpdir(), 'tidegate-bench-keys-'));
  try {
    const run = pipeline.prepare({
      store: new FileSystemCheckpointStore(directory),
      checkpoint: { intervalMs },
      handleSignals: false,
    });
    shape.watch?.(run);
    return await run.run();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function countingSource(
  { updates, keys, loaded }: KeyedShape,
  names: readonly string[],
): ReadableSource<string> {
  let next = 0;
  return {
    position: () => ({ next: String(next) }),
    restore: (offsets) => {
      next = Number(offsets.next);
    },
    async *read({ signal }) {
      while (next < updates && !signal.aborted) {
        const batch = Array.from({ length: 512 }, (_, index) => names[(next + index) % keys] ?? '');
        if (next < keys && next + 512 >= keys) loaded?.();
        next += 512;
        yield await Promise.resolve({ records: batch, offsets: { next: String(next) } });
      }
    },
  };
}
