// What the steps work with: the ports, the participants and the options of one coordinator.

import type { BarrierPort } from '../contracts/barrier.js';
import type { Participants } from '../contracts/participants.js';
import type { Clock, Timer } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Random } from '../runtime/random.js';
import type { AttemptTally } from './checkpoint/outcome.js';
import type { SafeEvents } from './events.js';
import type { CheckpointOptions } from './options/checkpoint-options.js';

export interface StepContext {
  readonly pipeline: string;
  readonly participants: Participants;
  readonly barriers: BarrierPort;
  readonly options: CheckpointOptions;
  readonly pipelineHash: bigint | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly events: SafeEvents;
  readonly tally: AttemptTally;
  readonly inspect: Inspect | undefined;
}

/** One of the actors: a machine, or a step that a machine has invoked. */
export interface InspectedActor {
  readonly sessionId: string;
}

/**
 * What XState 5 tells an inspector, as far as it is the same in all its versions. Described here, so that
 * the types of tidegate compile in whatever way XState's own do not.
 */
export type InspectionEvent = { readonly rootId: string; readonly actorRef: InspectedActor } & (
  | { readonly type: '@xstate.actor' }
  | { readonly type: '@xstate.event'; readonly event: { readonly type: string } }
  | {
      readonly type: '@xstate.snapshot' | '@xstate.transition' | '@xstate.microstep';
      readonly event: { readonly type: string };
      /** Of a machine it has a `value`: the state that it is in. */
      readonly snapshot: object;
    }
  | { readonly type: '@xstate.action'; readonly action: { readonly type: string } }
);

/**
 * Watches the actors of the coordinator: a function of your own, or Stately's inspector, whose parameter is
 * XState's own type of these events. It must not change anything.
 */
export type Inspect = { watch(event: InspectionEvent): void }['watch'];

/** Our clock, as XState's actors take it. */
export function xstateClock(clock: Clock) {
  return {
    setTimeout: (callback: (...args: unknown[]) => void, delayMs: number): Timer =>
      clock.setTimer(callback, delayMs),
    clearTimeout: (timer: Timer | undefined): void => timer?.cancel(),
  };
}

/** The option `inspect`, guarded: what it throws must not end up in the middle of a transition. */
export function watched({ inspect, logger }: StepContext): {
  readonly inspect?: Inspect;
} {
  if (inspect === undefined) return {};
  return {
    inspect: (event) => {
      try {
        inspect(event);
      } catch (error) {
        logger.error({ err: error }, 'inspect failed');
      }
    },
  };
}
