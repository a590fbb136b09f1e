// Calls that are made for somebody else's sake: what they throw is reported and changes nothing.

import type { StepContext } from './context.js';

type Reporting = Pick<StepContext, 'events' | 'logger'>;

/** Reports a failure that fails no attempt. */
export function reportParticipantError(context: Reporting, what: string, error: unknown): void {
  context.logger.warn(what, { error });
  context.events.emit('participant-error', { what, error });
}

/**
 * Makes a call whose failure must not stop what comes after it: an attempt that is not concluded
 * leaves a coordinator that neither takes checkpoints nor recovers.
 */
export function bestEffort(context: Reporting, what: string, call: () => unknown): void {
  const report = (error: unknown): void => reportParticipantError(context, what, error);
  try {
    const answer = call();
    if (answer instanceof Promise) answer.catch(report);
  } catch (error) {
    report(error);
  }
}
