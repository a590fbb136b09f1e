// Whose prefix this is: `sink.json`, changed under the condition that it is what was read.

import type { SinkOwner } from '../../contracts/sink.js';
import { TidegateError } from '../../errors.js';
import type { StoreId } from '../../ids.js';
import { parseJsonObject } from '../../runtime/small-files.js';
import { drawHex } from '../../store/object/ports.js';
import { checkIdentity } from '../staging/sink-identity.js';
import { corrupt, fenced } from './objects-error.js';
import { readSmall, replaceObject, type ObjectSinkPorts } from './ports.js';

/** Up to where everything is decided, published and cleared, so that an opening need not look there. */
export interface Settled {
  readonly checkpointId: number;
  /** No name of output up to this one is without its record. */
  readonly partName: string;
  /** The newest committed checkpoint up to there; 0 for none. */
  readonly lastCommitted: number;
}

export interface SinkState {
  readonly storeId: StoreId;
  readonly pipeline: string;
  readonly sink: string;
  readonly generation: number;
  /** Which sink object has claimed the generation: the same one may claim it again. */
  readonly opening: string;
  readonly nonce: string;
  readonly settled: Settled;
}

export interface SeenState {
  readonly state: SinkState;
  readonly etag: string;
}

export const nothingSettled: Settled = { checkpointId: 0, partName: '', lastCommitted: 0 };

const formatVersion = 1;

/** Undefined under a prefix that no sink has owned yet. */
export async function readState(
  ports: ObjectSinkPorts,
  signal: AbortSignal,
): Promise<SeenState | undefined> {
  const { layout, address } = ports;
  const found = await readSmall(ports, layout.state, signal);
  return (
    found && { state: parseState(found.bytes, `${address}: ${layout.state}`), etag: found.etag }
  );
}

/**
 * @throws TidegateError `TIDEGATE_SINK_STORE`, `TIDEGATE_SINK_DIRECTORY`; and `TIDEGATE_FENCED` for an
 * owner whose generation is not above the one that is remembered.
 */
export function checkOwner(
  { address }: ObjectSinkPorts,
  state: SinkState | undefined,
  owner: SinkOwner,
  opening: string,
): void {
  checkIdentity({ layout: { directory: address } }, state, owner);
  const { generation } = owner;
  if (state === undefined || generation > state.generation) return;
  if (generation === state.generation && opening === state.opening) return;
  throw fenced(address, generation, state.generation);
}

/** Each is lost to another process that made progress; this many in a row is a mistake. */
const maxClaims = 64;

/** Takes the prefix for a generation. From then on, older ones prepare nothing that counts. */
export async function claim(
  ports: ObjectSinkPorts,
  { storeId, pipeline, sink, generation }: SinkOwner,
  opening: string,
  signal: AbortSignal,
): Promise<SeenState> {
  const owner = { storeId, pipeline, sink, generation };
  for (let attempt = 0; attempt < maxClaims; attempt += 1) {
    const seen = await readState(ports, signal);
    checkOwner(ports, seen?.state, owner, opening);
    const settled = seen?.state.settled ?? nothingSettled;
    const claimed = await replaceState(ports, seen, { ...owner, opening, settled }, signal);
    if (claimed !== undefined) return claimed;
  }
  throw new TidegateError(
    'TIDEGATE_OBJECTS_IO',
    `${maxClaims} times another process took ${ports.address} first`,
  );
}

/** Undefined when something else was there first. */
export async function replaceState(
  ports: ObjectSinkPorts,
  before: SeenState | undefined,
  next: Omit<SinkState, 'nonce'>,
  signal: AbortSignal,
): Promise<SeenState | undefined> {
  const state = { ...next, nonce: drawHex(ports.random, 8) };
  const bytes = Buffer.from(`${JSON.stringify({ formatVersion, ...state })}\n`);
  const outcome = await replaceObject(ports, ports.layout.state, before?.etag, bytes, signal);
  return outcome.kind === 'done' ? { state, etag: outcome.etag } : undefined;
}

/** @throws TidegateError `TIDEGATE_FENCED` when the prefix belongs to another opening by now. */
export async function requireCurrent(
  ports: ObjectSinkPorts,
  own: SinkState,
  signal: AbortSignal,
): Promise<SeenState> {
  const { address, layout } = ports;
  const seen = await readState(ports, signal);
  if (seen === undefined)
    throw corrupt(`${address}: ${layout.state} was deleted while it was in use`);
  const { opening, generation } = seen.state;
  if (opening === own.opening && generation === own.generation) return seen;
  throw fenced(address, own.generation, generation);
}

function parseState(bytes: Uint8Array, place: string): SinkState {
  const value = parseJsonObject(bytes) ?? {};
  const { storeId, pipeline, sink, opening, nonce, generation, settled } = value;
  const isWhole =
    value.formatVersion === formatVersion &&
    [storeId, pipeline, sink, opening, nonce].every((text) => typeof text === 'string') &&
    Number.isSafeInteger(generation) &&
    isSettled(settled);
  if (!isWhole) throw corrupt(`${place} is not the identity of a sink`);
  return value as unknown as SinkState;
}

function isSettled(value: unknown): value is Settled {
  if (typeof value !== 'object' || value === null) return false;
  const { checkpointId, partName, lastCommitted } = value as Record<string, unknown>;
  const counters = [checkpointId, lastCommitted];
  return typeof partName === 'string' && counters.every((id) => Number.isSafeInteger(id));
}
