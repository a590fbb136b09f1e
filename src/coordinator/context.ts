// What the steps work with: the ports, the participants and the options of one coordinator.

import type { BarrierPort } from '../contracts/barrier.js';
import type { Participants } from '../contracts/participants.js';
import { systemClock, type Clock } from '../runtime/clock.js';
import { harmlessLogger, silentLogger, type Logger } from '../runtime/logger.js';
import { systemRandom, type Random } from '../runtime/random.js';
import { SafeEvents } from './events.js';
import type { Inspect } from './xstate-ports.js';
import type { CheckpointOptions } from './options/checkpoint-options.js';
import type { CheckedOptions, CoordinatorOptions } from './options/coordinator-options.js';
import { pipelineHashOf } from './options/pipeline-hash.js';

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
  readonly inspect: Inspect | undefined;
}

/** What was given, with its defaults. */
export function contextOf(
  given: Omit<CoordinatorOptions, 'sinks'>,
  { participants, options }: CheckedOptions,
  barriers: BarrierPort,
): StepContext {
  const logger = given.logger === undefined ? silentLogger : harmlessLogger(given.logger);
  return {
    pipeline: given.pipeline,
    participants,
    barriers,
    options,
    pipelineHash: given.pipelineHash ?? pipelineHashOf(given.pipeline, participants),
    clock: given.clock ?? systemClock,
    random: given.random ?? systemRandom,
    logger,
    events: new SafeEvents(logger),
    inspect: given.inspect,
  };
}
