import { expect, test } from '@jest/globals';
import { silentLogger, systemClock } from 'tidegate/extend';
import type { CutListener } from 'tidegate/extend';
import { checkpointIdOf, epoch, generation } from '../../../src/ids.js';
import type { Batch, BarrierMark } from '../../../src/pipeline/flow/elements.js';
import { FlowRun } from '../../../src/pipeline/flow/flow-run.js';
import { Inbox } from '../../../src/pipeline/flow/inbox.js';

/** What a stage with two inputs has seen. */
function inboxOfTwo() {
  const seen: unknown[] = [];
  const run = new FlowRun({
    generation: generation(1),
    writers: new Map(),
    clock: systemClock,
    logger: silentLogger,
    maxQueuedBytes: 1_000_000,
    failed: (error) => seen.push(error),
  });
  const stage = {
    process: ({ records }: Batch) => void seen.push(...records),
    time: () => undefined,
    barrier: ({ barrier }: BarrierMark) => void seen.push(barrier.checkpointId),
  };
  const [left, right] = new Inbox(run, stage, 2).receivers;
  return { seen, left: left!, right: right! };
}

const [older, newer] = [1, 2].map((sequence) => checkpointIdOf(generation(1), sequence));

function barrierOf(checkpointId: typeof older): BarrierMark {
  const barrier = { checkpointId: checkpointId!, epoch: epoch(1), generation: generation(1) };
  return { kind: 'barrier', barrier, listener: {} as CutListener };
}

const recordsOf = (...records: readonly unknown[]): Batch => ({ records, eventTimes: undefined });

test('a newer barrier lets go what the older one holds: each input has to deliver the newer one', () => {
  const { seen, left, right } = inboxOfTwo();
  left.mark(barrierOf(older));
  void left.accept(recordsOf('held by the older'));
  right.mark(barrierOf(newer));
  void right.accept(recordsOf('behind the newer'));
  expect(seen).toEqual(['held by the older']);
  left.mark(barrierOf(newer));
  expect(seen).toEqual(['held by the older', newer, 'behind the newer']);
});

test('a barrier of an older attempt is dropped while a newer one is waited for', () => {
  const { seen, left, right } = inboxOfTwo();
  left.mark(barrierOf(newer));
  right.mark(barrierOf(older));
  void right.accept(recordsOf('before the newer'));
  right.mark(barrierOf(newer));
  expect(seen).toEqual(['before the newer', newer]);
});
