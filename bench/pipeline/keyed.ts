// A pipeline that updates keyed state as fast as it can, for what checkpoints cost by its size.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileSystemCheckpointStore, Pipeline, type ReadableSource, type RunReport } from 'tidegate';
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
}

export async function runKeyed(shape: KeyedShape): Promise<RunReport> {
  const { keys, operators, sinks, intervalMs } = shape;
  const pipeline = new Pipeline('keys');
  const names = Array.from({ length: keys }, (_, index) => `key ${index}`);
  let stream = pipeline.source<number>('numbers', countingSource(shape));
  for (let index = 0; index < operators; index++) {
    stream = stream
      .keyBy((number) => names[number % keys] ?? '')
      .aggregate(`sums-${index}`, {
        initial: () => ({ count: 0 }),
        add: (sum) => {
          sum.count += 1;
          return sum;
        },
        result: (_key, { count }) => count,
      });
  }
  const rare = stream.filter((count) => count < 0);
  for (let index = 0; index < sinks; index++) {
    rare.to(
      `sink-${index}`,
      keepingSink(() => undefined),
    );
  }
  const directory = mkdtempSync(join(tmpdir(), 'tidegate-bench-keys-'));
  try {
    return await pipeline.run({
      store: new FileSystemCheckpointStore(directory),
      checkpoint: { intervalMs },
      handleSignals: false,
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function countingSource({ updates, keys, loaded }: KeyedShape): ReadableSource<number> {
  let next = 0;
  return {
    position: () => ({ next: String(next) }),
    restore: (offsets) => {
      next = Number(offsets.next);
    },
    async *read({ signal }) {
      while (next < updates && !signal.aborted) {
        const batch = Array.from({ length: 512 }, (_, index) => next + index);
        if (next < keys && next + 512 >= keys) loaded?.();
        next += 512;
        yield await Promise.resolve({ records: batch, offsets: { next: String(next) } });
      }
    },
  };
}
