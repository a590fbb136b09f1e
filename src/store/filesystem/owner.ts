// Who owns a store, and whether that process is alive. Advisory: the generation is the fence.

import { join } from 'node:path';
import { TidegateError } from '../../errors.js';
import { sleep } from '../../runtime/deadline.js';
import { readSmallFile } from '../../runtime/file-system.js';
import {
  defaultWaitForOwnerMs,
  type OpenStoreOptions,
  type StoreOwner,
} from '../checkpoint-store.js';
import { isStagingName, ownerFile } from '../layout.js';
import { seeGenerations } from './generations.js';
import type { StorePorts } from './ports.js';
import {
  isSameProcess,
  parseProcessIdentity,
  type ProcessIdentity,
} from '../../runtime/process-identity.js';
import { parseJsonObject, statIfExists, unlessMissing } from '../../runtime/small-files.js';

const pollIntervalMs = 100;

/** Heartbeats that an owner must miss before it counts as dead, where its process says nothing of it. */
const missedHeartbeats = 3;

/** What is read from a file never decides how long we wait. */
const maxHeartbeatMs = 5_000;

const maxOwnerBytes = 4_096;

/** What an owner says about itself in its staging directory. */
interface OwnerFacts {
  readonly identity: ProcessIdentity;
  /** Milliseconds between two heartbeats; 0 when the owner gives none. */
  readonly heartbeatMs: number;
}

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
 * process that is gone, and one that cannot be seen and whose heartbeats have stopped count as dead.
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
  const heartbeats = new Heartbeats(ports);
  for (;;) {
    const owner = await seeOwner(ports);
    if (owner === undefined) return;
    const liveness = ports.processes.livenessOf(owner.identity);
    if (liveness === 'gone') return;
    const isUnseen = liveness === 'unknown';
    // A process that runs proves nothing of a worker thread in it, which may have been terminated.
    if (isUnseen || isOfThisProcess(ports, owner)) {
      const found = await heartbeats.of(owner);
      if (found === 'stopped' || (isUnseen && found === 'none')) return;
      if (isUnseen && found === 'unclear') {
        await pause(ports, options.signal);
        continue;
      }
    }
    if (ports.clock.monotonicMs() >= deadlineMs) throw owned(ports, owner);
    await pause(ports, options.signal);
  }
}

function isOfThisProcess({ processes }: StorePorts, { identity }: SeenOwner): boolean {
  return isSameProcess(identity, processes.self());
}

/**
 * The heartbeats of one owner, looked at before each pause. A recent one proves nothing: the owner may
 * have crashed right after it. One that comes while we watch does. Silence is counted in looks and not
 * read from a clock: a machine that stood still for both of us says nothing about the owner.
 */
class Heartbeats {
  #seen: { readonly file: string; readonly modifiedMs: number; silentMs: number } | undefined;

  constructor(private readonly ports: StorePorts) {}

  async of({ file, heartbeatMs }: SeenOwner): Promise<'came' | 'stopped' | 'unclear' | 'none'> {
    if (heartbeatMs <= 0) return 'none';
    const modifiedMs = (await statIfExists(this.ports.fileSystem, file))?.modifiedMs;
    if (modifiedMs === undefined) return 'unclear';
    const seen = this.#seen;
    if (seen?.file === file && seen.modifiedMs === modifiedMs) {
      seen.silentMs += pollIntervalMs;
      const isDead = seen.silentMs >= missedHeartbeats * Math.min(heartbeatMs, maxHeartbeatMs);
      return isDead ? 'stopped' : 'unclear';
    }
    this.#seen = { file, modifiedMs, silentMs: 0 };
    return seen?.file === file ? 'came' : 'unclear';
  }
}

/** Who has it open, without waiting for a sign of life. */
export async function ownerOf(ports: StorePorts): Promise<StoreOwner | undefined> {
  const owner = await seeOwner(ports);
  if (owner === undefined) return undefined;
  const { generation, identity } = owner;
  const { pid, host } = identity;
  return { generation, pid, host, liveness: ports.processes.livenessOf(identity) };
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

/** Undefined for anything but what a claim writes: a torn file is the trace of a crash. */
export function parseOwner(bytes: Uint8Array): OwnerFacts | undefined {
  const value = parseJsonObject(bytes);
  const identity = parseProcessIdentity(value);
  const heartbeatMs = value?.heartbeatMs;
  if (identity === undefined || typeof heartbeatMs !== 'number') return undefined;
  return { identity, heartbeatMs };
}

async function pause({ clock }: StorePorts, signal: AbortSignal | undefined): Promise<void> {
  await sleep(clock, pollIntervalMs, signal);
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
