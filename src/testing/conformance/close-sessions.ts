// Closes every session that a case of the sink suite has opened, also when the case fails.

import type { SinkInspector, TwoPhaseSink } from '../../contracts/sink.js';
import type { ConformanceCase, SinkBench } from './sink-system.js';

/**
 * The case with its sessions closed behind it, the newest first: a pool or a file that stays open keeps
 * the process of the test runner alive. During the case they stay open, as a process leaves them that
 * is killed.
 */
export function closingSessions<Rec>(item: ConformanceCase<Rec>): ConformanceCase<Rec> {
  return { ...item, run: (bench) => runAndClose(bench, item.run) };
}

async function runAndClose<Rec>(
  bench: SinkBench<Rec>,
  run: ConformanceCase<Rec>['run'],
): Promise<void> {
  const opened: SinkInspector[] = [];
  let failure: { readonly error: unknown } | undefined;
  try {
    await run(watched(bench, opened));
  } catch (error) {
    failure = { error };
  }
  for (const session of opened.reverse()) {
    try {
      await session.close?.();
    } catch (error) {
      // What the case found comes first: a session that is broken may fail to close as well.
      failure ??= { error };
    }
  }
  if (failure !== undefined) throw failure.error;
}

function watched<Rec>(bench: SinkBench<Rec>, opened: SinkInspector[]): SinkBench<Rec> {
  const noted = <Session extends SinkInspector>(session: Session): Session => {
    opened.push(session);
    return session;
  };
  const connect = async (): Promise<TwoPhaseSink<Rec>> => {
    const sink = await bench.system.connect();
    const { durability, maxPrepared, maxPreparedLifetimeMs } = sink;
    return {
      durability,
      ...(maxPrepared === undefined ? {} : { maxPrepared }),
      ...(maxPreparedLifetimeMs === undefined ? {} : { maxPreparedLifetimeMs }),
      open: async (owner, options) => noted(await sink.open(owner, options)),
      openReadOnly: async (identity, options) => noted(await sink.openReadOnly(identity, options)),
    };
  };
  const system = { connect, visible: () => bench.system.visible() };
  return { system, record: (number) => bench.record(number) };
}
