// The life of a run: recovery, records, and a final checkpoint at the end of the input or on a signal.

import { CheckpointCoordinator } from '../coordinator/coordinator.js';
import type { Guarantee } from '../coordinator/guarantee.js';
import { completeOptions, type CheckpointOptions } from '../coordinator/options.js';
import { TidegateError } from '../errors.js';
import type { RestoreChoice } from '../recovery/request.js';
import type { RecoveryReport } from '../recovery/report.js';
import { systemClock, type Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Random } from '../runtime/random.js';
import type { CheckpointStore, LiveOwnerPolicy } from '../store/checkpoint-store.js';
import { PreparedGraph } from './assemble.js';
import { determinismOf, type PipelineOptions } from './determinism.js';
import { Dataflow } from './flow/dataflow.js';
import { invalid, type Graph } from './graph.js';
import { listenForSignals } from './signals.js';

export interface RunOptions {
  readonly store: CheckpointStore;
  readonly checkpoint?: Partial<CheckpointOptions>;
  /** Drains and takes a final checkpoint when it is aborted, as SIGTERM does. */
  readonly signal?: AbortSignal;
  /**
   * SIGTERM and SIGINT drain and take a final checkpoint; a second one stops at once, as a crash
   * would, which loses nothing. Default true.
   */
  readonly handleSignals?: boolean;
  /** What to do when another owner of the store seems alive. Default `wait`, for 5 000 ms. */
  readonly liveOwner?: LiveOwnerPolicy;
  readonly waitForOwnerMs?: number;
  /** Start from a chosen checkpoint or savepoint instead of the newest. */
  readonly restoreFrom?: RestoreChoice;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

export interface RunReport {
  /**
   * `finished`: all input is processed and committed; `already-finished`: it was, by an earlier run,
   * and nothing was done; `stopped`: suspended by a signal, to go on in the next run.
   */
  readonly outcome: 'finished' | 'already-finished' | 'stopped';
  readonly recovery: RecoveryReport;
  readonly guarantee: Guarantee;
  /** Checkpoints that became complete. */
  readonly checkpoints: number;
  /** Records read in this run by source; what a recovery has read again counts again. */
  readonly records: ReadonlyMap<string, number>;
  /** Records left out in this run by operator, under `skip` or `dead-letter`. */
  readonly skipped: ReadonlyMap<string, number>;
  /** Records that came after their window was over, by operator. */
  readonly late: ReadonlyMap<string, number>;
  readonly durationMs: number;
}

export class PreparedRun {
  /** To watch: its events, its status. The run starts and stops it. */
  readonly coordinator: CheckpointCoordinator;
  readonly #graph: Graph;
  readonly #options: RunOptions;
  readonly #parts: PreparedGraph;
  readonly #dataflow: Dataflow;
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  #hasBegun = false;
  #checkpoints = 0;

  /** @throws TidegateError `TIDEGATE_PIPELINE`, `TIDEGATE_OPTIONS`. Does no I/O. */
  constructor(graph: Graph, pipelineOptions: PipelineOptions, options: RunOptions) {
    const problems = graph.problems();
    if (problems.length > 0) {
      const list = problems.map((problem) => `- ${problem}`).join('\n');
      throw invalid(`pipeline ${graph.pipeline} cannot be run:\n${list}`);
    }
    this.#graph = graph;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    const { isDeterministic, canReplay } = determinismOf(graph, pipelineOptions);
    const { vnodeCount } = completeOptions(options.checkpoint ?? {}).options;
    const settings = { vnodeCount, clock: this.#clock, isDeterministic };
    const parts = new PreparedGraph(graph, settings);
    this.#parts = parts;
    this.#dataflow = new Dataflow({
      clock: this.#clock,
      canReplay,
      sources: parts.cursors,
      assemble: (run) => parts.assemble(run),
    });
    this.coordinator = this.#newCoordinator();
    this.coordinator.events.on('checkpoint-completed', () => {
      this.#checkpoints += 1;
    });
  }

  /** See `Pipeline.run`. Once only: prepare another for another run. */
  async run(): Promise<RunReport> {
    if (this.#hasBegun) {
      throw new TidegateError('TIDEGATE_LIFECYCLE', 'a prepared run is run once: prepare another');
    }
    this.#hasBegun = true;
    const startedAtMs = this.#clock.monotonicMs();
    const stopRequest = listenForSignals({
      signal: this.#options.signal,
      handleSignals: this.#options.handleSignals ?? true,
      atOnce: () => this.#closing.abort(new Error('a second signal')),
    });
    try {
      const recovery = await this.coordinator.start();
      const isAtEnd = await this.#untilEnd(stopRequest.requested);
      await this.coordinator.stop();
      return this.#report(recovery, endOf(this.#dataflow.beganAtEnd, isAtEnd), startedAtMs);
    } finally {
      stopRequest.dispose();
    }
  }

  /** True when all input is committed, false when the run was asked to stop before. */
  async #untilEnd(stopRequested: Promise<'stop'>): Promise<boolean> {
    const { coordinator } = this;
    const over = coordinator.done.then(() => 'over' as const);
    for (;;) {
      const end = await Promise.race([this.#dataflow.ended(), stopRequested, over]);
      if (typeof end === 'string') return false;
      // Not left to the final checkpoint of `stop`: after a failure here the input is read again.
      const outcome = await Promise.race([coordinator.checkpoint(), over]);
      if (outcome === 'over') return false;
      // It may have failed, or belong to a generation that has gone back to before the end. An
      // abandoned one is left to `stop`, which gives up at some point and says why.
      if (outcome.kind !== 'failed' && this.#dataflow.isAtEndIn(end)) return true;
    }
  }

  #newCoordinator(): CheckpointCoordinator {
    const { store, checkpoint, liveOwner, waitForOwnerMs, restoreFrom, random, logger } =
      this.#options;
    return new CheckpointCoordinator({
      pipeline: this.#graph.pipeline,
      store,
      sources: this.#parts.sources(),
      operators: this.#parts.operators(),
      sinks: this.#parts.sinks(),
      tables: this.#parts.tables(),
      barriers: this.#dataflow,
      pipelineHash: this.#graph.hash(),
      signal: this.#closing.signal,
      clock: this.#clock,
      ...(checkpoint === undefined ? {} : { checkpoint }),
      ...(liveOwner === undefined ? {} : { liveOwner }),
      ...(waitForOwnerMs === undefined ? {} : { waitForOwnerMs }),
      ...(restoreFrom === undefined ? {} : { restoreFrom }),
      ...(random === undefined ? {} : { random }),
      ...(logger === undefined ? {} : { logger }),
    });
  }

  #report(recovery: RecoveryReport, outcome: RunReport['outcome'], startedAtMs: number): RunReport {
    const { records, skipped, late } = this.#parts.counts;
    return {
      outcome,
      recovery,
      guarantee: this.coordinator.guarantee,
      checkpoints: this.#checkpoints,
      records: new Map(records),
      skipped: new Map(skipped),
      late: new Map(late),
      durationMs: this.#clock.monotonicMs() - startedAtMs,
    };
  }
}

function endOf(wasFinished: boolean, isAtEnd: boolean): RunReport['outcome'] {
  if (wasFinished) return 'already-finished';
  return isAtEnd ? 'finished' : 'stopped';
}
