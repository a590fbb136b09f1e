// The start checkpoint: where everything begins, durable before the first record, so that there always is a base.

import { createManifest, ownFields } from '../manifest/create.js';
import { savedDefinitions } from '../contracts/operator-definition.js';
import type { Source } from '../contracts/source.js';
import { checkedPosition } from '../contracts/source-position.js';
import type { ConnectorCheckpoint, OperatorCheckpoint } from '../manifest/types.js';
import type { PersistedManifest } from '../store/persisted-manifest.js';
import {
  askParticipant,
  ownerOf,
  save,
  type RecoveryPass,
  type StoredStates,
  writeStates,
} from './pass.js';
import { Readable } from 'node:stream';
import type { EncodedState, Operator, OperatorSnapshot } from '../contracts/operator.js';
import { TidegateError } from '../errors.js';
import type { CheckpointId } from '../ids.js';
import { externalOperatorState, inlineOperatorState } from '../manifest/operator-state.js';
import { inlineStateDigest } from '../store/state-checks.js';
import { PassEnded, timeoutFor } from './ask.js';
import type { StateLimits } from './request.js';

/** Epoch of the start checkpoint. */
const startEpoch = 1;

/**
 * Start offsets, initial operator states, no sinks: complete once it is durable. Without it the
 * first epoch would roll back to "wherever the sources are", which has moved by then.
 */
export async function writeStartCheckpoint(pass: RecoveryPass): Promise<PersistedManifest> {
  const { request, store } = pass;
  const { participants, options, pipelineHash, ports } = request;
  const sources = await positionsOf(pass, 'source', participants.sources, startEpoch);
  const tables = await positionsOf(pass, 'table', participants.tables, startEpoch);
  const id = store.allocateCheckpointId();
  const states = await initialStates(pass, id);
  return save(pass, {
    ...createManifest(id, startEpoch, { vnodeCount: options.vnodeCount, clock: ports.clock }),
    sourceOffsets: sources.offsets,
    tableOffsets: tables.offsets,
    operatorStates: states.entries,
    stateChecksum: states.checksum,
    sourceWatermarks: sources.watermarks,
    watermark: lowest(sources.watermarks, participants.sources.size),
    sourceNames: [...participants.sources.keys()].sort(),
    pipelineHash,
    tidegate: {
      ...ownFields(ownerOf(store)),
      operatorDefinitions: savedDefinitions(participants.operators),
    },
  });
}

export interface Positions {
  readonly offsets: ReadonlyMap<string, ConnectorCheckpoint>;
  readonly watermarks: ReadonlyMap<string, bigint>;
}

/** Where sources are at this moment, as a manifest records it. */
export async function positionsOf(
  pass: RecoveryPass,
  kind: 'source' | 'table',
  sources: ReadonlyMap<string, Source>,
  epoch: number,
): Promise<Positions> {
  const offsets = new Map<string, ConnectorCheckpoint>();
  const watermarks = new Map<string, bigint>();
  for (const [name, source] of sources) {
    const position = await askParticipant(pass, `the position of ${kind} ${name}`, async () =>
      checkedPosition(`${kind} ${name}`, await source.position()),
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

function lowest(watermarks: ReadonlyMap<string, bigint>, sources: number): bigint | undefined {
  if (watermarks.size < sources || sources === 0) return undefined;
  return [...watermarks.values()].reduce((low, next) => (next < low ? next : low));
}

/** Asks every operator for its first state; the large ones are in the sidecar when this returns. */
async function initialStates(pass: RecoveryPass, id: CheckpointId): Promise<StoredStates> {
  const states = await encodedStates(pass);
  const large = namesOfLarge(states, pass.request.options);
  const entries = new Map<string, OperatorCheckpoint>();
  const sidecar: Uint8Array[] = [];
  let byteOffset = 0;
  for (const [name, bytes] of states) {
    if (!large.has(name)) {
      entries.set(name, inlineOperatorState(bytes));
      continue;
    }
    entries.set(name, externalOperatorState(byteOffset, bytes.byteLength));
    sidecar.push(bytes);
    byteOffset += bytes.byteLength;
  }
  if (sidecar.length === 0) return { entries, checksum: inlineStateDigest(entries) };
  const content = Readable.from(sidecar);
  const what = `writing the initial states of checkpoint ${id}`;
  const timeoutMs = timeoutFor(pass.budget.callTimeoutMs, byteOffset);
  return writeStates(pass, what, { id, entries, content, byteLength: byteOffset, timeoutMs });
}

/** In the order of names, as every checkpoint has them in its sidecar. */
async function encodedStates(pass: RecoveryPass): Promise<ReadonlyMap<string, Uint8Array>> {
  const { participants, options } = pass.request;
  const states = new Map<string, Uint8Array>();
  let byteLength = 0;
  for (const name of [...participants.operators.keys()].sort()) {
    const operator = participants.operators.get(name);
    if (operator === undefined) continue;
    const left = options.maxCheckpointBytes - byteLength;
    const bytes = await initialState(pass, name, operator, left);
    if (bytes === undefined) throw tooLarge(name, options);
    states.set(name, bytes);
    byteLength += bytes.byteLength;
  }
  return states;
}

/** Above the threshold, and then the largest, until the rest fits into the manifest. */
function namesOfLarge(
  states: ReadonlyMap<string, Uint8Array>,
  { stateInlineThresholdBytes, maxInlineBytes }: StateLimits,
): ReadonlySet<string> {
  const bySize = [...states].sort(([, left], [, right]) => right.byteLength - left.byteLength);
  const large = new Set<string>();
  let inlineBytes = bySize.reduce((sum, [, bytes]) => sum + bytes.byteLength, 0);
  for (const [name, { byteLength }] of bySize) {
    if (byteLength <= stateInlineThresholdBytes && inlineBytes <= maxInlineBytes) break;
    large.add(name);
    inlineBytes -= byteLength;
  }
  return large;
}

function tooLarge(operator: string, { maxCheckpointBytes }: StateLimits): PassEnded {
  const message =
    `the initial states have more than maxCheckpointBytes (${maxCheckpointBytes} bytes) ` +
    `together with that of operator ${operator}`;
  const details = { operator, maxBytes: maxCheckpointBytes };
  return new PassEnded(
    'refused',
    new TidegateError('TIDEGATE_CHECKPOINT_TOO_LARGE', message, { details }),
  );
}

/**
 * Undefined for a state above `maxBytes`. Reset first: what a failed attempt left in memory is not
 * where the pipeline begins.
 */
async function initialState(
  pass: RecoveryPass,
  name: string,
  operator: Operator,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  return askParticipant(pass, `the initial state of operator ${name}`, async (signal) => {
    await operator.reset();
    const snapshot = operator.capture();
    try {
      return await bytesOf(await snapshot.encode({ signal }), maxBytes);
    } finally {
      release(pass, name, snapshot);
    }
  });
}

/** Its state has been taken by then: what it cannot give back refuses no start. */
function release({ request }: RecoveryPass, operator: string, snapshot: OperatorSnapshot): void {
  try {
    snapshot.release?.();
  } catch (error) {
    request.ports.logger.warn({ operator, err: error }, 'an operator could not release a snapshot');
  }
}

/** What is above the limit is never collected: the iteration ends at the chunk that exceeds it. */
async function bytesOf(state: EncodedState, maxBytes: number): Promise<Uint8Array | undefined> {
  if (state instanceof Uint8Array) {
    // A copy here, too: the snapshot is released before all states are collected.
    return state.byteLength > maxBytes ? undefined : new Uint8Array(state);
  }
  const chunks: Uint8Array[] = [];
  let byteLength = 0;
  for await (const chunk of state) {
    byteLength += chunk.byteLength;
    if (byteLength > maxBytes) return undefined;
    // A copy: the operator may fill its chunk again for the next one.
    chunks.push(Uint8Array.from(chunk));
  }
  return Buffer.concat(chunks);
}
