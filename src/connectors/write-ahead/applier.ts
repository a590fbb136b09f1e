// How a staged epoch reaches the wrapped sink: with that sink's own marker, or by key and a marker here.

import type { CheckpointId } from '../../ids.js';
import type {
  FlushingSink,
  PreCommitRequest,
  RecordForm,
  Sink,
  SinkInspector,
  SinkOwner,
  TwoPhaseSink,
  TwoPhaseSinkSession,
} from '../../contracts/sink.js';
import { durabilityProblem, isTwoPhase } from '../../contracts/sink.js';
import type { CallOptions } from '../../contracts/source.js';
import { TidegateError } from '../../errors.js';
import { contractProblem } from '../../given.js';
import type { MarkerFolding } from '../staging/marker-folding.js';
import type { Markers } from './markers.js';

/** What is left to do when an epoch is committed. */
export interface Applier<Rec> {
  /** Of the wrapped sink. */
  readonly recordForm: RecordForm<Rec> | undefined;
  isApplied(id: CheckpointId, options: CallOptions): Promise<boolean>;
  lastApplied(options: CallOptions): Promise<CheckpointId | undefined>;
  /**
   * The commit point where the wrapped sink has no marker of its own: from here on the epoch is
   * applied, if need be by the next opening, and never rolled back. It comes before the first
   * record, so that nothing is visible of an epoch that can still be rolled back.
   */
  mark?(id: CheckpointId): Promise<void>;
  /** Writes the whole epoch, with the wrapped sink's marker where it has one. */
  apply(
    request: PreCommitRequest,
    records: AsyncIterable<readonly Rec[]>,
    options: CallOptions,
  ): Promise<void>;
  /** What the wrapped sink has prepared itself: it was used unwrapped before, as a durable one. */
  readonly left?: LeftPrepared;
  close(): Promise<void>;
}

type LeftPrepared = Pick<
  TwoPhaseSinkSession,
  'inspect' | 'listPrepared' | 'warnings' | 'commit' | 'rollback'
>;
type LeftToRead = Pick<LeftPrepared, 'inspect' | 'listPrepared' | 'warnings'>;

/** How commits are remembered where the wrapped sink does not. */
export interface Marking {
  readonly markers: Markers;
  readonly folding: MarkerFolding;
  /** Staging directory of the owner. */
  readonly staging: string;
}

/** @throws TidegateError `TIDEGATE_WRITE_AHEAD_OPTIONS` for a sink that could be written twice. */
export function checkWrappable<Rec>(inner: Sink<Rec>): void {
  const problem = contractProblem(inner, ['open']) ?? durabilityProblem(inner.durability);
  if (problem !== undefined) {
    throw new TidegateError('TIDEGATE_WRITE_AHEAD_OPTIONS', `the wrapped sink ${problem}`);
  }
  if (isTwoPhase(inner) ? inner.durability !== 'durable' : isOrderedByKey(inner)) return;
  throw new TidegateError(
    'TIDEGATE_WRITE_AHEAD_OPTIONS',
    inner.durability === 'idempotent'
      ? 'the wrapped sink is idempotent but does not order its writes: a late write of an overtaken ' +
          'owner could take a key back in time'
      : `a sink of durability ${inner.durability} cannot be wrapped`,
  );
}

export async function openApplier<Rec>(
  inner: Sink<Rec>,
  owner: SinkOwner,
  marking: Marking,
  options: CallOptions,
): Promise<Applier<Rec>> {
  return isTwoPhase(inner)
    ? openMarking(inner, owner, options)
    : openByKey(inner, owner, marking, options);
}

export interface MarkerReader extends Pick<Applier<never>, 'isApplied' | 'lastApplied' | 'close'> {
  readonly left?: LeftToRead;
}

/** The questions only, of whichever sink keeps the markers. */
export async function openMarkerReader<Rec>(
  inner: Sink<Rec>,
  identity: Omit<SinkOwner, 'generation'>,
  markers: Markers,
  options: CallOptions,
): Promise<MarkerReader> {
  if (!isTwoPhase(inner)) return { ...byMarkers(markers), close: () => Promise.resolve() };
  const inspector = await inner.openReadOnly(identity, options);
  return { ...byInspector(inspector), left: inspector, close: async () => inspector.close?.() };
}

async function openMarking<Rec>(
  inner: TwoPhaseSink<Rec>,
  owner: SinkOwner,
  options: CallOptions,
): Promise<Applier<Rec>> {
  const session = await inner.open(owner, options);
  let isHalfWritten = false;
  return {
    ...byInspector(session),
    recordForm: session.recordForm,
    left: session,
    async apply(request, records, call) {
      if (isHalfWritten) {
        // Writing again would put the records twice into its open epoch.
        throw new TidegateError(
          'TIDEGATE_SINK_WRITE_FAILED',
          `the sink behind ${owner.sink} was left in the middle of an epoch`,
        );
      }
      isHalfWritten = true;
      for await (const batch of records) await session.write(batch);
      const { handle } = await session.preCommit(request, call);
      const outcome = await session.commit(handle, call);
      if (outcome !== 'absent') {
        isHalfWritten = false;
        return;
      }
      throw new TidegateError(
        'TIDEGATE_SINKS_UNSETTLED',
        `the sink behind ${owner.sink} lost checkpoint ${request.checkpointId} between two calls`,
      );
    },
    close: async () => session.close?.(),
  };
}

async function openByKey<Rec>(
  inner: FlushingSink<Rec>,
  owner: SinkOwner,
  { markers, folding, staging }: Marking,
  options: CallOptions,
): Promise<Applier<Rec>> {
  const session = await inner.open(owner, options);
  return {
    ...byMarkers(markers),
    recordForm: session.recordForm,
    mark: (id) => markers.add(staging, id),
    async apply(_request, records, call) {
      for await (const batch of records) await session.write(batch);
      await session.flush(call);
      await folding.afterCommit();
    },
    close: async () => session.close?.(),
  };
}

function byInspector(inspector: SinkInspector): Pick<Applier<never>, 'isApplied' | 'lastApplied'> {
  return {
    async isApplied(checkpointId, options) {
      const answer = await inspector.inspect({ checkpointId }, options);
      if (answer !== 'unsupported') return answer === 'committed';
      throw new TidegateError(
        'TIDEGATE_WRITE_AHEAD_OPTIONS',
        'the wrapped sink cannot tell without a handle whether it has a checkpoint',
      );
    },
    lastApplied: (options) => inspector.lastCommitted(options),
  };
}

function byMarkers(markers: Markers): Pick<Applier<never>, 'isApplied' | 'lastApplied'> {
  return {
    isApplied: (checkpointId) => markers.has(checkpointId),
    lastApplied: () => markers.newest(),
  };
}

function isOrderedByKey<Rec>(inner: FlushingSink<Rec>): boolean {
  return inner.durability === 'idempotent' && inner.ordersWrites === true;
}
