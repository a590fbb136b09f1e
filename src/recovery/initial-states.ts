// The states that operators begin with, split between manifest and sidecar as those of any checkpoint.

import { Readable } from 'node:stream';
import { assert } from '../assert.js';
import type { EncodedState, Operator, OperatorSnapshot } from '../contracts/operator.js';
import { TidegateError } from '../errors.js';
import type { CheckpointId } from '../ids.js';
import { externalOperatorState, inlineOperatorState } from '../manifest/operator-state.js';
import type { OperatorCheckpoint } from '../manifest/types.js';
import { inlineStateDigest } from '../store/state-checks.js';
import { RoundEnded, timeoutFor } from './ask.js';
import { askParticipant } from './participant-call.js';
import type { StateLimits } from './request.js';
import { write, type Round } from './round.js';

export interface InitialStates {
  readonly entries: ReadonlyMap<string, OperatorCheckpoint>;
  readonly checksum: string | undefined;
}

/** Asks every operator for its first state; the large ones are in the sidecar when this returns. */
export async function initialStates(round: Round, id: CheckpointId): Promise<InitialStates> {
  const states = await encodedStates(round);
  const large = namesOfLarge(states, round.request.options);
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
  const inlineDigest = inlineStateDigest(entries);
  if (sidecar.length === 0) return { entries, checksum: inlineDigest };
  const maxBytes = byteOffset;
  const receipt = await write(
    round,
    `writing the initial states of checkpoint ${id}`,
    (signal) =>
      round.store.writeSidecar(id, Readable.from(sidecar), { maxBytes, inlineDigest, signal }),
    timeoutFor(round.patience.callTimeoutMs, byteOffset),
  );
  assert(receipt.byteLength === byteOffset, `the sidecar of checkpoint ${id} is not complete`);
  return { entries, checksum: receipt.sha256 };
}

/** In the order of names, as every checkpoint has them in its sidecar. */
async function encodedStates(round: Round): Promise<ReadonlyMap<string, Uint8Array>> {
  const { participants, options } = round.request;
  const states = new Map<string, Uint8Array>();
  let byteLength = 0;
  for (const name of [...participants.operators.keys()].sort()) {
    const operator = participants.operators.get(name);
    if (operator === undefined) continue;
    const left = options.maxCheckpointBytes - byteLength;
    const bytes = await initialState(round, name, operator, left);
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

function tooLarge(operator: string, { maxCheckpointBytes }: StateLimits): RoundEnded {
  const message =
    `the initial states have more than maxCheckpointBytes (${maxCheckpointBytes} bytes) ` +
    `together with that of operator ${operator}`;
  const details = { operator, maxBytes: maxCheckpointBytes };
  return new RoundEnded(
    'refused',
    new TidegateError('TIDEGATE_CHECKPOINT_TOO_LARGE', message, { details }),
  );
}

/**
 * Undefined for a state above `maxBytes`. Reset first: what a failed attempt left in memory is not
 * where the pipeline begins.
 */
async function initialState(
  round: Round,
  name: string,
  operator: Operator,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  return askParticipant(round, `the initial state of operator ${name}`, async (signal) => {
    await operator.reset();
    const snapshot = operator.capture();
    try {
      return await bytesOf(await snapshot.encode({ signal }), maxBytes);
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
