// What the steps work with: the ports, the participants and the options of one coordinator.

import type { BarrierPort } from '../contracts/barrier.js';
import type { Participants } from '../contracts/participants.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Random } from '../runtime/random.js';
import type { SafeEvents } from './events.js';
import type { CheckpointOptions } from './options.js';

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
}
