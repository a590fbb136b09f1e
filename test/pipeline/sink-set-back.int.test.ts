// A file sink is set back to a copy of its directory between two lives of a pipeline, on a real disk.

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { FileSystemCheckpointStore, Pipeline, iterableSource } from 'tidegate';
import { fileSink } from 'tidegate/files';
import { toError } from '../../src/errors.js';

let room: string;
beforeEach(() => {
  room = mkdtempSync(join(tmpdir(), 'tidegate-set-back-'));
});
afterEach(() => rmSync(room, { recursive: true, force: true }));

interface Life {
  readonly upTo: number;
  readonly sinks: readonly string[];
  readonly sources?: readonly string[];
  readonly restoreFrom?: number;
}

/** A life that reads what is new, commits it and is stopped when there is nothing more. */
async function life({ upTo, sinks, sources = ['a'], restoreFrom }: Life): Promise<Error | string> {
  const ending = new AbortController();
  const numbers = iterableSource({
    open: async function* (first: number, { signal }: { signal: AbortSignal }) {
      for (let number = first; number < upTo; number += 1) yield { number };
      ending.abort();
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    },
  });
  // Idle until the end: with something that is new the stop would take a checkpoint.
  const none = iterableSource<{ number: number }>({
    open: async function* (_first, { signal }) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      yield* [];
    },
  });
  const pipeline = new Pipeline('orders');
  const [first, ...others] = sources.map((name) =>
    pipeline.source(name, name === 'a' ? numbers : none),
  );
  const all = others.reduce((stream, other) => stream.union(other), first!);
  for (const sink of sinks) all.to(sink, fileSink({ directory: join(room, sink) }));
  const restore = { checkpointId: restoreFrom as never, acceptDuplicatesIn: {} };
  const run = pipeline.prepare({
    store: new FileSystemCheckpointStore(join(room, 'store')),
    checkpoint: { intervalMs: 0 },
    handleSignals: false,
    signal: ending.signal,
    ...(restoreFrom === undefined ? {} : { restoreFrom: restore }),
  });
  return run.run().then(({ outcome }) => outcome, toError);
}

function copied(from: string, to: string): void {
  rmSync(join(room, to), { recursive: true, force: true });
  cpSync(join(room, from), join(room, to), { recursive: true });
}

function numbersIn(sink: string): readonly number[] {
  return readdirSync(join(room, sink))
    .filter((name) => name.startsWith('part-'))
    .flatMap((name) =>
      readFileSync(join(room, sink, name), 'utf8')
        .trim()
        .split('\n'),
    )
    .map((line) => (JSON.parse(line) as { number: number }).number);
}

function newestCheckpoint(): number {
  const names = readdirSync(join(room, 'store')).filter((name) => name.startsWith('checkpoint_'));
  return Math.max(...names.map((name) => Number(name.slice('checkpoint_'.length))));
}

const rewound = { cause: { code: 'TIDEGATE_RECOVERY_SINK_REWOUND' } };
const ten = Array.from({ length: 10 }, (_, number) => number);

test('is refused behind a source that was added to an idle pipeline', async () => {
  expect(await life({ upTo: 5, sinks: ['archive'] })).toBe('stopped');
  copied('archive', 'backup');
  expect(await life({ upTo: 10, sinks: ['archive'] })).toBe('stopped');
  const both = ['a', 'b'];
  expect(await life({ upTo: 10, sinks: ['archive'], sources: both })).toBe('stopped');
  copied('archive', 'present');
  copied('backup', 'archive');
  expect(await life({ upTo: 12, sinks: ['archive'], sources: both })).toMatchObject(rewound);
  copied('present', 'archive');
  expect(await life({ upTo: 10, sinks: ['archive'], sources: both })).toBe('stopped');
  expect(numbersIn('archive')).toEqual(ten);
});

test('is refused behind a restore of the newest checkpoint', async () => {
  await life({ upTo: 5, sinks: ['archive'] });
  copied('archive', 'backup');
  await life({ upTo: 10, sinks: ['archive'] });
  const restoreFrom = newestCheckpoint();
  expect(await life({ upTo: 10, sinks: ['archive'], restoreFrom })).toBe('stopped');
  copied('backup', 'archive');
  expect(await life({ upTo: 12, sinks: ['archive'] })).toMatchObject(rewound);
});

test('is refused when it was removed for a while, and the pipeline went on without it', async () => {
  await life({ upTo: 3, sinks: ['archive', 'other'] });
  copied('archive', 'backup');
  await life({ upTo: 6, sinks: ['archive', 'other'] });
  expect(await life({ upTo: 8, sinks: ['other'] })).toBe('stopped');
  expect(await life({ upTo: 10, sinks: ['other'] })).toBe('stopped');
  copied('archive', 'present');
  copied('backup', 'archive');
  const both = ['archive', 'other'];
  expect(await life({ upTo: 12, sinks: both })).toMatchObject(rewound);
  copied('present', 'archive');
  expect(await life({ upTo: 12, sinks: both })).toBe('stopped');
  expect(numbersIn('archive')).toEqual([0, 1, 2, 3, 4, 5, 10, 11]);
});
