// A simulated sink of every durability.

import {
  isTwoPhase,
  type Durability,
  type FlushingSink,
  type FlushingSinkSession,
  type Sink,
  type SinkOwner,
} from '../../../contracts/sink.js';
import type { Port } from '../port.js';
import type { SinkStorage } from './storage.js';
import { simulatedTwoPhaseSink } from './two-phase-sink.js';
import { TidegateError } from '../../../errors.js';
import type { CallOptions } from '../../../contracts/source.js';

export { SinkStorage } from './storage.js';

/** The sink as one life sees it; the storage is shared by all lives. */
export function simulatedSink(storage: SinkStorage, port: Port): Sink {
  if (hasTwoPhases(storage.durability)) return simulatedTwoPhaseSink(storage, port);
  return simulatedFlushingSink(storage, port);
}

export function hasTwoPhases(durability: Durability): boolean {
  return isTwoPhase({ durability } as Sink);
}

/** The sink as one life sees it; the storage is shared by all lives. */
function simulatedFlushingSink(storage: SinkStorage, port: Port): FlushingSink {
  const { durability } = storage;
  if (durability !== 'idempotent' && durability !== 'at-least-once') {
    throw new TypeError(`${durability} is not a durability of one phase`);
  }
  return {
    durability,
    ordersWrites: durability === 'idempotent',
    open: (owner, options) =>
      port.durable('open', options, () => {
        // A plain sink knows no owners; one that is written by key lets the newest generation win.
        if (durability === 'idempotent') storage.fence(owner);
        return new Session(storage, owner, port);
      }),
  };
}

class Session implements FlushingSinkSession {
  readonly #storage: SinkStorage;
  readonly #owner: SinkOwner;
  readonly #port: Port;
  #open: unknown[] = [];
  #writeError: unknown;

  constructor(storage: SinkStorage, owner: SinkOwner, port: Port) {
    this.#storage = storage;
    this.#owner = owner;
    this.#port = port;
  }

  async write(records: readonly unknown[]): Promise<void> {
    try {
      await this.#port.memory('write', () => {
        this.#open.push(...records);
      });
    } catch (error) {
      this.#writeError = error;
      throw error;
    }
  }

  flush(options: CallOptions): Promise<void> {
    return this.#port.durable('flush', options, () => {
      this.#assertComplete();
      const { generation } = this.#owner;
      if (this.#storage.durability === 'idempotent') this.#storage.assertCurrent(generation);
      if (this.#open.length > 0) this.#storage.visible.push({ generation, records: this.#open });
      this.#open = [];
    });
  }

  #assertComplete(): void {
    if (this.#writeError === undefined) return;
    throw new TidegateError(
      'TIDEGATE_SINK_WRITE_FAILED',
      `sink "${this.#storage.name}" lost records when a write failed`,
      { cause: this.#writeError },
    );
  }
}
