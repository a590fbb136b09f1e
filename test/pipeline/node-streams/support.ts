// Pipelines of Node's streams, for their tests.

import { MemoryCheckpointStore, jsonState } from 'tidegate';
import type { RunOptions, RunReport } from 'tidegate';
import type { CustomOperator, TwoPhaseSink } from 'tidegate/extend';
import type { StreamPipeline } from 'tidegate/streams';
import { SimulatedClock } from 'tidegate/testing';
import { yieldToEventLoop } from '../../../src/runtime/event-loop.js';
import { numbersTo } from '../support.js';

/** A running total: its output shows whether its state was put back. */
export function runningTotal(): CustomOperator<number, number> {
  let total = 0;
  return {
    ...jsonState(
      () => total,
      (saved) => {
        total = saved;
      },
      { deterministic: true },
    ),
    onRecord: (number, context) => {
      total += number;
      context.emit(total);
    },
  };
}

/** Totals of 0, 1, 2 and so on, worked out without the code under test. */
export function totalsTo(end: number): readonly number[] {
  return numbersTo(end).map((number) => (number * (number + 1)) / 2);
}

export function runStreams(
  streams: Pick<StreamPipeline, 'run'>,
  options: Partial<RunOptions>,
): Promise<RunReport> {
  const clock = new SimulatedClock();
  const store = options.store ?? new MemoryCheckpointStore();
  return untilSettled(clock, streams.run({ clock, handleSignals: false, ...options, store }));
}

/** Sources and streams here take a few turns of the event loop: only then may time move on. */
const turnsBeforeTime = 20;
const maxRounds = 20_000;

export async function untilSettled<Value>(
  clock: SimulatedClock,
  work: Promise<Value>,
  turns = turnsBeforeTime,
): Promise<Value> {
  const progress = { hasSettled: false };
  const settled = (): void => {
    progress.hasSettled = true;
  };
  work.then(settled, settled);
  for (let round = 0; round < maxRounds; round++) {
    for (let turn = 0; turn < turns; turn++) await yieldToEventLoop();
    if (progress.hasSettled) return work;
    clock.runNextTimer();
  }
  throw new Error('the run hangs');
}

/** A sink that takes some turns of the event loop for each write. */
export function slowly<Rec>(
  inner: TwoPhaseSink<Rec>,
  written: (count: number) => void,
  turns: () => number = () => 1,
): TwoPhaseSink<Rec> {
  return {
    durability: inner.durability,
    openReadOnly: (identity, options) => inner.openReadOnly(identity, options),
    open: async (owner, options) => {
      const session = await inner.open(owner, options);
      return {
        ...session,
        write: async (records) => {
          for (let turn = turns(); turn > 0; turn--) await yieldToEventLoop();
          written(records.length);
          await session.write(records);
        },
      };
    },
  };
}
