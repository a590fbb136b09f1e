// The one object that says what a store on object storage holds, and why an overtaken owner changes nothing.
//
//   <prefix>/tidegate/
//     current.json                         store id, pipeline, generation, owner, and which bodies make
//                                          which checkpoint
//     bodies/000003-9f86d081/17.json       a manifest; 17.bin is a sidecar
//     owners/000003-9f86d081               rewritten by an owner that has nothing else to write
//     probes/<nonce>                       what `open` tries the conditions of the service with
//
// 1. Every visible change is one PUT of `current.json` on the condition that it still is what the change
//    was made of. Its sequence number and its nonce make each version's bytes, and so its tag, unlike
//    any other, so that a PUT that arrives late finds another tag and is refused.
// 2. A claim writes a higher generation. From then on no condition of an older owner holds.
// 3. Bodies are written before the version that names them, under names that are never used again: they
//    carry the generation, a nonce of the session, and a number. A late PUT or DELETE of a body meets
//    nothing that is named now.
// 4. An answer that does not come, a timeout, 409 and 412 are settled by reading: the nonce says whether
//    this very change took effect.
// 5. A body is deleted only when a version that does not name it has taken effect, and only if this
//    generation or an older one has written it: nothing can name it again.

import { TidegateError } from '../../errors.js';
import {
  checkpointId,
  generation,
  highestGeneration,
  storeId,
  type CheckpointId,
  type Generation,
  type StoreId,
} from '../../ids.js';
import { parseProcessIdentity, type ProcessIdentity } from '../../runtime/process-identity.js';
import { parseJsonObject } from '../../runtime/small-files.js';

/** The bodies that make one checkpoint. */
export interface CheckpointEntry {
  readonly id: CheckpointId;
  /** Names below `bodies/`. */
  readonly manifest: string;
  readonly sidecar?: string | undefined;
}

/** Who the owner is, for those who want the store. */
export interface ObjectStoreOwner extends ProcessIdentity {
  /** Milliseconds between two signs of life; 0 when it gives none. */
  readonly heartbeatMs: number;
}

/** One version of `current.json`. */
export interface Current {
  readonly storeId: StoreId;
  readonly pipeline: string;
  readonly generation: Generation;
  /** Of the claim; part of the names of everything that its owner writes. */
  readonly session: string;
  /** Counts the versions from 1. */
  readonly sequence: number;
  /** New for each try of a change, so that its own outcome can be recognised. */
  readonly nonce: string;
  /** Undefined when the owner has closed it. */
  readonly owner?: ObjectStoreOwner | undefined;
  /** Ascending by id. */
  readonly checkpoints: readonly CheckpointEntry[];
  readonly quarantined: readonly CheckpointEntry[];
}

export const ownFolder = 'tidegate/';
export const currentKey = `${ownFolder}current.json`;
export const bodiesFolder = `${ownFolder}bodies/`;

const formatVersion = 1;

export function bodyKey(name: string): string {
  return bodiesFolder + name;
}

export function heartbeatKey(owner: Pick<Current, 'generation' | 'session'>): string {
  return `${ownFolder}owners/${sessionName(owner)}`;
}

export function probeKey(nonce: string): string {
  return `${ownFolder}probes/${nonce}`;
}

/** Begins the name of every body of a session. */
export function sessionName({ generation, session }: Pick<Current, 'generation' | 'session'>) {
  return `${String(generation).padStart(6, '0')}-${session}`;
}

/** The generation that wrote what has this key; undefined for what is none of a store's leavings. */
export function generationOfKey(key: string): number | undefined {
  if (key.startsWith(probeKey(''))) return 0;
  const digits = /^tidegate\/(?:bodies|owners)\/(\d+)-[0-9a-f]{8}(?:\/|$)/.exec(key)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The names of all bodies that a version names. */
export function namedBodies({ checkpoints, quarantined }: Current): ReadonlySet<string> {
  return new Set([...checkpoints, ...quarantined].flatMap(bodiesOf));
}

export function bodiesOf({ manifest, sidecar }: CheckpointEntry): readonly string[] {
  return sidecar === undefined ? [manifest] : [manifest, sidecar];
}

/** The entries with one more or another one for its id. */
export function withEntry(
  entries: readonly CheckpointEntry[],
  entry: CheckpointEntry,
): readonly CheckpointEntry[] {
  const others = entries.filter(({ id }) => id !== entry.id);
  const index = others.findIndex(({ id }) => id > entry.id);
  return index < 0 ? [...others, entry] : others.toSpliced(index, 0, entry);
}

/** Compact: a store of thousands of checkpoints stays one small object. */
export function serializeCurrent(current: Current): Uint8Array {
  return Buffer.from(JSON.stringify({ formatVersion, ...current }));
}

/** @throws TidegateError `TIDEGATE_STORE_CORRUPT`, `TIDEGATE_STORE_LAYOUT` for a newer format. */
export function parseCurrent(bytes: Uint8Array, address: string): Current {
  const value = parseJsonObject(bytes);
  const version = value?.formatVersion;
  if (Number.isSafeInteger(version) && version !== formatVersion) {
    throw new TidegateError(
      'TIDEGATE_STORE_LAYOUT',
      `${address}/${currentKey} has format version ${Number(version)}, and this tidegate knows ` +
        `${formatVersion}: use a newer one`,
    );
  }
  const current = value === undefined ? undefined : readCurrent(value);
  if (version === formatVersion && current !== undefined) return current;
  throw new TidegateError(
    'TIDEGATE_STORE_CORRUPT',
    `${address}/${currentKey} does not say what the store holds: bring an earlier version of it back`,
  );
}

function readCurrent(value: Readonly<Record<string, unknown>>): Current | undefined {
  const { storeId: store, pipeline, session, nonce, owner } = value;
  const checkpoints = readEntries(value.checkpoints);
  const quarantined = readEntries(value.quarantined);
  const numbers = [value.generation, value.sequence].map(Number);
  const [number = 0, sequence = 0] = numbers;
  if (!numbers.every((one) => Number.isSafeInteger(one) && one >= 1)) return undefined;
  if (typeof store !== 'string' || store === '' || typeof pipeline !== 'string') return undefined;
  if (typeof session !== 'string' || typeof nonce !== 'string') return undefined;
  if (checkpoints === undefined || quarantined === undefined) return undefined;
  if (number > highestGeneration) return undefined;
  return {
    storeId: storeId(store),
    pipeline,
    generation: generation(number),
    session,
    sequence,
    nonce,
    owner: readOwner(owner),
    checkpoints,
    quarantined,
  };
}

/** Undefined for what is no owner: it counts as none, so that nothing keeps a store shut. */
function readOwner(value: unknown): ObjectStoreOwner | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const facts = value as Readonly<Record<string, unknown>>;
  const identity = parseProcessIdentity(facts);
  const { heartbeatMs } = facts;
  if (identity === undefined || typeof heartbeatMs !== 'number') return undefined;
  return { ...identity, heartbeatMs };
}

function readEntries(value: unknown): readonly CheckpointEntry[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const entries = value.map(readEntry);
  const whole = entries.filter((entry) => entry !== undefined);
  return whole.length === entries.length ? whole : undefined;
}

function readEntry(value: unknown): CheckpointEntry | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, manifest, sidecar } = value as Readonly<Record<string, unknown>>;
  if (!Number.isSafeInteger(id) || Number(id) < 1) return undefined;
  if (!isBodyName(manifest)) return undefined;
  if (sidecar === undefined) return { id: checkpointId(Number(id)), manifest };
  return isBodyName(sidecar) ? { id: checkpointId(Number(id)), manifest, sidecar } : undefined;
}

/** Only as we spell it: what is read never leads outside of the store's bodies. */
function isBodyName(value: unknown): value is string {
  return typeof value === 'string' && /^\d{6,}-[0-9a-f]{8}\/\d+\.(?:json|bin)$/.test(value);
}
