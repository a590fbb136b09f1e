// Reads the records of epochs, and changes one under the condition that it is what was seen.

import type { CheckpointId } from '../../ids.js';
import { forEachBounded } from '../../runtime/for-each-bounded.js';
import { drawHex } from '../../store/object/ports.js';
import { encodeRecord, parseRecord, type EpochRecord } from './epoch-record.js';
import {
  pagesOf,
  readSmall,
  replaceObject,
  type ObjectSinkPorts,
  type SeenObject,
} from './ports.js';

export interface SeenEpoch {
  readonly record: EpochRecord;
  readonly etag: string;
}

/** Requests at once. */
export const concurrency = 8;

export async function readEpoch(
  ports: ObjectSinkPorts,
  id: CheckpointId,
  signal: AbortSignal,
): Promise<SeenEpoch | undefined> {
  const found = await readSmall(ports, ports.layout.epoch(id), signal);
  return found && seenEpoch(ports, id, found);
}

/** Ids of the records behind one, ascending. */
export async function epochIds(
  ports: ObjectSinkPorts,
  behind: number,
  signal: AbortSignal,
): Promise<CheckpointId[]> {
  const { layout } = ports;
  const ids: CheckpointId[] = [];
  const query = { prefix: layout.epochs, behind: layout.epoch(behind) };
  for await (const page of pagesOf(ports, query, signal)) {
    ids.push(...page.flatMap(({ key }) => layout.idOfEpoch(key) ?? []));
  }
  return ids;
}

/** The records behind an id, ascending. */
export async function epochsBehind(
  ports: ObjectSinkPorts,
  behind: number,
  signal: AbortSignal,
): Promise<readonly SeenEpoch[]> {
  const found: SeenEpoch[] = [];
  const ids = await epochIds(ports, behind, signal);
  await forEachBounded(ids, { concurrency, signal }, async (id) => {
    const seen = await readEpoch(ports, id, signal);
    if (seen !== undefined) found.push(seen);
  });
  return found.sort((one, other) => one.record.checkpointId - other.record.checkpointId);
}

/** A record that was lost to another write comes back as that one: `isOurs` is then false. */
export interface Written {
  readonly isOurs: boolean;
  readonly seen: SeenEpoch | undefined;
}

/** @param before Undefined for the first version. */
export async function writeEpoch(
  ports: ObjectSinkPorts,
  before: SeenEpoch | undefined,
  next: Omit<EpochRecord, 'nonce'>,
  signal: AbortSignal,
): Promise<Written> {
  const record = { ...next, nonce: drawHex(ports.random, 8) };
  const id = next.checkpointId;
  const key = ports.layout.epoch(id);
  const outcome = await replaceObject(ports, key, before?.etag, encodeRecord(record), signal);
  if (outcome.kind === 'done') return { isOurs: true, seen: { record, etag: outcome.etag } };
  return { isOurs: false, seen: outcome.seen && seenEpoch(ports, id, outcome.seen) };
}

function seenEpoch(
  { address, layout }: ObjectSinkPorts,
  id: CheckpointId,
  { bytes, etag }: SeenObject,
): SeenEpoch {
  return { record: parseRecord(bytes, id, `${address}: ${layout.epoch(id)}`), etag };
}
