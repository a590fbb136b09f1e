// The start checkpoint: where everything begins, durable before the first record, so that there always is a base.

import { Readable } from 'node:stream';
import { assert } from '../assert.js';
import type { EncodedState, Operator, OperatorSnapshot } from '../contracts/operator.js';
import type { Offsets, Source, SourcePosition } from '../contracts/source.js';
import { TidegateError } from '../errors.js';
import type { CheckpointId } from '../ids.js';
import { createManifest } from '../manifest/create.js';
import { operatorStateFromBytes } from '../manifest/operator-state.js';
import type { ConnectorCheckpoint, OperatorCheckpoint } from '../manifest/types.js';
import type { PersistedManifest } from '../store/persisted-manifest.js';
import { timeoutFor } from './ask.js';
import { ownFields } from './new-manifest.js';
import { askParticipant } from './participant-call.js';
import { ownerOf, save, write, type Round } from './round.js';

/** Epoch of the start checkpoint. */
const startEpoch = 1;
/** States above this many bytes go into the sidecar. */
const inlineMaxBytes = 1_048_576;
/** So do those that would make all inline states larger than this. */
const inlineTotalMaxBytes = 8_388_608;
const sidecarMaxBytes = 2 ** 30;

/**
 * Start offsets, initial operator states, no sinks: complete once it is durable. Without it the
 * first epoch would roll back to "wherever the sources are", which has moved by then.
 */
export async function writeStartCheckpoint(round: Round): Promise<PersistedManifest> {
  const { request, store } = round;
  const { participants, options, pipelineHash, ports } = request;
  const sources = await positionsOf(round, participants.sources, startEpoch);
  const tables = await positionsOf(round, participants.tables, startEpoch);
  const id = store.allocateCheckpointId();
  const states = await initialStates(round, id);
  return save(round, {
    ...createManifest(id, startEpoch, { vnodeCount: options.vnodeCount, clock: ports.clock }),
    sourceOffsets: sources.offsets,
    tableOffsets: tables.offsets,
    operatorStates: states.entries,
    stateChecksum: states.checksum,
    sourceWatermarks: sources.watermarks,
    watermark: lowest(sources.watermarks, participants.sources.size),
    sourceNames: [...participants.sources.keys()].sort(),
    pipelineHash,
    tidegate: ownFields(ownerOf(request, store)),
  });
}

export interface Positions {
  readonly offsets: ReadonlyMap<string, ConnectorCheckpoint>;
  readonly watermarks: ReadonlyMap<string, bigint>;
}

/** Where sources are at this moment, as a manifest records it. */
export async function positionsOf(
  round: Round,
  sources: ReadonlyMap<string, Source>,
  epoch: number,
): Promise<Positions> {
  const offsets = new Map<string, ConnectorCheckpoint>();
  const watermarks = new Map<string, bigint>();
  for (const [name, source] of sources) {
    const position = await askParticipant(round, `the position of source ${name}`, async () =>
      checkedPosition(await source.position()),
    );
    offsets.set(name, {
      offsets: new Map(Object.entries(position.offsets)),
      epoch,
      metadata: new Map(Object.entries(position.metadata ?? {})),
    });
    if (position.watermark !== undefined) watermarks.set(name, position.watermark);
  }
  return { offsets, watermarks };
}

/** A number, or nothing at all, would come back as another text after a crash. */
function checkedPosition(given: SourcePosition | Offsets | undefined): SourcePosition {
  // Offsets are text, so an object under that name can only be a position.
  const position = typeof given?.offsets === 'object' ? (given as SourcePosition) : undefined;
  const offsets: unknown = position === undefined ? given : position.offsets;
  const areTexts =
    typeof offsets === 'object' &&
    offsets !== null &&
    Object.values(offsets).every((offset) => typeof offset === 'string');
  if (!areTexts) {
    const message = 'it is not an object of texts';
    throw new TidegateError('TIDEGATE_RECOVERY_PARTICIPANT', message);
  }
  return position ?? { offsets: offsets as Offsets };
}

function lowest(watermarks: ReadonlyMap<string, bigint>, sources: number): bigint | undefined {
  if (watermarks.size < sources || sources === 0) return undefined;
  return [...watermarks.values()].reduce((low, next) => (next < low ? next : low));
}

interface InitialStates {
  readonly entries: ReadonlyMap<string, OperatorCheckpoint>;
  readonly checksum: string | undefined;
}

async function initialStates(round: Round, id: CheckpointId): Promise<InitialStates> {
  const entries = new Map<string, OperatorCheckpoint>();
  const sidecar: Uint8Array[] = [];
  let byteOffset = 0;
  let inlineBytes = 0;
  for (const [name, operator] of round.request.participants.operators) {
    const bytes = await initialState(round, name, operator);
    const roomBytes = Math.min(inlineMaxBytes, inlineTotalMaxBytes - inlineBytes);
    const split = operatorStateFromBytes(bytes, roomBytes, byteOffset);
    entries.set(name, split.entry);
    if (split.sidecar === undefined) {
      inlineBytes += bytes.byteLength;
      continue;
    }
    sidecar.push(split.sidecar);
    byteOffset += split.sidecar.byteLength;
  }
  if (sidecar.length === 0) return { entries, checksum: undefined };
  const timeoutMs = timeoutFor(round.patience.callTimeoutMs, byteOffset);
  const receipt = await write(
    round,
    `writing the initial states of checkpoint ${id}`,
    (signal) =>
      round.store.writeSidecar(id, Readable.from(sidecar), { maxBytes: sidecarMaxBytes, signal }),
    timeoutMs,
  );
  assert(receipt.byteLength === byteOffset, `the sidecar of checkpoint ${id} is not complete`);
  return { entries, checksum: receipt.sha256 };
}

/** Reset first: what a failed attempt left in memory is not where the pipeline begins. */
async function initialState(round: Round, name: string, operator: Operator): Promise<Uint8Array> {
  return askParticipant(round, `the initial state of operator ${name}`, async (signal) => {
    await operator.reset();
    const snapshot = operator.capture();
    try {
      return await bytesOf(name, await snapshot.encode({ signal }));
    } finally {
      release(round, name, snapshot);
    }
  });
}

/** Its state has been taken by then: what it cannot give back refuses no start. */
function release({ request }: Round, operator: string, snapshot: OperatorSnapshot): void {
  try {
    snapshot.release?.();
  } catch (error) {
    request.ports.logger.warn('an operator could not release a snapshot', { operator, error });
  }
}

async function bytesOf(operator: string, state: EncodedState): Promise<Uint8Array> {
  if (state instanceof Uint8Array) return state;
  const chunks: Uint8Array[] = [];
  let byteLength = 0;
  for await (const chunk of state) {
    byteLength += chunk.byteLength;
    if (byteLength > sidecarMaxBytes) {
      const message = `the initial state of operator ${operator} has more than ${sidecarMaxBytes} bytes`;
      throw new TidegateError('TIDEGATE_RECOVERY_PARTICIPANT', message);
    }
    // A copy: the operator may fill its chunk again for the next one.
    chunks.push(Uint8Array.from(chunk));
  }
  return Buffer.concat(chunks);
}
