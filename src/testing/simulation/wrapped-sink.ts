// A user's own sink with a point around each of its calls.

import {
  isTwoPhase,
  type FlushingSink,
  type FlushingSinkSession,
  type Sink,
  type SinkInspector,
  type TwoPhaseSink,
  type TwoPhaseSinkSession,
} from '../../contracts/sink.js';
import type { Port } from './port.js';

/** @param outside Tells the simulation that a call runs which simulated time must wait for. */
export function wrappedSink(
  sink: Sink,
  port: Port,
  outside: <Value>(call: () => Value | Promise<Value>) => Promise<Value>,
): Sink {
  const ports = outsidePort(port, outside);
  return isTwoPhase(sink) ? wrappedTwoPhase(sink, ports) : wrappedFlushing(sink, ports);
}

function outsidePort(
  port: Port,
  outside: <Value>(call: () => Value | Promise<Value>) => Promise<Value>,
): Port {
  return {
    durable: (name, options, perform) => port.durable(name, options, () => outside(perform)),
    answer: (name, options, perform) => port.answer(name, options, () => outside(perform)),
    memory: (name, perform) => port.memory(name, () => outside(perform)),
    message: (name, perform) => port.message(name, perform),
  };
}

function wrappedTwoPhase(sink: TwoPhaseSink, port: Port): TwoPhaseSink {
  return {
    durability: sink.durability,
    ...(sink.maxPrepared === undefined ? {} : { maxPrepared: sink.maxPrepared }),
    ...(sink.maxPreparedLifetimeMs === undefined
      ? {}
      : { maxPreparedLifetimeMs: sink.maxPreparedLifetimeMs }),
    ...(sink.maxEpochMs === undefined ? {} : { maxEpochMs: sink.maxEpochMs }),
    ...(sink.caution === undefined ? {} : { caution: sink.caution }),
    open: (owner, options) =>
      port.durable('open', options, async () =>
        wrappedSession(await sink.open(owner, options), port),
      ),
    openReadOnly: (identity, options) =>
      port.answer('open read-only', options, async () =>
        wrappedInspector(await sink.openReadOnly(identity, options), port),
      ),
  };
}

function wrappedInspector(inner: SinkInspector, port: Port): SinkInspector {
  return {
    inspect: (request, options) =>
      port.answer('inspect', options, () => inner.inspect(request, options)),
    lastCommitted: (options) =>
      port.answer('last committed', options, () => inner.lastCommitted(options)),
    listPrepared: (options) =>
      port.answer('list prepared', options, () => inner.listPrepared(options)),
    ...(inner.warnings === undefined
      ? {}
      : { warnings: async (options) => (await inner.warnings?.(options)) ?? [] }),
    close: () => port.memory('close', () => inner.close?.()),
  };
}

function wrappedSession(inner: TwoPhaseSinkSession, port: Port): TwoPhaseSinkSession {
  return {
    ...wrappedInspector(inner, port),
    write: (records) => port.memory('write', () => inner.write(records)),
    preCommit: (request, options) =>
      port.durable('pre-commit', options, () => inner.preCommit(request, options)),
    ...(inner.verify === undefined ? {} : { verify: verifyThrough(inner, port) }),
    commit: (handle, options) =>
      port.durable('commit', options, () => inner.commit(handle, options)),
    rollback: (request, options) =>
      port.durable('roll back', options, () => inner.rollback(request, options)),
  };
}

function verifyThrough(
  inner: TwoPhaseSinkSession,
  port: Port,
): NonNullable<TwoPhaseSinkSession['verify']> {
  return (handle, options) =>
    port.answer('verify', options, async () => inner.verify?.(handle, options));
}

function wrappedFlushing(sink: FlushingSink, port: Port): FlushingSink {
  return {
    durability: sink.durability,
    ...(sink.ordersWrites === undefined ? {} : { ordersWrites: sink.ordersWrites }),
    open: (owner, options) =>
      port.durable('open', options, async () => {
        const inner: FlushingSinkSession = await sink.open(owner, options);
        return {
          write: (records) => port.memory('write', () => inner.write(records)),
          flush: (call) => port.durable('flush', call, () => inner.flush(call)),
          close: () => port.memory('close', () => inner.close?.()),
        };
      }),
  };
}
