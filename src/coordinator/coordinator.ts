// The coordinator: recovers first, takes checkpoints while records flow, and never guesses.

import { TidegateError } from '../errors.js';
import type { BarrierPort, FlowStatus } from '../contracts/barrier.js';
import type { Sink } from '../contracts/sink.js';
import type { ReadableSource } from '../contracts/source.js';
import type { CheckpointId, Epoch, Generation } from '../ids.js';
import { untilAwaited } from '../runtime/event-loop.js';
import { recover as defaultRecover } from '../recovery/recover.js';
import type { RecoveryReport } from '../recovery/request.js';
import type { CheckpointOutcome } from './checkpoint/requests.js';
import { finalFailed } from './checkpoint/outcome.js';
import type { Batch } from './dataflow/batch-loop.js';
import { LoopDriver } from './dataflow/loop-driver.js';
import type { SafePoint } from './dataflow/safe-point.js';
import { leftHalfway, waitsForItself } from './dataflow/loop-errors.js';
import { LoopSource } from './dataflow/loop-source.js';
import { SafePointLoop } from './dataflow/safe-point-loop.js';
import { bestEffort, type CoordinatorEventSource } from './events.js';
import { writersOf } from './lifecycle/generation.js';
import { Lifecycle } from './lifecycle/lifecycle.js';
import type { Phase } from './lifecycle/life-events.js';
import {
  checkOptions,
  contextOf,
  type CheckedOptions,
  type CoordinatorOptions,
  type Named,
  type WritersOf,
} from './options/coordinator-options.js';
import { guaranteeOf, type Guarantee } from './options/guarantee.js';

/** What `status()` says: phase, generation, newest checkpoint, what is in doubt. */
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
  /** For how long a loop has come to no safe point, once that is two intervals; undefined otherwise. */
  readonly safePointMissingForMs: number | undefined;
}

/** Drives checkpoints over sources, operators and sinks in this process, and recovers them at the start. */
export class CheckpointCoordinator<Sinks extends Named<Sink> = Named<Sink>> {
  readonly events: CoordinatorEventSource;
  /** What the pipeline can promise, from what its participants declare. */
  readonly guarantee: Guarantee;
  readonly #barriers: BarrierPort;
  readonly #life: Lifecycle;
  /** Of a loop; undefined where something else drives the records. */
  readonly #loop: LoopDriver<Sinks> | undefined;

  /** @throws TidegateError `TIDEGATE_OPTIONS`, with every problem in one message. Does no I/O. */
  constructor(options: CoordinatorOptions<Sinks>) {
    const checked = forLoop(checkOptions(options));
    const barriers = options.barriers ?? new SafePointLoop(checked.participants);
    const loop = barriers instanceof SafePointLoop ? barriers : undefined;
    this.#barriers = barriers;
    const context = contextOf(checked, barriers);
    this.events = context.events;
    this.guarantee = guaranteeOf(checked.participants);
    const { pipeline, liveOwner, waitForOwnerMs } = options;
    const lifecycle = {
      context,
      store: options.store,
      open: {
        pipeline,
        ...(liveOwner === undefined ? {} : { liveOwner }),
        ...(waitForOwnerMs === undefined ? {} : { waitForOwnerMs }),
      },
      recover: options.recover ?? defaultRecover,
      restoreFrom: options.restoreFrom,
      acceptLostInput: options.acceptLostInput,
      takesCutsAnyTime: loop === undefined,
    };
    const refresh = (): void =>
      bestEffort(context, 'the next safe points could not be prepared', () => {
        this.#loop?.refresh();
      });
    this.#life = new Lifecycle(lifecycle, refresh);
    this.#loop = loop && new LoopDriver<Sinks>(context, loop, this.#life);
    this.#closeOnAbort(options.signal);
  }

  /** Settles when everything is closed: fulfilled after a stop, rejected with the cause of a halt. */
  get done(): Promise<void> {
    return this.#life.done;
  }

  /** Writers of the generation that is at work now. */
  get sinks(): WritersOf<Sinks> {
    const { generation } = this.#life;
    if (generation === undefined) throw this.#life.wrongPhase('sinks');
    return writersOf(generation.sinks);
  }

  status(): CoordinatorStatus {
    const { scheduler, phase, facts, tally } = this.#life;
    const { generation } = facts;
    const barrier = scheduler.current?.barrier;
    const complete = generation?.base.manifest;
    return {
      phase,
      generation: generation?.number,
      attempt: barrier && { checkpointId: barrier.checkpointId, epoch: barrier.epoch },
      complete: complete && { checkpointId: complete.checkpointId, epoch: complete.epoch },
      failuresInARow: facts.failuresInARow,
      abandonedInARow: tally.abandonedInARow,
      lastProblem: facts.waitsFor ?? tally.lastProblem,
      droppedReports: tally.droppedReports,
      flow: this.#barriers.status?.(),
      safePointMissingForMs: this.#loop?.safePointMissingForMs,
      cause: facts.cause,
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
    const life = this.#life;
    if (life.phase !== 'created') throw this.#life.wrongPhase('start()');
    life.send({ type: 'start' });
    await life.untilPhaseLeaves('recovering');
    const { report, generation, waitsFor } = life.facts;
    if (life.isOver) await life.done;
    if (report === undefined || generation === undefined) throw closedEarly(waitsFor);
    this.#loop?.begin(generation);
    return report;
  }

  /**
   * For a loop: call it between two records, when everything read so far has been processed and
   * written, and also now and then when there is nothing to read. Costs one look at a flag when
   * nothing is due; otherwise the cut is taken here, or recovery puts the sources back. A busy loop
   * gives the event loop a turn here every few milliseconds. See `batches` for a loop without it.
   *
   * @throws TidegateError `TIDEGATE_HALTED` with the cause, `TIDEGATE_LIFECYCLE` after a stop, and when
   * another call of it waits.
   */
  safePoint(): Promise<SafePoint<Sinks>> {
    return this.#driver('safePoint()').safePoint();
  }

  /**
   * Reads sources of the coordinator for a loop: `for await (const batch of coordinator.batches(orders))`.
   * What was done for a batch is committed with the position behind it, or not at all. Between two batches,
   * and while there is nothing to read, checkpoints are taken; after a failure the loop goes on behind the
   * last one. Call it after `start()`. The loop ends at the end of the input, behind a batch whose `end()`
   * was called, and behind the one in hand when `stop()` is; everything is committed then.
   *
   * @throws TidegateError `TIDEGATE_OPTIONS`, `TIDEGATE_LIFECYCLE`; the loop throws what `safePoint` does.
   */
  batches<Rec>(
    ...sources: readonly ReadableSource<Rec>[]
  ): AsyncIterableIterator<Batch<Rec, Sinks>> {
    return this.#driver('batches()').batches(sources);
  }

  /**
   * A checkpoint as soon as a cut can be taken; what became of it, also when it is no success.
   *
   * @throws TidegateError `TIDEGATE_LIFECYCLE`, also where the loop itself awaits it between two safe points.
   */
  async checkpoint(): Promise<CheckpointOutcome> {
    const asked = this.#ask('checkpoint()');
    await untilAwaited();
    if (this.#loop?.isAwaitedByLoop() === true) throw waitsForItself('checkpoint()');
    return asked;
  }

  /**
   * A checkpoint that is kept until a person deletes it; taken also when nothing is new.
   *
   * @throws TidegateError `TIDEGATE_LIFECYCLE`, also where the loop itself awaits it between two safe points.
   */
  async savepoint(label: string): Promise<CheckpointOutcome> {
    const asked = this.#ask('savepoint()', label);
    await untilAwaited();
    if (this.#loop?.isAwaitedByLoop() === true) throw waitsForItself('savepoint()');
    return asked;
  }

  /**
   * Takes a final checkpoint and closes everything. A loop calls it after its last record. Called
   * while the loop is in the middle of a batch, as by a timer or on a signal, it waits for the next
   * safe point, at most `timeouts.alignmentMs`: half of a batch is never committed. While a participant
   * or the store does not answer it ends within a second, without a final checkpoint.
   *
   * @throws TidegateError `TIDEGATE_FINAL_CHECKPOINT` when the last records could not be committed:
   * the next start goes back to before them. `TIDEGATE_HALTED` when it has halted.
   */
  async stop(): Promise<void> {
    const life = this.#life;
    const standing = this.#loop?.stops();
    if (standing === 'left-halfway') {
      life.send({ type: 'close', cause: finalFailed(leftHalfway()) });
      return life.done;
    }
    try {
      const isLoop = this.#loop !== undefined;
      life.send({ type: 'stop', isLoop, standing: standing ?? 'at-safe-point' });
      await life.done;
    } finally {
      this.#loop?.stopped();
    }
  }

  /**
   * Closes everything without a final checkpoint, as a crash would: leaving a block by an exception
   * must never commit half of a batch.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.send({ type: 'close' });
    await this.#life.done.catch(() => undefined);
  }

  #closeOnAbort(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    const close = (): void => this.#life.send({ type: 'close' });
    if (signal.aborted) close();
    else signal.addEventListener('abort', close, { once: true });
    const unlink = (): void => signal.removeEventListener('abort', close);
    this.#life.done.then(unlink, unlink);
  }

  #ask(call: string, label?: string): Promise<CheckpointOutcome> {
    this.#refuseUnlessAlive(call);
    const asked = this.#life.scheduler.request(label);
    // Where the loop awaits it, the loop learns of that in place of the outcome.
    asked.catch(() => undefined);
    return asked;
  }

  #driver(call: string): LoopDriver<Sinks> {
    if (this.#loop !== undefined) return this.#loop;
    throw new TidegateError(
      'TIDEGATE_LIFECYCLE',
      `${call} is for a loop of your own: something else drives the records of this coordinator`,
    );
  }

  #refuseUnlessAlive(call: string): void {
    const { phase, isOver } = this.#life;
    if (isOver || phase === 'created' || phase === 'draining') throw this.#life.wrongPhase(call);
  }
}

/** By its signal, or by a call of `stop()`. */
function closedEarly(cause: unknown): TidegateError {
  const waited = cause instanceof Error ? `; recovery was waiting: ${cause.message}` : '';
  const message = `start() was ended: the coordinator was stopped before it had recovered${waited}`;
  return new TidegateError('TIDEGATE_RECOVERY_ABORTED', message, { cause });
}

/** The sources of a loop can be read for it. */
function forLoop(checked: CheckedOptions): CheckedOptions {
  const { given, participants } = checked;
  if (given.barriers !== undefined) return checked;
  const sources = new Map(
    [...participants.sources].map(([name, source]) => [name, new LoopSource(name, source)]),
  );
  return { ...checked, participants: { ...participants, sources } };
}
