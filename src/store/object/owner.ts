// Waits for an owner that seems alive. Advisory: the generation is the fence.

import { TidegateError } from '../../errors.js';
import { sleep } from '../../runtime/deadline.js';
import { isSameProcess } from '../../runtime/process-identity.js';
import { defaultWaitForOwnerMs, type OpenStoreOptions } from '../checkpoint-store.js';
import { heartbeatKey, type Current, type ObjectStoreOwner } from './current.js';
import { readCurrent, type SeenCurrent } from './current-object.js';
import type { ObjectStorePorts } from './ports.js';
import type { ServiceTime } from './probe.js';

const pollIntervalMs = 250;

/** Signs of life that an owner must miss before it counts as dead. */
const missedHeartbeats = 3;

/** What is read never decides how long we wait. */
const maxHeartbeatMs = 5_000;

/** Services tell times in whole seconds. */
const resolutionMs = 1_000;

/**
 * What there is once the store may be taken; undefined for a new store.
 *
 * @throws TidegateError `TIDEGATE_STORE_OWNED` naming the live owner.
 */
export async function waitForOwner(
  ports: ObjectStorePorts,
  options: OpenStoreOptions,
  deadlineMs: number,
  time: ServiceTime,
): Promise<SeenCurrent | undefined> {
  const { clock } = ports;
  for (;;) {
    const seen = await readCurrent(ports, options.signal);
    const owner = seen?.current.owner;
    if (seen === undefined || owner === undefined || options.liveOwner === 'take-over') return seen;
    if (!(await seemsAlive(ports, { ...seen, owner }, time, options.signal))) return seen;
    if (clock.monotonicMs() >= deadlineMs) throw owned(ports, seen.current, owner);
    await sleep(clock, pollIntervalMs, options.signal);
    options.signal?.throwIfAborted();
  }
}

/** Until when `open` waits for a live owner, on the monotonic clock. */
export function waitDeadlineMs({ clock }: ObjectStorePorts, options: OpenStoreOptions): number {
  const waitMs = options.waitForOwnerMs ?? defaultWaitForOwnerMs;
  return clock.monotonicMs() + (options.liveOwner === 'refuse' ? 0 : waitMs);
}

interface SeenOwner {
  readonly current: Current;
  readonly lastModifiedMs: number;
  readonly owner: ObjectStoreOwner;
}

/** How long an owner has been silent is told by the clock of the service alone. */
async function seemsAlive(
  { calls, clock, processes, storage }: ObjectStorePorts,
  { current, lastModifiedMs, owner }: SeenOwner,
  time: ServiceTime,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const liveness = processes.livenessOf(owner);
  if (liveness === 'gone') return false;
  // A process that runs proves nothing of a worker thread in it, which may have been terminated.
  const isHidden = liveness === 'unknown' || isSameProcess(owner, processes.self());
  if (owner.heartbeatMs <= 0 || !isHidden) return liveness !== 'unknown';
  const beat = await calls.repeat(signal, (options) =>
    storage.head(heartbeatKey(current), options),
  );
  const lastSignMs = Math.max(lastModifiedMs, beat?.lastModifiedMs ?? 0);
  const serviceMs = time.serviceMs + (clock.monotonicMs() - time.monotonicMs);
  const silentMs = missedHeartbeats * Math.min(owner.heartbeatMs, maxHeartbeatMs) + resolutionMs;
  return serviceMs - lastSignMs < silentMs;
}

function owned(
  { processes, storage }: ObjectStorePorts,
  { generation }: Current,
  owner: ObjectStoreOwner,
): TidegateError {
  const { pid, host } = owner;
  const which = isSameProcess(owner, processes.self()) ? 'this very process, ' : 'process ';
  return new TidegateError(
    'TIDEGATE_STORE_OWNED',
    `${storage.address} is owned by ${which}${pid} on ${host} (generation ${generation})`,
    { details: { pid, host, generation } },
  );
}
