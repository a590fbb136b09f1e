// The few moves that the cases of the store suite are made of.

import { createHash } from 'node:crypto';
import { equal, ok } from 'node:assert/strict';
import { hasErrorCode, toError, type ErrorCode } from '../../errors.js';
import type { CheckpointId } from '../../ids.js';
import { createManifest } from '../../manifest/create.js';
import { externalOperatorState, inlineOperatorState } from '../../manifest/operator-state.js';
import type { CheckpointManifest, SinkCommitStatus } from '../../manifest/types.js';
import type { CheckpointStore, OwnedStore, SavedManifest } from '../../store/checkpoint-store.js';

/** One storage, and the stores that processes make on it. */
export interface StoreSystem {
  /** A store as a process that has just started makes it, on the storage of all the others. */
  connect(): CheckpointStore | Promise<CheckpointStore>;
  close?(): Promise<void>;
}

/** Makes the stores that the conformance suite tries. */
export interface CheckpointStoreFactory {
  readonly name: string;
  /** A new, empty storage. */
  create(): StoreSystem | Promise<StoreSystem>;
}

/** One obligation of a store, tried on a fresh one. */
export interface StoreConformanceCase {
  readonly title: string;
  readonly run: (system: StoreSystem) => Promise<void>;
}

const pipeline = 'conformance';

/** Opens as a process that does not ask whether another one lives. */
export async function openStore(system: StoreSystem): Promise<OwnedStore> {
  const store = await system.connect();
  return store.open({ pipeline, liveOwner: 'take-over' });
}

export interface ManifestParts {
  readonly sinks?: Readonly<Record<string, SinkCommitStatus['kind']>>;
  readonly changes?: Partial<CheckpointManifest>;
  readonly savepoint?: boolean;
}

/** A manifest of this owner's, as the coordinator would make it. */
export function manifestOf(
  store: OwnedStore,
  id: CheckpointId,
  parts: ManifestParts = {},
): CheckpointManifest {
  const statuses = new Map(
    Object.entries(parts.sinks ?? {}).map(([sink, kind]) => [sink, statusOf(kind)]),
  );
  return {
    ...createManifest(id, 1, { clock: { now: () => 1_700_000_000_000 } }),
    sinkNames: [...statuses.keys()].sort(),
    sinkCommitStatuses: statuses,
    tidegate: {
      storeId: store.storeId,
      pipeline: store.pipeline,
      generation: store.generation,
      kind: parts.savepoint === true ? 'savepoint' : 'checkpoint',
      commitHandles: new Map(),
    },
    ...parts.changes,
  };
}

function statusOf(kind: SinkCommitStatus['kind']): SinkCommitStatus {
  return kind === 'failed' ? { kind, message: 'refused' } : { kind };
}

/** Saves a checkpoint without a sidecar under a new id. */
export async function saveNew(
  store: OwnedStore,
  parts: ManifestParts = {},
): Promise<SavedManifest> {
  return store.saveManifest(manifestOf(store, store.allocateCheckpointId(), parts));
}

/** Saves a checkpoint whose operator `large` has these bytes in the sidecar. */
export async function saveWithSidecar(
  store: OwnedStore,
  bytes: Uint8Array,
  parts: ManifestParts = {},
): Promise<SavedManifest> {
  const id = store.allocateCheckpointId();
  const receipt = await store.writeSidecar(id, chunksOf(bytes, 7), { maxBytes: 2 ** 20 });
  equal(receipt.byteLength, bytes.byteLength);
  equal(receipt.sha256, createHash('sha256').update(bytes).digest('hex'));
  const changes = {
    operatorStates: new Map([
      ['large', externalOperatorState(0, bytes.byteLength)],
      ['small', inlineOperatorState(Uint8Array.of(1, 2, 3))],
    ]),
    stateChecksum: receipt.sha256,
    ...parts.changes,
  };
  return store.saveManifest(manifestOf(store, id, { ...parts, changes }));
}

export async function* chunksOf(bytes: Uint8Array, chunkBytes: number): AsyncIterable<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += chunkBytes) {
    yield await Promise.resolve(bytes.subarray(start, start + chunkBytes));
  }
}

/** The bytes of one operator of a checkpoint that is loaded anew. */
export async function stateOf(
  store: Pick<OwnedStore, 'load' | 'readOperatorState'>,
  id: CheckpointId,
  operator: string,
): Promise<Uint8Array | undefined> {
  const stream = store.readOperatorState(await store.load(id), operator);
  if (stream === undefined) return undefined;
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Uint8Array.from(Buffer.concat(pieces));
}

export async function assertRejects(call: Promise<unknown>, ...codes: ErrorCode[]): Promise<void> {
  let thrown: unknown;
  try {
    await call;
  } catch (error) {
    thrown = error;
  }
  ok(thrown !== undefined, `the call should have failed with ${codes.join(' or ')}`);
  ok(
    hasErrorCode(thrown, ...codes),
    `expected ${codes.join(' or ')}, got ${toError(thrown).message}`,
  );
}

/** The states of all checkpoints by id, newest first. */
export async function statesOf(store: Pick<OwnedStore, 'list'>): Promise<[number, string][]> {
  return (await store.list()).map(({ id, state }) => [id, state]);
}
