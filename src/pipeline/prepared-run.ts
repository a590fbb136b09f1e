// The life of a run: recovery, records, and a final checkpoint at the end of the input or on a signal.

import { CheckpointCoordinator } from '../coordinator/coordinator.js';
import type { CoordinatorOptions } from '../coordinator/options/coordinator-options.js';
import type { Guarantee } from '../coordinator/options/guarantee.js';
import type { CheckpointSettings } from '../coordinator/options/checkpoint-options.js';
import type { Participants } from '../contracts/participants.js';
import type { SourceInput } from '../contracts/source.js';
import { TidegateError, hasErrorCode } from '../errors.js';
import { completeOptions, contract, custom, flag, type OptionTable } from '../options.js';
import type { LostInputChoice, RestoreChoice } from '../recovery/request.js';
import type { Inspect } from '../coordinator/context.js';
import type { RecoveryReport } from '../recovery/request.js';
import { sharedAbort } from '../runtime/abort.js';
import { systemClock, type Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Random } from '../runtime/random.js';
import type { CheckpointStore, LiveOwnerPolicy } from '../store/checkpoint-store.js';
import type { Dataflow } from './flow/dataflow.js';
import type { RunCounts } from './run-counts.js';
import { Hopeless, listenForSignals } from './stop-request.js';

/** Options of `run`. */
export interface RunOptions {
  /** One store belongs to one pipeline. */
  readonly store: CheckpointStore;
  /** Intervals, bounds, sizes and policies. */
  readonly checkpoint?: CheckpointSettings;
  /** Drains and takes a final checkpoint when it is aborted, as SIGTERM does. */
  readonly signal?: AbortSignal;
  /**
   * SIGTERM and SIGINT drain and take a final checkpoint; a second one stops at once, as a crash
   * would, which loses nothing. Where that checkpoint waits for a server that is down, or recovery
   * does, the first one stops too, within a second. Default true.
   */
  readonly handleSignals?: boolean;
  /** What to do when another owner of the store seems alive: `wait` (default), `refuse` or `take-over`. */
  readonly liveOwner?: LiveOwnerPolicy;
  /** How long another owner is waited for. Default 5 000. */
  readonly waitForOwnerMs?: number;
  /** Start from a chosen checkpoint or savepoint instead of the newest: once, then take it out. */
  readonly restoreFrom?: RestoreChoice;
  /**
   * Sources that may go on without input that is gone, each with the checkpoint that the refusal named:
   * once, then take it out. What was given up stands in the manifest.
   */
  readonly acceptLostInput?: LostInputChoice;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  /** Watches every transition of the state machines, as Stately's inspector does; changes nothing. */
  readonly inspect?: Inspect;
  /**
   * Stands beside the position of each source in every checkpoint.
   *
   * @internal
   */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** How a run ended, and what it did. */
export interface RunReport {
  /**
   * `finished`: all input is processed and committed; `already-finished`: it was, by an earlier run,
   * so that no record of a source was read (of a table perhaps) and none was written; `stopped`:
   * suspended by a signal, to go on in the next run.
   */
  readonly outcome: 'finished' | 'already-finished' | 'stopped';
  /** Undefined when the run was stopped before it had recovered: nothing was read then. */
  readonly recovery: RecoveryReport | undefined;
  readonly guarantee: Guarantee;
  /** Checkpoints that became complete. */
  readonly checkpoints: number;
  /** Records read in this run by source; what a recovery has read again counts again. */
  readonly records: ReadonlyMap<string, number>;
  /**
   * Lines read in this run by source, and those that gave no record, by reason; of sources that read
   * lines, such as files. What a recovery has read again counts again.
   */
  readonly input: ReadonlyMap<string, SourceInput>;
  /** Records left out in this run by operator, under `skip` or `dead-letter`. */
  readonly skipped: ReadonlyMap<string, number>;
  /** Of these, the ones that went to the dead letters. */
  readonly deadLettered: ReadonlyMap<string, number>;
  /** Records that came after their window was over, by operator. */
  readonly late: ReadonlyMap<string, number>;
  /** Records whose event time was put back to the bound of `maxAheadMs`, by source. */
  readonly clamped: ReadonlyMap<string, number>;
  readonly durationMs: number;
}

/** What a run is made of, whatever its records flow through. */
export interface RunParts {
  readonly pipeline: string;
  readonly hash: bigint;
  readonly participants: Omit<Participants, 'tableStore'>;
  readonly dataflow: Dataflow;
  readonly counts: RunCounts;
  /** All input is committed, and the run is about to end. */
  readonly finishing?: () => void;
  /** The run is over, also where it never came to its first record. */
  readonly dispose?: () => void;
}

/** What the coordinator is given too, it checks. */
const runTable: OptionTable<RunOptions> = {
  store: custom(),
  checkpoint: custom(),
  signal: contract(['addEventListener', 'removeEventListener']),
  handleSignals: flag(),
  liveOwner: custom(),
  waitForOwnerMs: custom(),
  restoreFrom: custom(),
  acceptLostInput: custom(),
  clock: contract(['now', 'monotonicMs', 'setTimer']),
  random: custom(),
  logger: custom(),
  inspect: custom(),
  metadata: custom(),
};

/** @throws TidegateError `TIDEGATE_OPTIONS`. Called first: what reads them would throw a TypeError. */
export function requireRunOptions(options: RunOptions): void {
  completeOptions('a run', options, runTable);
}

/** A pipeline that is checked and built, before it runs. */
export class PreparedRun {
  /** To watch: its events, its status. The run starts and stops it. */
  readonly coordinator: CheckpointCoordinator;
  readonly #options: RunOptions;
  readonly #parts: RunParts;
  readonly #clock: Clock;
  readonly #closing = sharedAbort();
  #hasBegun = false;
  #checkpoints = 0;

  /**
   * @throws TidegateError `TIDEGATE_OPTIONS`. Does no I/O.
   *
   * @internal
   */
  constructor(parts: RunParts, options: RunOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.coordinator = new CheckpointCoordinator(this.connection());
    parts.dataflow.lastWhen(() => {
      const { phase } = this.coordinator.status();
      return phase === 'stopped' || phase === 'halted';
    });
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
    const hopeless = new Hopeless({
      coordinator: this.coordinator,
      clock: this.#clock,
      giveUp: (why) => this.#closing.abort(new Error(`stopped while nothing can be done: ${why}`)),
    });
    void stopRequest.requested.then(() => hopeless.asked());
    try {
      const recovery = await this.#recovered();
      if (recovery === undefined) return this.#report(recovery, 'stopped', startedAtMs);
      const isAtEnd = await this.#untilEnd(stopRequest.requested);
      if (isAtEnd) this.#parts.finishing?.();
      await this.#stop(hopeless);
      // Closed under the way: whatever was read last may be uncommitted, and comes again.
      const isFinished = isAtEnd && !this.#closing.signal.aborted;
      const outcome = endOf(this.#parts.dataflow.beganAtEnd, isFinished);
      return this.#report(recovery, outcome, startedAtMs);
    } finally {
      hopeless.dispose();
      stopRequest.dispose();
      this.#parts.dispose?.();
    }
  }

  /**
   * What this run gives to its coordinator. `connect()` of a module returns it, with a `close()` where
   * there is something to close, to `tidegate plan` and `tidegate in-doubt`: such a run is not run.
   */
  connection(): CoordinatorOptions {
    const { store, checkpoint, liveOwner, waitForOwnerMs, restoreFrom } = this.#options;
    const { acceptLostInput, random, logger, inspect } = this.#options;
    const { pipeline, participants, dataflow, hash } = this.#parts;
    return {
      pipeline,
      store,
      sources: Object.fromEntries(participants.sources),
      operators: Object.fromEntries(participants.operators),
      sinks: Object.fromEntries(participants.sinks),
      tables: Object.fromEntries(participants.tables),
      barriers: dataflow,
      pipelineHash: hash,
      signal: this.#closing.signal,
      clock: this.#clock,
      ...(checkpoint === undefined ? {} : { checkpoint }),
      ...(liveOwner === undefined ? {} : { liveOwner }),
      ...(waitForOwnerMs === undefined ? {} : { waitForOwnerMs }),
      ...(restoreFrom === undefined ? {} : { restoreFrom }),
      ...(acceptLostInput === undefined ? {} : { acceptLostInput }),
      ...(random === undefined ? {} : { random }),
      ...(logger === undefined ? {} : { logger }),
      ...(inspect === undefined ? {} : { inspect }),
    };
  }

  /** Undefined when it was asked to stop before: nothing was read, so there is nothing to finish. */
  async #recovered(): Promise<RecoveryReport | undefined> {
    try {
      return await this.coordinator.start();
    } catch (error) {
      const isAskedFor = this.#closing.signal.aborted;
      if (!isAskedFor || !hasErrorCode(error, 'TIDEGATE_RECOVERY_ABORTED')) throw error;
      return undefined;
    }
  }

  /** A second signal is no failure: the run was asked to end without its final checkpoint. */
  async #stop(hopeless: Hopeless): Promise<void> {
    try {
      await this.coordinator.stop();
    } catch (error) {
      const isAskedFor = this.#closing.signal.aborted || hopeless.isHopeless;
      if (!isAskedFor || !hasErrorCode(error, 'TIDEGATE_FINAL_CHECKPOINT')) throw error;
    }
  }

  /** True when all input is committed, false when the run was asked to stop before. */
  async #untilEnd(stopRequested: Promise<'stop'>): Promise<boolean> {
    const { coordinator } = this;
    const { dataflow } = this.#parts;
    const over = coordinator.done.then(() => 'over' as const);
    for (;;) {
      const end = await Promise.race([dataflow.ended(), stopRequested, over]);
      if (typeof end === 'string') return false;
      // Not left to the final checkpoint of `stop`: after a failure here the input is read again.
      const outcome = await Promise.race([coordinator.checkpoint(), stopRequested, over]);
      if (typeof outcome === 'string') return false;
      // It may have failed, or belong to a generation that has gone back to before the end. An
      // abandoned one is left to `stop`, which gives up at some point and says why.
      if (outcome.kind !== 'failed' && dataflow.isAtEndIn(end)) return true;
    }
  }

  #report(
    recovery: RecoveryReport | undefined,
    outcome: RunReport['outcome'],
    startedAtMs: number,
  ): RunReport {
    const { counts } = this.#parts;
    return {
      outcome,
      recovery,
      guarantee: this.coordinator.guarantee,
      checkpoints: this.#checkpoints,
      records: new Map(counts.records),
      input: counts.input(),
      skipped: counts.leftOut(),
      deadLettered: counts.of('dead-lettered'),
      late: counts.of('late'),
      clamped: counts.of('clamped'),
      durationMs: this.#clock.monotonicMs() - startedAtMs,
    };
  }
}

function endOf(wasFinished: boolean, isFinished: boolean): RunReport['outcome'] {
  if (wasFinished) return 'already-finished';
  return isFinished ? 'finished' : 'stopped';
}
