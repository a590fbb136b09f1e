// A simulated sink of every durability.

import { isTwoPhase, type Durability, type Sink } from '../../../contracts/sink.js';
import type { Port } from '../port.js';
import { simulatedFlushingSink } from './flushing-sink.js';
import type { SinkStorage } from './storage.js';
import { simulatedTwoPhaseSink } from './two-phase-sink.js';

export { SinkStorage } from './storage.js';

/** The sink as one life sees it; the storage is shared by all lives. */
export function simulatedSink(storage: SinkStorage, port: Port): Sink {
  if (hasTwoPhases(storage.durability)) return simulatedTwoPhaseSink(storage, port);
  return simulatedFlushingSink(storage, port);
}

export function hasTwoPhases(durability: Durability): boolean {
  return isTwoPhase({ durability } as Sink);
}
