// What every actor of the coordinator is created with: its clock and its inspector.

import type { InspectionEvent } from 'xstate';
import type { Clock, Timer } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';

/** Watches the actors of the coordinator, as Stately's inspector does. It must not change anything. */
export type Inspect = (event: InspectionEvent) => void;

/** The clock of XState's actors, of ours. */
export function xstateClock(clock: Clock) {
  return {
    setTimeout: (callback: (...args: unknown[]) => void, delayMs: number): Timer =>
      clock.setTimer(callback, delayMs),
    clearTimeout: (timer: Timer | undefined): void => timer?.cancel(),
  };
}

interface Watching {
  readonly inspect: Inspect | undefined;
  readonly logger: Logger;
}

/** The option `inspect`, guarded: what it throws must not end up in the middle of a transition. */
export function watched({ inspect, logger }: Watching): {
  readonly inspect?: Inspect;
} {
  if (inspect === undefined) return {};
  return {
    inspect: (event) => {
      try {
        inspect(event);
      } catch (error) {
        logger.error('inspect failed', { error });
      }
    },
  };
}
