// A generation: its open sinks, and its state since recovery.

import type { Flow, SinkWriter, SourcePatience } from '../../contracts/barrier.js';
import {
  isTwoPhase,
  type Sink,
  type FlushingSinkSession,
  type SinkSession,
  type TwoPhaseSink,
  type TwoPhaseSinkSession,
} from '../../contracts/sink.js';
import { assert } from '../../assert.js';
import { TidegateError } from '../../errors.js';
import { contractProblem } from '../../given.js';
import type { CheckpointId, Epoch, Generation as GenerationNumber } from '../../ids.js';
import type { RecoveryOutcome } from '../../recovery/request.js';
import { withDeadline, type BoundedOutcome } from '../../runtime/deadline.js';
import type { LogFields } from '../../runtime/logger.js';
import type { Timer } from '../../runtime/clock.js';
import type { OwnedStore } from '../../store/checkpoint-store.js';
import type { PersistedManifest } from '../../store/persisted-manifest.js';
import type { StepContext } from '../context.js';
import type { Named, WritersOf } from '../options/coordinator-options.js';
import { BufferedSinkWriter } from '../dataflow/sink-writer.js';

interface Opened {
  readonly name: string;
  /** Where records go: passes them on, or holds those of the next epoch back. */
  readonly writer: BufferedSinkWriter;
}

/** A sink that is open in a generation. */
export type OpenSink =
  | (Opened & {
      readonly kind: 'two-phase';
      readonly durability: TwoPhaseSink['durability'];
      readonly session: TwoPhaseSinkSession;
    })
  | (Opened & { readonly kind: 'flushing'; readonly session: FlushingSinkSession });

export interface Generation {
  readonly number: GenerationNumber;
  readonly store: OwnedStore;
  readonly sinks: ReadonlyMap<string, OpenSink>;
  /** The newest complete checkpoint. */
  base: PersistedManifest;
  /** Epoch of the next cut; an abandoned attempt leaves it to the next one. */
  nextEpoch: Epoch;
  /** Last committed epoch of each sink; absent before its first commit. */
  readonly sinkEpochs: Map<string, number>;
  /** Handle that each sink gave last: one given again for another attempt is a sink's mistake. */
  readonly lastHandles: Map<string, string>;
  /** The one checkpoint that may be durable and whose commit is not. */
  inDoubt: CheckpointId | undefined;
  /** Pre-commits that are under way or have ended without a manifest that names them. */
  unrecorded: { readonly settled: () => Promise<unknown> } | undefined;
  /** Acknowledgements that a source that is away has not taken, by source. */
  readonly owedAcknowledgements: Map<string, { timer?: Timer; call?: Promise<void> }>;
  /** Its sinks are being closed, or are; once is enough. */
  closing?: Promise<void>;
}

/** A write failed: only recovery can repair it. */
export type WriteFailed = (error: unknown) => void;

const members = {
  'two-phase': ['write', 'preCommit', 'commit', 'rollback'],
  flushing: ['write', 'flush'],
} as const;

/** @throws TidegateError `TIDEGATE_PARTICIPANT` for a sink that opened as something else than it declares. */
export async function requireSessions(
  context: StepContext,
  sessions: ReadonlyMap<string, SinkSession>,
): Promise<void> {
  const problems = [...sessions].flatMap(([name, session]) => {
    const sink = context.participants.sinks.get(name);
    const kind = sink !== undefined && isTwoPhase(sink) ? 'two-phase' : 'flushing';
    const problem = contractProblem(session, members[kind]);
    return problem === undefined ? [] : [`what sink ${name} opens ${problem}`];
  });
  if (problems.length === 0) return;
  await closeEach(context, sessions, context.options.timeouts.callMs);
  throw new TidegateError('TIDEGATE_PARTICIPANT', problems.join('; '));
}

/** A generation as recovery leaves it: sinks open, everything put back to one checkpoint. */
export function openGeneration(
  context: StepContext,
  outcome: Extract<RecoveryOutcome, { readonly kind: 'resumed' }>,
  failed: WriteFailed,
): Generation {
  const { store, base, nextEpoch } = outcome;
  const sinks = new Map<string, OpenSink>();
  for (const opened of outcome.sinks) {
    const sink = openSink(context, store.generation, opened, failed);
    sinks.set(sink.name, sink);
  }
  return {
    number: store.generation,
    store,
    sinks,
    base,
    nextEpoch,
    sinkEpochs: new Map(base.manifest.sinkEpochs),
    lastHandles: new Map(),
    owedAcknowledgements: new Map(),
    inDoubt: undefined,
    unrecorded: undefined,
  };
}

function openSink(
  context: StepContext,
  generation: GenerationNumber,
  [name, session]: readonly [string, SinkSession],
  failed: WriteFailed,
): OpenSink {
  const { options, participants, events } = context;
  const sink = participants.sinks.get(name);
  assert(sink !== undefined, `recovery opened a sink ${name} that is not registered`);
  const writer = new BufferedSinkWriter({
    sink: name,
    generation,
    maxQueuedRecords: options.maxQueuedRecords,
    maxQueuedBytes: options.maxQueuedBytes,
    write: (records) => session.write(records),
    failed: (error) => {
      events.emit('participant-error', { what: `a write to sink ${name} failed`, error });
      failed(error);
    },
  });
  const opened = { name, writer };
  if (isTwoPhase(sink) && 'preCommit' in session) {
    return { ...opened, kind: 'two-phase', durability: sink.durability, session };
  }
  assert('flush' in session, `the session of sink ${name} was not looked at`);
  return { ...opened, kind: 'flushing', session };
}

/** Lets its records flow; false when the dataflow could not begin. */
export function resumeFlow(
  context: StepContext,
  generation: Generation,
  failed: (error: unknown) => void,
): boolean {
  const { barriers, events } = context;
  const flow: Flow = {
    generation: generation.number,
    sinks: new Map([...generation.sinks].map(([name, { writer }]) => [name, writer])),
    // One microtask later: the resumption is in the middle of a step of the life.
    failed: (error) => queueMicrotask(() => failed(error)),
    troubled: (records) => events.emit('records-troubled', records),
    patience: patienceOf(context),
  };
  try {
    barriers.resume(flow);
    return true;
  } catch (error) {
    failed(error);
    return false;
  }
}

/** A source that is away is waited for as long as a sink is that does not answer. */
export function patienceOf({
  clock,
  random,
  logger,
  options,
  events,
}: StepContext): SourcePatience {
  return {
    clock,
    random,
    giveUpAfterMs: options.timeouts.inDoubtMs,
    waiting: (waiting) => {
      logger.warn({ ...waiting }, 'a source fails, and is asked again');
      events.emit('source-waiting', waiting);
    },
    back: (back) => {
      logger.info({ ...back }, 'a source is back');
      events.emit('source-back', back);
    },
  };
}

/**
 * Rolls back what was prepared by an attempt whose manifest was never begun to be written: nothing
 * names it, and while no later owner comes its locks would stay. Never when a manifest may be there.
 */
export async function discardUnrecorded(
  context: StepContext,
  generation: Generation,
  timeoutMs: number,
): Promise<void> {
  const { clock, logger } = context;
  if (generation.unrecorded === undefined || generation.inDoubt !== undefined) return;
  // A pre-commit that is still under way would land behind the roll back.
  const { unrecorded } = generation;
  const rest = await withDeadline({ clock, timeoutMs }, () => unrecorded.settled());
  if (rest.kind !== 'answered') return;
  const discarding = [...generation.sinks.values()].map(async (sink) => {
    if (sink.kind !== 'two-phase') return;
    const outcome = await withDeadline({ clock, timeoutMs }, (signal) =>
      sink.session.rollback({ keep: [] }, { signal }),
    );
    if (outcome.kind === 'answered') return;
    logger.warn(
      { sink: sink.name, ...unanswered(outcome) },
      'what a sink had prepared could not be rolled back',
    );
  });
  await Promise.all(discarding);
}

/** Closes the sinks of a generation, each within its bound; a failure here is only logged. */
export function closeSinks(
  context: StepContext,
  generation: Generation,
  timeoutMs: number = context.options.timeouts.callMs,
): Promise<void> {
  const sessions = [...generation.sinks.values()].map(
    ({ name, session }) => [name, session] as const,
  );
  generation.closing ??= closeEach(context, sessions, timeoutMs);
  return generation.closing;
}

async function closeEach(
  { clock, logger }: StepContext,
  sessions: Iterable<readonly [string, SinkSession]>,
  timeoutMs: number,
): Promise<void> {
  const closing = [...sessions].map(async ([name, session]) => {
    const outcome = await withDeadline({ clock, timeoutMs }, () => session.close?.());
    if (outcome.kind !== 'answered') {
      logger.warn({ sink: name, ...unanswered(outcome) }, 'a sink could not be closed');
    }
  });
  await Promise.all(closing);
}

/** How a call came to nothing, for the log. */
export function unanswered(outcome: BoundedOutcome<unknown>): LogFields {
  return { outcome: outcome.kind, ...(outcome.kind === 'failed' ? { err: outcome.error } : {}) };
}

/** By the names of the sinks. */
export function writersOf<Sinks extends Named<Sink>>(
  sinks: ReadonlyMap<string, OpenSink>,
): WritersOf<Sinks> {
  const writers = [...sinks].map(([name, { writer }]): [string, SinkWriter] => [name, writer]);
  return Object.freeze(Object.fromEntries(writers)) as WritersOf<Sinks>;
}
