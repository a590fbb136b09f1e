// Lets the records of a generation flow, whatever the dataflow makes of it.

import type { Flow } from '../contracts/barrier.js';
import type { GenerationRun } from './generation-run.js';
import type { StepContext } from './step-context.js';

/**
 * False when the dataflow could not begin. A failure is told one microtask later: the resumption is
 * in the middle of a step of the life, and the attempts of this generation are not open yet.
 */
export function resumeFlow(
  { barriers, events }: StepContext,
  { generation, writers }: GenerationRun,
  failed: (error: unknown) => void,
): boolean {
  const later = (error: unknown): void => queueMicrotask(() => failed(error));
  const troubled: Flow['troubled'] = (records) => events.emit('records-troubled', records);
  try {
    barriers.resume({ generation, sinks: writers, failed: later, troubled });
    return true;
  } catch (error) {
    failed(error);
    return false;
  }
}
