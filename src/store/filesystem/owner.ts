// Who owns a store, and whether that process is alive. Advisory: the generation is the fence.

import { join } from 'node:path';
import { TidegateError } from '../../errors.js';
import { sleep } from '../../runtime/deadline.js';
import { readSmallFile } from '../../runtime/file-system.js';
import { defaultWaitForOwnerMs, type OpenStoreOptions } from '../checkpoint-store.js';
import { isStagingName, ownerFile } from '../layout.js';
import { seeGenerations } from './generations.js';
import { parseOwner, type OwnerFacts } from './owner-facts.js';
import type { StorePorts } from './ports.js';
import { statIfExists, unlessMissing } from '../../runtime/small-files.js';

const pollIntervalMs = 100;

/** Heartbeats that an owner who cannot be seen from here must miss before it counts as dead. */
const missedHeartbeats = 3;

const maxOwnerBytes = 4_096;

interface SeenOwner extends OwnerFacts {
  readonly generation: number;
  readonly file: string;
}

/** Until when `open` waits for a live owner, on the monotonic clock. */
export function waitDeadlineMs({ clock }: StorePorts, options: OpenStoreOptions): number {
  const patienceMs = options.waitForOwnerMs ?? defaultWaitForOwnerMs;
  return clock.monotonicMs() + (options.liveOwner === 'refuse' ? 0 : patienceMs);
}

/**
 * Returns when the store may be taken: at once when no live owner has it or the caller takes over.
 * A crash leaves nothing behind that keeps it shut: an owner file that is missing or garbled, a
 * process that is gone and one whose heart does not beat all count as dead.
 *
 * @throws TidegateError `TIDEGATE_STORE_OWNED` naming the live owner.
 */
export async function waitForOwner(
  ports: StorePorts,
  options: OpenStoreOptions,
  deadlineMs: number,
): Promise<void> {
  options.signal?.throwIfAborted();
  if (options.liveOwner === 'take-over') return;
  const heart = new Heart(ports);
  for (;;) {
    const owner = await seeOwner(ports);
    if (owner === undefined || !(await isAlive(ports, owner, options.signal))) return;
    if (isOfThisProcess(ports, owner) && (await heart.hasStopped(owner))) return;
    if (ports.clock.monotonicMs() >= deadlineMs) throw owned(ports, owner);
    await pause(ports, pollIntervalMs, options.signal);
  }
}

/** A process that runs proves nothing of a worker thread in it, which may have been terminated. */
function isOfThisProcess({ processes }: StorePorts, { identity }: SeenOwner): boolean {
  const self = processes.self();
  return (
    identity.pid === self.pid &&
    identity.host === self.host &&
    identity.bootId === self.bootId &&
    identity.pidNamespace === self.pidNamespace &&
    identity.startedAt === self.startedAt
  );
}

/** The signs of life of one owner, looked at from time to time. */
class Heart {
  #seen: { readonly file: string; readonly modifiedMs: number; readonly atMs: number } | undefined;

  constructor(private readonly ports: StorePorts) {}

  /** True once as many beats as count as dead are missing; false for an owner that gives none. */
  async hasStopped({ file, heartbeatMs }: SeenOwner): Promise<boolean> {
    const { fileSystem, clock } = this.ports;
    const facts = await statIfExists(fileSystem, file);
    if (facts === undefined || heartbeatMs <= 0) return false;
    const atMs = clock.monotonicMs();
    const seen = this.#seen;
    if (seen?.file !== file || seen.modifiedMs !== facts.modifiedMs) {
      this.#seen = { file, modifiedMs: facts.modifiedMs, atMs };
      return false;
    }
    return atMs - seen.atMs >= missedHeartbeats * Math.min(heartbeatMs, maxHeartbeatMs);
  }
}

async function seeOwner(ports: StorePorts): Promise<SeenOwner | undefined> {
  const { fileSystem, layout } = ports;
  const generation = (await seeGenerations(ports)).current.at(-1);
  if (generation === undefined) return undefined;
  const directory = layout.generation(generation);
  const entries = (await unlessMissing(fileSystem.listDirectory(directory))) ?? [];
  const staging = entries.find(({ name }) => isStagingName(name));
  if (staging === undefined) return undefined;
  const file = join(directory, staging.name, ownerFile);
  const bytes = await unlessMissing(readSmallFile(fileSystem, file, maxOwnerBytes));
  const facts = bytes === undefined ? undefined : parseOwner(bytes);
  return facts === undefined ? undefined : { ...facts, generation, file };
}

async function isAlive(
  ports: StorePorts,
  owner: SeenOwner,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const liveness = ports.processes.livenessOf(owner.identity);
  if (liveness !== 'unknown') return liveness === 'running';
  // A recent heartbeat proves nothing: the owner may have crashed right after it. A new one does.
  const first = await statIfExists(ports.fileSystem, owner.file);
  let waitedMs = 0;
  const heartbeatMs = Math.min(owner.heartbeatMs, maxHeartbeatMs);
  while (first !== undefined && waitedMs < missedHeartbeats * heartbeatMs) {
    await pause(ports, pollIntervalMs, signal);
    waitedMs += pollIntervalMs;
    const next = await statIfExists(ports.fileSystem, owner.file);
    if (next === undefined) return false;
    if (next.modifiedMs !== first.modifiedMs) return true;
  }
  return false;
}

/** What is read from a file never decides how long we wait. */
const maxHeartbeatMs = 5_000;

async function pause(
  { clock }: StorePorts,
  delayMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  await sleep(clock, delayMs, signal);
  signal?.throwIfAborted();
}

function owned(ports: StorePorts, owner: SeenOwner): TidegateError {
  const { identity, generation } = owner;
  const who = isOfThisProcess(ports, owner)
    ? `this very process, ${identity.pid} on ${identity.host} (generation ${generation}): another ` +
      'thread or another part of the program has it open; close it there, or, where a worker was ' +
      'terminated, open with liveOwner "take-over"'
    : `process ${identity.pid} on ${identity.host} (generation ${generation})`;
  return new TidegateError('TIDEGATE_STORE_OWNED', `${ports.layout.directory} is owned by ${who}`, {
    details: { pid: identity.pid, host: identity.host, generation },
  });
}
