// Step 2: captured states become bytes, and are measured before anything is prepared.

import { createHash } from 'node:crypto';
import { TidegateError } from '../../../errors.js';
import type { EncodedState, OperatorSnapshot } from '../../../contracts/operator.js';
import type { Attempt, StepInput } from '../attempt.js';
import { forEachBounded } from '../../../runtime/for-each-bounded.js';
import type { Cut } from '../pending-cut.js';
import { couldNotEncode, StateStream, type StateStreams } from '../state-stream.js';

/** A state of known size, or one that is only measured while it streams into the sidecar. */
type LargeState =
  | { readonly kind: 'buffer'; readonly bytes: Uint8Array }
  | { readonly kind: 'stream'; readonly chunks: AsyncIterable<Uint8Array> };

export interface EncodedStates {
  readonly inline: ReadonlyMap<string, Uint8Array>;
  /** These go to the sidecar, in the order of their names. */
  readonly large: ReadonlyMap<string, LargeState>;
  readonly tableStorePath: string | undefined;
  /** Bytes that are known so far; streams add theirs in step 4. */
  readonly knownByteLength: number;
  /** Under `checkStateAliasing`: what each buffer was when it was encoded. */
  readonly fingerprints: ReadonlyMap<string, StateFingerprint>;
}

/** The buffer that an operator gave, and what was in it then. */
export interface StateFingerprint {
  readonly bytes: Uint8Array;
  readonly sha256: string;
}

type SplitStates = Omit<EncodedStates, 'tableStorePath' | 'fingerprints'>;

const noFingerprints: ReadonlyMap<string, StateFingerprint> = new Map();

interface EncodeRequest {
  readonly operator: string;
  readonly snapshot: OperatorSnapshot;
  /** A larger state goes to the sidecar. */
  readonly threshold: number;
}

/** How many operators encode at once: each may hold one state in memory. */
const encodeConcurrency = 4;

export async function encodeStates(
  { attempt, cut }: StepInput & { readonly cut: Cut },
  signal: AbortSignal,
): Promise<EncodedStates> {
  const { options } = attempt.context;
  refuseByEstimate(cut.snapshots, options.maxCheckpointBytes);
  const states = new Map<string, Uint8Array | LargeState>();
  const snapshots = [...cut.snapshots];
  const concurrency = { concurrency: encodeConcurrency, signal };
  await forEachBounded(snapshots, concurrency, async ([operator, snapshot]) => {
    const threshold = options.stateInlineThresholdBytes;
    const request = { operator, snapshot, threshold };
    states.set(operator, await encodeOne(request, attempt.streams, signal));
  });
  const names = [...states.keys()].sort();
  const encoded = split(names, states, options.maxInlineBytes);
  const fingerprints = options.checkStateAliasing ? fingerprintsOf(encoded) : noFingerprints;
  refuseTooLarge(encoded, options.maxCheckpointBytes);
  const tableStorePath = await checkpointTables(attempt, signal);
  return { ...encoded, tableStorePath, fingerprints };
}

async function checkpointTables(
  { context, barrier }: Attempt,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { tableStore } = context.participants;
  if (tableStore === undefined) return undefined;
  const { checkpointId } = barrier;
  let path: unknown;
  try {
    path = await tableStore.checkpoint({ checkpointId }, { signal });
  } catch (error) {
    throw tablesFailed('could not take its checkpoint', error);
  }
  // Without a path the tables would start empty after the next crash.
  if (typeof path === 'string' && path !== '') return path;
  throw tablesFailed(
    `gave no path to its checkpoint, but ${path === '' ? 'an empty text' : typeof path}`,
  );
}

function tablesFailed(how: string, cause?: unknown): TidegateError {
  return new TidegateError('TIDEGATE_PARTICIPANT', `the table store ${how}`, {
    cause,
    details: { participant: 'tableStore', step: 'snapshot' },
  });
}

async function encodeOne(
  { operator, snapshot, threshold }: EncodeRequest,
  streams: StateStreams,
  signal: AbortSignal,
): Promise<Uint8Array | LargeState> {
  let state: Uint8Array | StateStream;
  try {
    const encoded: EncodedState = await snapshot.encode({ signal });
    state = encoded instanceof Uint8Array ? encoded : new StateStream(operator, encoded);
  } catch (error) {
    throw couldNotEncode(operator, 'snapshot', error);
  }
  if (state instanceof StateStream) return readUpTo(threshold, state, streams);
  return state.byteLength > threshold ? { kind: 'buffer', bytes: state } : state;
}

/** A stream that ends below the threshold is inline; otherwise what was read goes in front of it. */
async function readUpTo(
  threshold: number,
  stream: StateStream,
  streams: StateStreams,
): Promise<Uint8Array | LargeState> {
  const head: Uint8Array[] = [];
  let byteLength = 0;
  // Late, there is nothing to read it for: it is given up before its first chunk.
  const isWanted = streams.add(stream);
  if (!isWanted) await stream.giveUp();
  while (byteLength <= threshold && isWanted) {
    const chunk = await stream.next('snapshot');
    if (chunk === undefined) return Buffer.concat(head);
    head.push(chunk);
    byteLength += chunk.byteLength;
  }
  return { kind: 'stream', chunks: headThenRest(head, stream) };
}

async function* headThenRest(
  head: readonly Uint8Array[],
  rest: StateStream,
): AsyncGenerator<Uint8Array> {
  try {
    yield* head;
    for (;;) {
      const chunk = await rest.next('sidecar');
      if (chunk === undefined) return;
      yield chunk;
    }
  } finally {
    await rest.giveUp();
  }
}

/** The largest inline states go to the sidecar, until the rest fits into the manifest. */
function split(
  names: readonly string[],
  states: ReadonlyMap<string, Uint8Array | LargeState>,
  maxInlineBytes: number,
): SplitStates {
  const inline = new Map<string, Uint8Array>();
  const large = new Map<string, LargeState>();
  let inlineByteLength = 0;
  let knownByteLength = 0;
  for (const name of names) {
    const state = states.get(name);
    if (state === undefined) continue;
    if (state instanceof Uint8Array) {
      inline.set(name, state);
      inlineByteLength += state.byteLength;
      knownByteLength += state.byteLength;
    } else {
      large.set(name, state);
      if (state.kind === 'buffer') knownByteLength += state.bytes.byteLength;
    }
  }
  if (inlineByteLength > maxInlineBytes) {
    const bySize = [...inline].sort(([, left], [, right]) => right.byteLength - left.byteLength);
    for (const [name, bytes] of bySize) {
      if (inlineByteLength <= maxInlineBytes) break;
      inline.delete(name);
      large.set(name, { kind: 'buffer', bytes });
      inlineByteLength -= bytes.byteLength;
    }
  }
  return { inline, large, knownByteLength };
}

function refuseByEstimate(
  snapshots: ReadonlyMap<string, OperatorSnapshot>,
  maxBytes: number,
): void {
  const estimates = [...snapshots].map(
    ([name, snapshot]) => [name, snapshot.estimatedByteLength ?? 0] as const,
  );
  refuseAbove(estimates, maxBytes);
}

function refuseTooLarge(states: SplitStates, maxBytes: number): void {
  const sizes = [...states.inline].map(([name, bytes]) => [name, bytes.byteLength] as const);
  for (const [name, state] of states.large) {
    sizes.push([name, state.kind === 'buffer' ? state.bytes.byteLength : 0]);
  }
  refuseAbove(sizes, maxBytes);
}

function refuseAbove(sizes: readonly (readonly [string, number])[], maxBytes: number): void {
  const byteLength = sizes.reduce((sum, [, size]) => sum + size, 0);
  if (byteLength <= maxBytes) return;
  const largest = [...sizes].sort(([, left], [, right]) => right - left).slice(0, 3);
  const names = largest.map(([name, size]) => `${name} (${size} bytes)`).join(', ');
  throw new TidegateError(
    'TIDEGATE_CHECKPOINT_TOO_LARGE',
    `operator states have ${byteLength} bytes, maxCheckpointBytes is ${maxBytes}; largest: ${names}`,
    { details: { byteLength, maxBytes } },
  );
}

function fingerprintsOf(states: SplitStates): ReadonlyMap<string, StateFingerprint> {
  const fingerprints = new Map<string, StateFingerprint>();
  for (const [name, bytes] of states.inline) fingerprints.set(name, fingerprintOf(bytes));
  for (const [name, state] of states.large) {
    if (state.kind === 'buffer') fingerprints.set(name, fingerprintOf(state.bytes));
  }
  return fingerprints;
}

export function fingerprintOf(bytes: Uint8Array): StateFingerprint {
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}
