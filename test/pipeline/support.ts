// Sources and sinks that misbehave on purpose, for the tests of pipelines.

import type { ReadableSource } from '../../src/contracts/source.js';
import type { TwoPhaseSink, TwoPhaseSinkSession } from '../../src/contracts/sink.js';
import { turnOfEventLoop } from '../../src/runtime/event-loop.js';

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
        for (let turn = turns(); turn > 0; turn--) await turnOfEventLoop();
        if (signal.aborted) return;
        const batch = records.slice(start, start + batchRecords);
        // Ahead of what was handed out: a pipeline must not ask for the position here.
        next = start + batch.length;
        yield { records: batch, offsets: { next: String(next) } };
      }
    },
    async *replay(from, to) {
      for (let index = Number(from.next); index < Number(to.next); index++) {
        yield records[index]!;
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
