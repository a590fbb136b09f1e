// The dataflow as the coordinator drives it: cuts, generations, and whether there is news.

import type {
  Barrier,
  BarrierPort,
  CutListener,
  Flow,
  FlowStatus,
  SourceStatus,
} from '../../contracts/barrier.js';
import type { Offsets } from '../../contracts/source.js';
import type { Generation } from '../../ids.js';
import type { Clock } from '../../runtime/clock.js';
import { withDeadline } from '../../runtime/deadline.js';
import { silentLogger, type Logger } from '../../runtime/logger.js';
import type { RunCounts } from '../run-counts.js';
import { FlowRun, type Reader } from './flow-run.js';
import type { SourceCursor } from './source-cursor.js';

export interface DataflowOptions {
  readonly clock: Clock;
  readonly sources: ReadonlyMap<string, SourceCursor>;
  readonly logger?: Logger;
  /** See `CheckpointOptions`. */
  readonly maxQueuedBytes: number;
  readonly counts: RunCounts;
  /** Makes everything that moves in one generation; readers of tables come first. */
  readonly assemble: (run: FlowRun) => Assembly;
}

/** How long the end of a run waits for sources and stages to come to theirs. */
const lastWaitMs = 500;

export interface Assembly {
  /** Reference tables are read to their end before the first record of a source. */
  readonly tables: readonly Reader[];
  readonly sources: readonly Reader[];
}

export class Dataflow implements BarrierPort {
  readonly #options: DataflowOptions;
  #run: FlowRun | undefined;
  #readers: readonly Reader[] = [];
  #sourceReaders: readonly Reader[] = [];
  #endWaiters: (() => void)[] = [];
  #beganAtEnd: boolean | undefined;
  #isLast = (): boolean => false;

  constructor(options: DataflowOptions) {
    this.#options = options;
  }

  /** Whether every source has come to the end of its input. */
  get hasEnded(): boolean {
    return [...this.#options.sources.values()].every(({ hasEnded }) => hasEnded);
  }

  get droppedBarriers(): number {
    return this.#run?.droppedBarriers ?? 0;
  }

  /** Settles when every source has ended, with the generation in which they have. */
  async ended(): Promise<Generation> {
    for (;;) {
      const generation = this.#run?.generation;
      if (generation !== undefined && this.isAtEndIn(generation)) return generation;
      await new Promise<void>((resolve) => {
        this.#endWaiters.push(resolve);
      });
    }
  }

  /** A later generation may have gone back to before the end. */
  isAtEndIn(generation: Generation): boolean {
    const run = this.#run;
    return run?.generation === generation && !run.isOver && this.hasEnded;
  }

  /** Whether the job was finished before this process read anything. */
  get beganAtEnd(): boolean {
    return this.#beganAtEnd === true;
  }

  resume(flow: Flow): void {
    this.#beganAtEnd ??= this.hasEnded;
    const run = new FlowRun({
      generation: flow.generation,
      writers: flow.sinks,
      clock: this.#options.clock,
      logger: this.#options.logger ?? silentLogger,
      maxQueuedBytes: this.#options.maxQueuedBytes,
      patience: flow.patience,
      failed: (error) => flow.failed?.(error),
    });
    this.#run = run;
    this.#options.counts.reportTo(flow.troubled);
    const { tables, sources } = this.#options.assemble(run);
    this.#readers = [...tables, ...sources];
    this.#sourceReaders = sources;
    run.track(this.#readAll(run, tables, sources));
  }

  inject(barrier: Barrier, listener: CutListener): void {
    const run = this.#run;
    if (run === undefined || run.isOver) {
      const error = run?.failure?.error ?? new Error('no generation is at work');
      listener.failed(barrier, 'pipeline', error);
      return;
    }
    for (const reader of this.#readers) {
      try {
        reader.inject(barrier, listener);
      } catch (error) {
        // Half of the dataflow has the barrier: nothing that follows may be trusted.
        listener.failed(barrier, 'pipeline', error);
        run.fail(error);
        return;
      }
    }
  }

  cancel(barrier: Barrier): void {
    this.#run?.cancel(barrier.checkpointId);
  }

  async suspend(): Promise<void> {
    const run = this.#run;
    if (run === undefined) return;
    const ending = run.end();
    if (!this.#isLast()) return ending;
    // Nothing will be put back: a source that does not look at its signal keeps no process alive.
    const bound = { clock: this.#options.clock, timeoutMs: lastWaitMs };
    const outcome = await withDeadline(bound, () => ending);
    if (outcome.kind === 'timed-out') run.logger.warn({}, 'something of the dataflow still runs');
  }

  /** Asked as a generation ends: behind the last one, what still runs is waited for a moment only. */
  lastWhen(isLast: () => boolean): void {
    this.#isLast = isLast;
  }

  /** The end of an input counts: it stands in the offsets. */
  hasNews(since: ReadonlyMap<string, Offsets>): boolean {
    for (const [name, cursor] of this.#options.sources) {
      const known = since.get(name);
      const { offsets } = cursor.position();
      if (known === undefined || !areSame(known, offsets)) return true;
    }
    return false;
  }

  status(): FlowStatus {
    const { sources, counts } = this.#options;
    return flowStatus(sources, counts, this.#sourceReaders);
  }

  async #readAll(
    run: FlowRun,
    tables: readonly Reader[],
    sources: readonly Reader[],
  ): Promise<void> {
    await Promise.all(tables.map((table) => guarded(run, table.read())));
    if (run.isOver) return;
    await Promise.all(sources.map((source) => guarded(run, source.read())));
    for (const resolve of this.#endWaiters.splice(0)) resolve();
  }
}

/** One that fails must not leave the others unawaited: they would read on while they are put back. */
async function guarded(run: FlowRun, reading: Promise<void>): Promise<void> {
  try {
    await reading;
  } catch (error) {
    run.fail(error);
  }
}

function areSame(left: Offsets, right: Offsets): boolean {
  const names = Object.keys(left);
  if (names.length !== Object.keys(right).length) return false;
  return names.every((name) => left[name] === right[name]);
}

function flowStatus(
  cursors: ReadonlyMap<string, SourceCursor>,
  counts: RunCounts,
  readers: readonly Reader[],
): FlowStatus {
  const input = counts.input();
  const pauses = new Map(readers.map(({ name, pause }) => [name, pause]));
  const statusOf = ({ name, watermark, hasEnded }: SourceCursor): SourceStatus => ({
    records: counts.records.get(name) ?? 0,
    input: input.get(name),
    watermark: Number.isFinite(watermark) ? watermark : undefined,
    state: hasEnded ? 'ended' : (pauses.get(name) ?? 'reading'),
  });
  return {
    sources: new Map([...cursors].map(([name, cursor]) => [name, statusOf(cursor)])),
    skipped: counts.leftOut(),
    deadLettered: counts.of('dead-lettered'),
    late: counts.of('late'),
    clamped: counts.of('clamped'),
  };
}
