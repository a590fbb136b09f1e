// Identifiers that nothing else has: version 7, so that they sort by the time they were made.

import { v7 } from 'uuid';
import { recordedTimeMs, type Clock } from './clock.js';
import type { Random } from './random.js';

/** A new uuid, from the clock and the chance that are given. */
export function newUuid(clock: Pick<Clock, 'now'>, random: Random): string {
  return v7({ msecs: Math.min(recordedTimeMs(clock), latestUuidMs), random: random.bytes(16) });
}

/** A uuid has room for 48 bits of time: to the year 10889. */
const latestUuidMs = 2 ** 48 - 1;
