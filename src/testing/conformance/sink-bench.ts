// The few moves that the cases of the sink suite are made of.

import { deepEqual, rejects } from 'node:assert/strict';
import {
  checkpointIdOf,
  epoch,
  generation,
  storeId,
  type CheckpointId,
  type StoreId,
} from '../../ids.js';
import { hasErrorCode, type ErrorCode } from '../../errors.js';
import type {
  PreCommitRequest,
  SinkInspector,
  SinkOwner,
  TwoPhaseSinkSession,
} from '../../contracts/sink.js';
import type { CallOptions } from '../../contracts/source.js';
import type { SinkBench } from './sink-system.js';

/** A signal that is never aborted. */
export const calm: CallOptions = { signal: new AbortController().signal };

export const firstStore = storeId('018f0000-0000-7000-8000-000000000001');
export const secondStore = storeId('018f0000-0000-7000-8000-000000000002');

export function ownerOf(number: number, store: StoreId = firstStore): SinkOwner {
  return { storeId: store, pipeline: 'conformance', sink: 'out', generation: generation(number) };
}

/** A session of a process that has just started. */
export async function openAs<Rec>(
  bench: SinkBench<Rec>,
  number: number,
  store: StoreId = firstStore,
): Promise<TwoPhaseSinkSession<Rec>> {
  const sink = await bench.system.connect();
  return sink.open(ownerOf(number, store), calm);
}

export async function openToLook<Rec>(bench: SinkBench<Rec>): Promise<SinkInspector> {
  const sink = await bench.system.connect();
  return sink.openReadOnly({ storeId: firstStore, pipeline: 'conformance', sink: 'out' }, calm);
}

/** The request of the `sequence`-th attempt of a generation. */
export function attempt(number: number, sequence: number, epochNumber = 1): PreCommitRequest {
  return {
    checkpointId: idOf(number, sequence),
    epoch: epoch(epochNumber),
    generation: generation(number),
  };
}

export function idOf(number: number, sequence: number): CheckpointId {
  return checkpointIdOf(generation(number), sequence);
}

/** Writes the numbered records and pre-commits them; gives the handle. */
export async function prepare<Rec>(
  bench: SinkBench<Rec>,
  session: TwoPhaseSinkSession<Rec>,
  request: PreCommitRequest,
  numbers: readonly number[],
): Promise<string> {
  if (numbers.length > 0) await session.write(numbers.map((number) => bench.record(number)));
  const { handle } = await session.preCommit(request, calm);
  return handle;
}

export async function assertVisible<Rec>(
  bench: SinkBench<Rec>,
  numbers: readonly number[],
): Promise<void> {
  deepEqual(
    await bench.system.visible(),
    numbers.map((number) => bench.record(number)),
  );
}

export async function assertRejects(call: Promise<unknown>, code: ErrorCode): Promise<void> {
  await rejects(call, (error: unknown) => hasErrorCode(error, code));
}
