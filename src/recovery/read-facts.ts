// Reads what recovery decides on, behind the fence. An error is never an answer.

import { classify, baseOf, isReadable, newestOf, type ReadableCheckpoint } from './candidates.js';
import { handleOf, statusOf, sinksToCommit } from '../manifest/sinks.js';
import { isTwoPhase, type Inspection, type SinkInspector } from '../contracts/sink.js';
import { toError } from '../errors.js';
import type { CheckpointId } from '../ids.js';
import { tryDecodeInlineState } from '../manifest/operator-state.js';
import type { LoadedCheckpoint, SkippedEntry, StoreReader } from '../store/checkpoint-store.js';
import { ask, throwIfAborted, timeoutFor, type Answer, type RetryBudget } from './ask.js';
import { checkedAnswer } from './pass.js';
import type { RecoveryFacts, SinkAnswer, SinkFacts, StoredCheckpoint, StoreFact } from './facts.js';
import { readMarkersOfOtherStore, toSinkAnswer } from './open-sinks.js';
import type { RecoveryRequest } from './request.js';

/** What recovery is asked, without the right to write: what a dry run has too. */
export type Question = Omit<RecoveryRequest, 'store'>;

export interface ReadRequest {
  readonly question: Question;
  readonly store: StoreReader;
  /** The two-phase sinks that were opened. */
  readonly inspectors: ReadonlyMap<string, SinkInspector>;
  /** How the opening of every sink ended. */
  readonly answers: ReadonlyMap<string, SinkAnswer>;
  readonly budget: RetryBudget;
  readonly isInDoubtTimeoutReached: boolean;
}

export interface Reading {
  readonly facts: RecoveryFacts;
  /** The checkpoints that were verified. */
  readonly loaded: ReadonlyMap<CheckpointId, LoadedCheckpoint>;
}

/** Reads the store, then asks each two-phase sink about the checkpoints that may be resumed. */
export async function readFacts(request: ReadRequest): Promise<Reading> {
  const { question, store, answers, inspectors } = request;
  const stored = await readStore(request);
  const sinks = new Map<string, SinkFacts>();
  const inspections = new Map<CheckpointId, Map<string, Inspection>>();
  const asked = [...question.participants.sinks].map(async ([name, sink]) => {
    const opened = answers.get(name) ?? { kind: 'not-asked' };
    const facts = { twoPhase: isTwoPhase(sink), answer: opened, lastCommitted: undefined };
    const inspector = inspectors.get(name);
    sinks.set(name, facts);
    if (inspector === undefined || stored.fact.kind !== 'read') return;
    const said = await askSink(request, stored.checkpoints, name, inspector);
    const { answer, lastCommitted, warnings } = said;
    sinks.set(name, { ...facts, answer, lastCommitted, warnings });
    for (const [id, inspection] of said.inspections) {
      inspections.set(
        id,
        (inspections.get(id) ?? new Map<string, Inspection>()).set(name, inspection),
      );
    }
  });
  await Promise.all(asked);
  const elsewhere = await readMarkersOfOtherStore(question.participants, store, request);
  for (const [name, lastCommittedElsewhere] of elsewhere) {
    const facts = sinks.get(name);
    if (facts !== undefined) sinks.set(name, { ...facts, lastCommittedElsewhere });
  }
  throwIfAborted(question.signal);
  const checkpoints = stored.checkpoints.map((checkpoint) => ({
    ...checkpoint,
    inspections: inspections.get(checkpoint.id) ?? new Map<string, Inspection>(),
  }));
  const facts = {
    ...settingsOf(question),
    store: stored.fact,
    storeId: store.storeId,
    ...(store.place === undefined ? {} : { storePlace: store.place }),
    checkpoints,
    skipped: stored.skipped,
    storeWarnings: stored.warnings,
    sinks,
    isInDoubtTimeoutReached: request.isInDoubtTimeoutReached,
  };
  return { facts, loaded: stored.loaded };
}

function settingsOf({
  participants,
  options,
  ...question
}: Question): Omit<
  RecoveryFacts,
  | 'store'
  | 'storeId'
  | 'storePlace'
  | 'checkpoints'
  | 'skipped'
  | 'storeWarnings'
  | 'sinks'
  | 'isInDoubtTimeoutReached'
> {
  return {
    topology: {
      sources: new Set(participants.sources.keys()),
      operators: new Set(participants.operators.keys()),
      shapes: participants.operators,
      tables: new Set(participants.tables.keys()),
      hasTableStore: participants.tableStore !== undefined,
      pipelineHash: question.pipelineHash,
      vnodeCount: options.vnodeCount,
    },
    occasion: question.occasion,
    inDoubtPolicy: options.inDoubtPolicy,
    strictness: options.strictness,
    pipelineHashMismatch: options.pipelineHashMismatch,
    restoreFrom: question.restoreFrom,
  };
}

interface StoreReading {
  readonly fact: StoreFact;
  readonly checkpoints: readonly StoredCheckpoint[];
  readonly skipped: readonly SkippedEntry[];
  readonly warnings: readonly string[];
  readonly loaded: ReadonlyMap<CheckpointId, LoadedCheckpoint>;
}

const nothing = {
  checkpoints: [],
  skipped: [],
  warnings: [],
  loaded: new Map<CheckpointId, LoadedCheckpoint>(),
};

/**
 * Scans the store and verifies N; unless that is complete and intact, also the complete ones below
 * it until one holds. The latest pointer is not asked: it may be lost or dangle.
 */
async function readStore({ question, store, budget }: ReadRequest): Promise<StoreReading> {
  const loaded = new Map<CheckpointId, LoadedCheckpoint>();
  const listings = await ask(budget, (signal) => store.list({ signal }));
  throwIfAborted(question.signal);
  if (listings.kind !== 'answered') return { ...nothing, fact: listings };
  const looked = await ask(budget, async (signal) => ({
    skipped: (await store.skipped?.({ signal })) ?? [],
    warnings: (await store.warnings?.({ signal })) ?? [],
  }));
  throwIfAborted(question.signal);
  if (looked.kind !== 'answered') return { ...nothing, fact: looked };
  const found = { loaded, ...looked.value };
  const byteLengths = new Map(listings.value.map(({ id, byteLength }) => [id, byteLength]));
  let checkpoints = classify(listings.value);
  for (;;) {
    const next = nextToVerify(checkpoints, loaded, question.restoreFrom?.checkpointId);
    if (next === undefined) return { fact: { kind: 'read' }, checkpoints, ...found };
    const timeoutMs = timeoutFor(budget.callTimeoutMs, byteLengths.get(next.id) ?? 0);
    const answer = await ask({ ...budget, callTimeoutMs: timeoutMs }, (signal) =>
      loadVerified(store, next.id, signal),
    );
    throwIfAborted(question.signal);
    if (answer.kind !== 'answered') return { fact: answer, checkpoints, ...found };
    const verdict = answer.value;
    if (verdict.kind === 'intact') loaded.set(next.id, verdict.checkpoint);
    checkpoints = checkpoints.map((stored) => (stored === next ? verified(next, verdict) : stored));
  }
}

function nextToVerify(
  checkpoints: readonly StoredCheckpoint[],
  loaded: ReadonlyMap<CheckpointId, LoadedCheckpoint>,
  chosen: CheckpointId | undefined,
): StoredCheckpoint | undefined {
  const isOpen = ({ id, state }: StoredCheckpoint) =>
    !loaded.has(id) && (state === 'complete' || state === 'in-doubt');
  const newest = newestOf(checkpoints);
  if (newest === undefined) return undefined;
  if (isOpen(newest)) return newest;
  const wanted = checkpoints.find(({ id }) => id === chosen);
  if (wanted !== undefined && isOpen(wanted)) return wanted;
  if (newest.state === 'complete' || baseOf(checkpoints) !== undefined) return undefined;
  return checkpoints.find((stored) => stored.state === 'complete' && isOpen(stored));
}

type Verdict =
  | { readonly kind: 'intact'; readonly checkpoint: LoadedCheckpoint }
  | { readonly kind: 'corrupt'; readonly problem: Error };

/** Damage is an answer; any other error is not, and is asked again. */
async function loadVerified(
  store: StoreReader,
  id: CheckpointId,
  signal: AbortSignal,
): Promise<Verdict> {
  try {
    const checkpoint = await store.load(id, { signal });
    for (const state of checkpoint.manifest.operatorStates.values()) tryDecodeInlineState(state);
    return { kind: 'intact', checkpoint };
  } catch (error) {
    const problem = toError(error);
    if (isDamage(problem)) return { kind: 'corrupt', problem };
    throw problem;
  }
}

function isDamage(problem: Error): boolean {
  return 'kind' in problem && problem.kind === 'corrupt';
}

function verified(stored: StoredCheckpoint, verdict: Verdict): StoredCheckpoint {
  if (verdict.kind === 'intact') {
    return { ...stored, isIntact: true, manifest: verdict.checkpoint.manifest };
  }
  return { ...stored, state: 'corrupt', problem: verdict.problem };
}

interface SinkSaid {
  readonly answer: SinkAnswer;
  readonly lastCommitted: CheckpointId | undefined;
  readonly warnings: readonly string[];
  readonly inspections: ReadonlyMap<CheckpointId, Inspection>;
}

/** One question at a time: some sinks have one connection. */
async function askSink(
  { budget }: ReadRequest,
  checkpoints: readonly StoredCheckpoint[],
  sink: string,
  inspector: SinkInspector,
): Promise<SinkSaid> {
  const inspections = new Map<CheckpointId, Inspection>();
  const last = await ask(budget, (signal) => inspector.lastCommitted({ signal }));
  const lastCommitted = last.kind === 'answered' ? last.value : undefined;
  const warned = await ask(budget, async (signal) => {
    return (await inspector.warnings?.({ signal })) ?? [];
  });
  const warnings = warned.kind === 'answered' ? warned.value : [];
  let answer: Answer<unknown> = last.kind === 'answered' ? warned : last;
  for (const stored of checkpoints.filter(isReadable)) {
    if (answer.kind !== 'answered') break;
    if (!stored.isIntact || !isConcerned(stored, sink)) continue;
    const handle = handleOf(stored.manifest, sink);
    const checkpointId = stored.id;
    // Markers rise: a sink that has committed a later one was not set back behind this one, and may
    // have pruned its marker. A savepoint has to be restorable all the same.
    if (isCommittedIn(stored, sink) && checkpointId < (lastCommitted ?? 0)) {
      inspections.set(stored.id, 'committed');
      continue;
    }
    const inspection = await ask(budget, async (signal) =>
      checkedAnswer(
        `inspect of sink ${sink}`,
        await inspector.inspect({ checkpointId, handle }, { signal }),
        possibleAnswers,
      ),
    );
    if (inspection.kind === 'answered') inspections.set(stored.id, inspection.value);
    answer = inspection;
  }
  return { answer: toSinkAnswer(answer), lastCommitted, warnings, inspections };
}

function isCommittedIn({ manifest }: ReadableCheckpoint, sink: string): boolean {
  return statusOf(manifest, sink).kind === 'committed';
}

const possibleAnswers: readonly Inspection[] = ['committed', 'prepared', 'absent', 'unsupported'];

/** Asked where the sink is in doubt, and where a handle can show that it was set back. */
function isConcerned(stored: ReadableCheckpoint, sink: string): boolean {
  const { manifest } = stored;
  if (!sinksToCommit(manifest).has(sink)) return false;
  return !isCommittedIn(stored, sink) || handleOf(manifest, sink) !== undefined;
}
