// The cut of step 1 in the making: collects what the dataflow reports about one barrier.

import { TidegateError } from '../../errors.js';
import type { Barrier, CutListener } from '../../contracts/barrier.js';
import type { OperatorSnapshot } from '../../contracts/operator.js';
import type { Participants } from '../../contracts/participants.js';
import { checkedPosition } from '../../contracts/source-position.js';
import type { SourcePosition } from '../../contracts/source.js';
import type { StepContext } from '../context.js';
import { bestEffort } from '../events.js';
import type { Generation } from '../lifecycle/generation.js';
import type { DroppedReport } from './outcome.js';

/** A source's position as it was at the barrier; copied, so that nothing later shows in it. */
export interface CutPosition {
  readonly offsets: ReadonlyMap<string, string>;
  readonly metadata: ReadonlyMap<string, string>;
  readonly watermark: bigint | undefined;
}

/** A consistent cut: everything that was between epoch N and N+1. */
export interface Cut {
  readonly sources: ReadonlyMap<string, CutPosition>;
  readonly tables: ReadonlyMap<string, CutPosition>;
  readonly snapshots: ReadonlyMap<string, OperatorSnapshot>;
  readonly watermark: bigint | undefined;
}

interface Names {
  readonly size: number;
  has(name: string): boolean;
}

export class PendingCut implements CutListener {
  /** The cut, once everything has reported. */
  readonly complete: Promise<Cut>;
  readonly #context: StepContext;
  readonly #generation: Generation;
  readonly #barrier: Barrier;
  /** Everything that the barrier has to pass. */
  readonly #members: Participants;
  readonly #sources = new Map<string, CutPosition>();
  readonly #tables = new Map<string, CutPosition>();
  readonly #snapshots = new Map<string, OperatorSnapshot>();
  readonly #sinks = new Set<string>();
  #watermark: bigint | undefined;
  #isOpen = true;
  #resolve!: (cut: Cut) => void;
  #reject!: (error: unknown) => void;

  constructor(context: StepContext, generation: Generation, barrier: Barrier) {
    this.#context = context;
    this.#generation = generation;
    this.#barrier = barrier;
    this.#members = context.participants;
    this.complete = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Once the attempt has ended for another reason, nothing waits for it.
    this.complete.catch(() => undefined);
    this.#openWhenComplete();
  }

  /** The attempt is over, or the cut is complete: later reports are counted and dropped. */
  close(): void {
    this.#isOpen = false;
  }

  /** Gives captured states back that will not be encoded. */
  releaseSnapshots(): void {
    for (const [operator, snapshot] of this.#snapshots) this.#release(operator, snapshot);
    this.#snapshots.clear();
  }

  sourceReached(barrier: Barrier, source: string, position: SourcePosition): void {
    const isRepeated = this.#sources.has(source);
    if (!this.#accepts(barrier, source, this.#members.sources, isRepeated)) return;
    this.#sources.set(source, copyPosition(`source ${source}`, position));
    this.#openWhenComplete();
  }

  tableReached(barrier: Barrier, table: string, position: SourcePosition): void {
    if (!this.#accepts(barrier, table, this.#members.tables, this.#tables.has(table))) return;
    this.#tables.set(table, copyPosition(`table ${table}`, position));
    this.#openWhenComplete();
  }

  operatorReached(barrier: Barrier, operator: string, snapshot: OperatorSnapshot): void {
    const isRepeated = this.#snapshots.has(operator);
    if (!this.#accepts(barrier, operator, this.#members.operators, isRepeated)) {
      this.#release(operator, snapshot);
      return;
    }
    this.#snapshots.set(operator, snapshot);
    this.#openWhenComplete();
  }

  sinkReached(barrier: Barrier, sink: string): void {
    if (!this.#accepts(barrier, sink, this.#members.sinks, this.#sinks.has(sink))) return;
    this.#sinks.add(sink);
    // At once: from here on its writer holds the records of the next epoch back.
    this.#generation.sinks.get(sink)?.writer.hold();
    this.#openWhenComplete();
  }

  watermarkReached(barrier: Barrier, watermark: bigint): void {
    if (barrier.checkpointId === this.#barrier.checkpointId && this.#isOpen) {
      this.#watermark = watermark;
    }
  }

  failed(barrier: Barrier, participant: string, error: unknown): void {
    if (barrier.checkpointId !== this.#barrier.checkpointId || !this.#isOpen) {
      this.#drop(participant, this.#isOpen ? 'other-attempt' : 'late');
      return;
    }
    this.close();
    this.#reject(
      new TidegateError('TIDEGATE_PARTICIPANT', `${participant} could not take the barrier`, {
        cause: error,
        details: { participant, step: 'barrier' },
      }),
    );
  }

  #drop(participant: string, why: DroppedReport): void {
    const { tally, events } = this.#context;
    tally.droppedReports += 1;
    events.emit('report-dropped', { checkpointId: this.#barrier.checkpointId, participant, why });
  }

  #release(operator: string, snapshot: OperatorSnapshot): void {
    const what = `operator ${operator} could not release a snapshot`;
    bestEffort(this.#context, what, () => snapshot.release?.());
  }

  /** Matched by checkpoint id: a late barrier of an earlier attempt may carry the same epoch. */
  #accepts(barrier: Barrier, participant: string, members: Names, isRepeated: boolean): boolean {
    if (barrier.checkpointId !== this.#barrier.checkpointId) {
      this.#drop(participant, 'other-attempt');
      return false;
    }
    if (isRepeated || !this.#isOpen) {
      this.#drop(participant, isRepeated ? 'repeated' : 'late');
      return false;
    }
    if (members.has(participant)) return true;
    this.failed(barrier, participant, new Error(`nothing registered is called ${participant}`));
    return false;
  }

  #openWhenComplete(): void {
    const isComplete =
      this.#sources.size === this.#members.sources.size &&
      this.#tables.size === this.#members.tables.size &&
      this.#snapshots.size === this.#members.operators.size &&
      this.#sinks.size === this.#members.sinks.size;
    if (!isComplete || !this.#isOpen) return;
    this.close();
    this.#resolve({
      sources: this.#sources,
      tables: this.#tables,
      snapshots: this.#snapshots,
      watermark: this.#watermark ?? lowestWatermark(this.#sources),
    });
  }
}

/** @throws TidegateError `TIDEGATE_SOURCE_POSITION` for what a manifest would keep as something else. */
function copyPosition(source: string, given: SourcePosition): CutPosition {
  const { offsets, metadata = {}, watermark } = checkedPosition(source, given);
  return {
    offsets: new Map(Object.entries(offsets)),
    metadata: new Map(Object.entries(metadata)),
    watermark,
  };
}

/** A pipeline is only as far as its slowest source; without a watermark in each it has none. */
function lowestWatermark(sources: ReadonlyMap<string, CutPosition>): bigint | undefined {
  let lowest: bigint | undefined;
  for (const { watermark } of sources.values()) {
    if (watermark === undefined) return undefined;
    if (lowest === undefined || watermark < lowest) lowest = watermark;
  }
  return lowest;
}
