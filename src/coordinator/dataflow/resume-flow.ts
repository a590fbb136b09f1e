// Lets the records of a generation flow, whatever the dataflow makes of it.

import type { Flow } from '../../contracts/barrier.js';
import type { StepContext } from '../context.js';
import type { Generation } from '../lifecycle/generation.js';

/** False when the dataflow could not begin. */
export function resumeFlow(
  { barriers, events }: StepContext,
  generation: Generation,
  failed: (error: unknown) => void,
): boolean {
  const flow: Flow = {
    generation: generation.number,
    sinks: new Map([...generation.sinks].map(([name, { writer }]) => [name, writer])),
    // One microtask later: the resumption is in the middle of a step of the life.
    failed: (error) => queueMicrotask(() => failed(error)),
    troubled: (records) => events.emit('records-troubled', records),
  };
  try {
    barriers.resume(flow);
    return true;
  } catch (error) {
    failed(error);
    return false;
  }
}
