// Sources and sinks that misbehave on purpose, for the tests of pipelines.

import type {
  Clock,
  ReadableSource,
  TwoPhaseSink,
  TwoPhaseSinkSession,
} from '../../src/extend/index.js';
import type { SimulatedClock } from '../../src/testing/index.js';
import { yieldToEventLoop } from '../../src/runtime/event-loop.js';

export function numbersTo(end: number): readonly number[] {
  return Array.from({ length: end }, (_, index) => index);
}

/** Gives the event loop a turn before each batch, so that timers come due between them. */
export function pacedSource<Rec>(
  records: readonly Rec[],
  { batchRecords, turns = () => 1 }: { batchRecords: number; turns?: () => number },
): ReadableSource<Rec> {
  let next = 0;
  return {
    position: () => ({ next: String(next) }),
    restore: (offsets) => {
      next = Number(offsets.next);
    },
    async *read({ signal }) {
      for (let start = next; start < records.length; start += batchRecords) {
        for (let turn = turns(); turn > 0; turn--) await yieldToEventLoop();
        if (signal.aborted) return;
        const batch = records.slice(start, start + batchRecords);
        // Ahead of what was handed out: a pipeline must not ask for the position here.
        next = start + batch.length;
        yield { records: batch, offsets: { next: String(next) } };
      }
    },
  };
}

/** Fails one call of a session, once: the `nth` in the life of the sink. */
export function flakySink<Rec>(
  sink: TwoPhaseSink<Rec>,
  call: 'write' | 'preCommit' | 'commit',
  nth: number,
): TwoPhaseSink<Rec> {
  let calls = 0;
  const fail = (): void => {
    calls += 1;
    if (calls === nth) throw new Error(`${call} failed on purpose`);
  };
  return {
    durability: sink.durability,
    openReadOnly: (identity, options) => sink.openReadOnly(identity, options),
    open: async (owner, options): Promise<TwoPhaseSinkSession<Rec>> => {
      const session = await sink.open(owner, options);
      return {
        ...session,
        write: async (records) => {
          if (call === 'write') fail();
          await session.write(records);
        },
        preCommit: async (request, given) => {
          if (call === 'preCommit') fail();
          return session.preCommit(request, given);
        },
        commit: async (handle, given) => {
          if (call === 'commit') fail();
          return session.commit(handle, given);
        },
      };
    },
  };
}

export interface Departure<Rec> {
  /** After the one before, on the clock. Default 0. */
  readonly afterMs?: number;
  readonly records: readonly Rec[];
}

/** Hands each batch out at its time; ends behind the last one. */
export function timetabledSource<Rec>(
  clock: Clock,
  timetable: readonly Departure<Rec>[],
): ReadableSource<Rec> {
  let next = 0;
  return {
    position: () => ({ next: String(next) }),
    restore: (offsets) => {
      next = Number(offsets.next);
    },
    async *read({ signal }) {
      for (let index = next; index < timetable.length; index++) {
        const { afterMs = 0, records } = timetable[index]!;
        if (afterMs > 0) await untilLater(clock, afterMs, signal);
        if (signal.aborted) return;
        yield { records, offsets: { next: String(index + 1) } };
      }
    },
  };
}

/** Settles after a time on the clock, or at once when the signal is aborted. */
export function untilLater(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const abort = (): void => resolve();
    clock.setTimer(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, delayMs);
    signal?.addEventListener('abort', abort, { once: true });
  });
}

/** What goes by itself takes many turns of the event loop for each timer. */
async function settle(clock: SimulatedClock): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await clock.settle();
}

export async function later(clock: SimulatedClock, durationMs: number): Promise<void> {
  await settle(clock);
  for (let stepped = 0; stepped < durationMs; stepped += 10) {
    await clock.advance(10);
    await settle(clock);
  }
}

export async function untilDone<Value>(
  clock: SimulatedClock,
  work: Promise<Value>,
  { maxTimers = 1_000 } = {},
): Promise<Value> {
  const progress = { isDone: false };
  const done = (): void => void (progress.isDone = true);
  work.then(done, done);
  for (let timers = 0; timers < maxTimers; timers++) {
    await settle(clock);
    if (progress.isDone) return work;
    clock.runNextTimer();
  }
  throw new Error('it hangs');
}
