// The coordinator: recovers first, takes checkpoints while records flow, and never guesses.

import { TidegateError } from '../errors.js';
import type { BarrierPort, FlowStatus, SinkWriter } from '../contracts/barrier.js';
import type { Sink } from '../contracts/sink.js';
import type { CheckpointId, Epoch, Generation } from '../ids.js';
import { recover as defaultRecover } from '../recovery/recover.js';
import type { RecoveryReport } from '../recovery/report.js';
import { systemClock } from '../runtime/clock.js';
import { harmlessLogger, silentLogger } from '../runtime/logger.js';
import { systemRandom } from '../runtime/random.js';
import {
  checkOptions,
  type CheckedOptions,
  type CoordinatorOptions,
  type Named,
  type WritersOf,
} from './coordinator-options.js';
import { EmbeddedLoop } from './embedded-loop.js';
import { SafeEvents, type CoordinatorEventSource } from './events.js';
import { finalFailed } from './final-failed.js';
import { guaranteeOf, type Guarantee } from './guarantee.js';
import { Lifecycle } from './lifecycle.js';
import type { Phase } from './machine/life-machine.js';
import { pipelineHashOf } from './pipeline-hash.js';
import type { CheckpointOutcome } from './requests.js';
import type { StepContext } from './step-context.js';

/**
 * What a loop learns at a safe point. After `rewound` the sources have been put back: what was read
 * before must be dropped.
 */
export interface SafePoint<Sinks extends Named<Sink> = Named<Sink>> {
  readonly kind: 'continue' | 'rewound';
  /** Writers of the generation that is at work now. */
  readonly sinks: WritersOf<Sinks>;
}

export interface CoordinatorStatus {
  readonly phase: Phase;
  readonly generation: Generation | undefined;
  /** The attempt that is under way. */
  readonly attempt: { readonly checkpointId: CheckpointId; readonly epoch: Epoch } | undefined;
  /** The newest complete checkpoint. */
  readonly complete: { readonly checkpointId: number; readonly epoch: number } | undefined;
  readonly failuresInARow: number;
  /** Attempts that were given up before a sink had prepared; they never halt the coordinator. */
  readonly abandonedInARow: number;
  /** What recovery waits for, or why the newest attempt that has ended did not complete. */
  readonly lastProblem: unknown;
  /** Reports of the dataflow that belonged to no open attempt. */
  readonly droppedReports: number;
  /** Why it halted, or stopped without its final checkpoint. */
  readonly cause: unknown;
  /** Where the sources of a pipeline are, and what it has counted; undefined for a loop. */
  readonly flow: FlowStatus | undefined;
}

export class CheckpointCoordinator<Sinks extends Named<Sink> = Named<Sink>> {
  readonly events: CoordinatorEventSource;
  /** What the pipeline can promise, from what its participants declare. */
  readonly guarantee: Guarantee;
  readonly #loop: EmbeddedLoop | undefined;
  readonly #barriers: BarrierPort;
  readonly #life: Lifecycle;
  /** Whether a safe point has more to do than to look at this flag. */
  #needsAttention = true;
  /** The answer of every safe point at which nothing is due. */
  #continue: Promise<SafePoint<Sinks>> | undefined;
  /** Generation that the loop knows of. */
  #knownGeneration: Generation | undefined;

  /** @throws TidegateError `TIDEGATE_OPTIONS`, with every problem in one message. Does no I/O. */
  constructor(options: CoordinatorOptions<Sinks>) {
    const checked = checkOptions(options);
    const barriers = options.barriers ?? new EmbeddedLoop(checked.participants);
    const loop = barriers instanceof EmbeddedLoop ? barriers : undefined;
    this.#loop = loop;
    this.#barriers = barriers;
    const context = contextOf(options, checked, barriers);
    this.events = context.events;
    this.guarantee = guaranteeOf(checked.participants);
    const { pipeline, liveOwner, waitForOwnerMs } = options;
    const road = {
      context,
      store: options.store,
      open: {
        pipeline,
        ...(liveOwner === undefined ? {} : { liveOwner }),
        ...(waitForOwnerMs === undefined ? {} : { waitForOwnerMs }),
      },
      recover: options.recover ?? defaultRecover,
      restoreFrom: options.restoreFrom,
    };
    const hooks = { changed: () => this.#look(), takesCutsAnyTime: loop === undefined };
    this.#life = new Lifecycle(road, hooks);
    this.#closeOnAbort(options.signal);
  }

  /** Settles when everything is closed: fulfilled after a stop, rejected with the cause of a halt. */
  get done(): Promise<void> {
    return this.#life.done;
  }

  /** Writers of the generation that is at work now. */
  get sinks(): WritersOf<Sinks> {
    const { run } = this.#life;
    if (run === undefined) throw this.#wrongPhase('sinks');
    return writersOf(run.writers);
  }

  status(): CoordinatorStatus {
    const { run, desk, phase, facts, waitsFor } = this.#life;
    const barrier = desk.current?.barrier;
    const complete = run?.base.manifest;
    return {
      phase,
      generation: run?.generation,
      attempt: barrier && { checkpointId: barrier.checkpointId, epoch: barrier.epoch },
      complete: complete && { checkpointId: complete.checkpointId, epoch: complete.epoch },
      failuresInARow: facts.failuresInARow,
      abandonedInARow: desk.tally.abandonedInARow,
      lastProblem: waitsFor ?? desk.tally.lastProblem,
      droppedReports: desk.tally.droppedReports,
      cause: facts.cause,
      flow: this.#barriers.status?.(),
    };
  }

  /**
   * Recovers: fences older owners, settles what is in doubt, puts sources and operators to the
   * newest complete checkpoint. The report says what was found, decided and why.
   *
   * @throws TidegateError `TIDEGATE_HALTED` with the cause when recovery refuses or cannot finish;
   * nothing was guessed then. `TIDEGATE_RECOVERY_ABORTED` when it is stopped before it has recovered,
   * `TIDEGATE_LIFECYCLE` when called twice.
   */
  async start(): Promise<RecoveryReport> {
    if (this.#life.phase !== 'created') throw this.#wrongPhase('start()');
    this.#life.start();
    await this.#life.whilePhase('recovering');
    if (this.#life.isOver) await this.#life.done;
    const { report, run } = this.#life;
    if (report === undefined || run === undefined) throw closedEarly(this.#life.waitsFor);
    this.#knownGeneration = run.generation;
    this.#look();
    return report;
  }

  /**
   * For a loop: call it between two records, when everything read so far has been processed and
   * written, and also now and then when there is nothing to read. Costs one look at a flag when
   * nothing is due; otherwise the cut is taken here, or recovery puts the sources back.
   *
   * @throws TidegateError `TIDEGATE_HALTED` with the cause, `TIDEGATE_LIFECYCLE` after a stop.
   */
  safePoint(): Promise<SafePoint<Sinks>> {
    if (!this.#needsAttention && this.#continue !== undefined) return this.#continue;
    return this.#arrive();
  }

  /** A checkpoint as soon as a cut can be taken; what became of it, also when it is no success. */
  async checkpoint(): Promise<CheckpointOutcome> {
    this.#refuseUnlessAlive('checkpoint()');
    return this.#life.desk.checkpoint();
  }

  /** A checkpoint that is kept until a person deletes it; taken also when nothing is new. */
  async savepoint(label: string): Promise<CheckpointOutcome> {
    this.#refuseUnlessAlive('savepoint()');
    return this.#life.desk.savepoint(label);
  }

  /**
   * Takes a final checkpoint and closes everything. It is a safe point itself: a loop calls it
   * after its last record, never from a signal handler in the middle of a batch.
   *
   * @throws TidegateError `TIDEGATE_FINAL_CHECKPOINT` when the last records could not be committed:
   * the next start goes back to before them. `TIDEGATE_HALTED` when it has halted.
   */
  async stop(): Promise<void> {
    const life = this.#life;
    while (this.#loop === undefined && life.phase === 'recovering') {
      await life.whilePhase('recovering');
    }
    // The loop is over: it cannot process again what a recovery would put back. Before its first
    // record there is nothing to put back.
    if (life.phase === 'recovering') {
      life.close(life.run === undefined ? undefined : finalFailed(life.failure));
    }
    this.#loop?.arrive();
    try {
      life.stop();
      await life.done;
    } finally {
      this.#loop?.leave();
    }
  }

  /**
   * Closes everything without a final checkpoint, as a crash would: leaving a block by an exception
   * must never commit half of a batch.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.close();
    await this.#life.done.catch(() => undefined);
  }

  async #arrive(): Promise<SafePoint<Sinks>> {
    const loop = this.#loop;
    const life = this.#life;
    if (loop === undefined || loop.isWaiting) throw this.#wrongPhase('a second safePoint()');
    loop.arrive();
    try {
      while (life.isIn('recovering')) await life.whilePhase('recovering');
      // Also right after a rewind: whoever asked for a checkpoint is waiting for this safe point.
      if (life.phase === 'running') await life.desk.serve();
      while (life.isIn('recovering')) await life.whilePhase('recovering');
      if (life.phase === 'halted') await life.done;
      if (life.phase !== 'running' || life.run === undefined) throw this.#wrongPhase('safePoint()');
      const hasRewound = this.#knownGeneration !== life.run.generation;
      this.#knownGeneration = life.run.generation;
      this.#look();
      return { kind: hasRewound ? 'rewound' : 'continue', sinks: this.sinks };
    } finally {
      loop.leave();
    }
  }

  /** Prepares the answer of the next safe points, so that they cost nothing. */
  #look(): void {
    const { phase, run, desk } = this.#life;
    const isKnown = run !== undefined && run.generation === this.#knownGeneration;
    this.#needsAttention = phase !== 'running' || !isKnown || desk.isCutDue;
    if (!isKnown) this.#continue = undefined;
    else this.#continue ??= Promise.resolve({ kind: 'continue', sinks: this.sinks });
  }

  #closeOnAbort(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    const close = (): void => this.#life.close();
    if (signal.aborted) close();
    else signal.addEventListener('abort', close, { once: true });
    const unlink = (): void => signal.removeEventListener('abort', close);
    this.#life.done.then(unlink, unlink);
  }

  #refuseUnlessAlive(call: string): void {
    const { phase, isOver } = this.#life;
    if (isOver || phase === 'created' || phase === 'draining') throw this.#wrongPhase(call);
  }

  #wrongPhase(call: string): TidegateError {
    const { phase, facts } = this.#life;
    const code = phase === 'halted' ? 'TIDEGATE_HALTED' : 'TIDEGATE_LIFECYCLE';
    return new TidegateError(code, `${call} does not fit: the coordinator is ${phase}`, {
      cause: facts.cause,
    });
  }
}

/** By its signal, or by a call of `stop()`. */
function closedEarly(cause: Error | undefined): TidegateError {
  const waited = cause === undefined ? '' : `; recovery was waiting: ${cause.message}`;
  const message = `start() was ended: the coordinator was stopped before it had recovered${waited}`;
  return new TidegateError('TIDEGATE_RECOVERY_ABORTED', message, { cause });
}

function contextOf<Sinks extends Named<Sink>>(
  given: CoordinatorOptions<Sinks>,
  { participants, options }: CheckedOptions,
  barriers: BarrierPort,
): StepContext {
  const logger = given.logger === undefined ? silentLogger : harmlessLogger(given.logger);
  return {
    pipeline: given.pipeline,
    participants,
    barriers,
    options,
    pipelineHash: given.pipelineHash ?? pipelineHashOf(given.pipeline, participants),
    clock: given.clock ?? systemClock,
    random: given.random ?? systemRandom,
    logger,
    events: new SafeEvents(logger),
  };
}

function writersOf<Sinks extends Named<Sink>>(
  writers: ReadonlyMap<string, SinkWriter>,
): WritersOf<Sinks> {
  return Object.freeze(Object.fromEntries(writers)) as WritersOf<Sinks>;
}
