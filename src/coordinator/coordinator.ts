// The coordinator: recovers first, takes checkpoints while records flow, and never guesses.

import { TidegateError } from '../errors.js';
import type { BarrierPort, FlowStatus, SinkWriter } from '../contracts/barrier.js';
import type { Sink } from '../contracts/sink.js';
import type { CheckpointId, Epoch, Generation } from '../ids.js';
import { recover as defaultRecover } from '../recovery/recover.js';
import type { RecoveryReport } from '../recovery/report.js';
import type { CheckpointOutcome } from './checkpoint/requests.js';
import { SafePointLoop } from './dataflow/safe-point-loop.js';
import { bestEffort, type CoordinatorEventSource } from './events.js';
import type { Generation as OpenGeneration, OpenSink } from './lifecycle/generation.js';
import { Lifecycle } from './lifecycle/lifecycle.js';
import type { Phase } from './lifecycle/life-events.js';
import {
  checkOptions,
  contextOf,
  type CoordinatorOptions,
  type Named,
  type WritersOf,
} from './options/coordinator-options.js';
import { guaranteeOf, type Guarantee } from './options/guarantee.js';

/**
 * The answer of a safe point. After `rewound` the sources are back at the last checkpoint: drop what
 * was read before.
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
  readonly #barriers: BarrierPort;
  readonly #loop: SafePointLoop | undefined;
  readonly #life: Lifecycle;
  /** Whether a safe point has more to do than to look at this flag. */
  #needsAttention = true;
  /** The answer of every safe point at which nothing is due. */
  #continue: Promise<SafePoint<Sinks>> | undefined;
  /** Generation that the loop knows of. */
  #known: OpenGeneration | undefined;

  /** @throws TidegateError `TIDEGATE_OPTIONS`, with every problem in one message. Does no I/O. */
  constructor(options: CoordinatorOptions<Sinks>) {
    const checked = checkOptions(options);
    const barriers = options.barriers ?? new SafePointLoop(checked.participants);
    const loop = barriers instanceof SafePointLoop ? barriers : undefined;
    this.#barriers = barriers;
    this.#loop = loop;
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
        this.#refreshFastPath();
      });
    this.#life = new Lifecycle(lifecycle, refresh);
    this.#closeOnAbort(options.signal);
  }

  /** Settles when everything is closed: fulfilled after a stop, rejected with the cause of a halt. */
  get done(): Promise<void> {
    return this.#life.done;
  }

  /** Writers of the generation that is at work now. */
  get sinks(): WritersOf<Sinks> {
    const { generation } = this.#life;
    if (generation === undefined) throw this.#wrongPhase('sinks');
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
    if (life.phase !== 'created') throw this.#wrongPhase('start()');
    life.send({ type: 'start' });
    await life.untilPhaseLeaves('recovering');
    const { report, generation, waitsFor } = life.facts;
    if (life.isOver) await life.done;
    if (report === undefined || generation === undefined) throw closedEarly(waitsFor);
    this.#known = generation;
    this.#refreshFastPath();
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
    if (this.#needsAttention || this.#continue === undefined) return this.#arrive();
    this.#markSafePoint();
    return this.#continue;
  }

  /** A checkpoint as soon as a cut can be taken; what became of it, also when it is no success. */
  async checkpoint(): Promise<CheckpointOutcome> {
    this.#refuseUnlessAlive('checkpoint()');
    return this.#life.scheduler.request();
  }

  /** A checkpoint that is kept until a person deletes it; taken also when nothing is new. */
  async savepoint(label: string): Promise<CheckpointOutcome> {
    this.#refuseUnlessAlive('savepoint()');
    return this.#life.scheduler.request(label);
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
    const loop = this.#loop;
    const isLoop = loop !== undefined;
    const standing = loop?.standing(this.#writtenCount()) ?? 'at-safe-point';
    const isAtSafePoint = isLoop && standing === 'at-safe-point';
    if (isAtSafePoint) loop.arrive();
    if (standing === 'unclear') loop?.takeForEnded();
    try {
      life.send({ type: 'stop', isLoop, standing });
      await life.done;
    } finally {
      if (isAtSafePoint) loop.leave();
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

  async #arrive(): Promise<SafePoint<Sinks>> {
    const loop = this.#loop;
    const life = this.#life;
    if (loop === undefined || loop.isWaiting) throw this.#wrongPhase('a second safePoint()');
    loop.arrive();
    try {
      life.send({ type: 'arrived' });
      while (this.#isRecovering()) await life.untilPhaseLeaves('recovering');
      // Also right after a rewind: a checkpoint that was asked for waits for this safe point.
      if (life.phase === 'running') await life.scheduler.serve({ isAtSafePoint: true });
      while (this.#isRecovering()) await life.untilPhaseLeaves('recovering');
      // The final checkpoint is taken here.
      if (life.phase === 'draining') await life.done.catch(() => undefined);
      if (life.phase === 'halted') await life.done;
      const { generation } = life;
      if (life.phase !== 'running' || generation === undefined) {
        throw this.#wrongPhase('safePoint()');
      }
      const hasRewound = this.#known !== generation;
      this.#known = generation;
      this.#refreshFastPath();
      this.#markSafePoint();
      return { kind: hasRewound ? 'rewound' : 'continue', sinks: this.sinks };
    } finally {
      loop.leave();
    }
  }

  /** Asked again after each wait: the next failure may have come before this code runs. */
  #isRecovering(): boolean {
    return this.#life.phase === 'recovering';
  }

  #markSafePoint(): void {
    this.#loop?.mark(this.#writtenCount());
  }

  #writtenCount(): number {
    let count = 0;
    for (const { writer } of this.#known?.sinks.values() ?? []) count += writer.writtenCount;
    return count;
  }

  /** Prepares the answer of the next safe points, so that they cost next to nothing. */
  #refreshFastPath(): void {
    const { phase, generation, scheduler } = this.#life;
    const isKnown = generation !== undefined && generation === this.#known;
    this.#needsAttention = phase !== 'running' || !isKnown || scheduler.isCutDue;
    if (!isKnown) this.#continue = undefined;
    else this.#continue ??= Promise.resolve({ kind: 'continue', sinks: this.sinks });
  }

  #closeOnAbort(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    const close = (): void => this.#life.send({ type: 'close' });
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
function closedEarly(cause: unknown): TidegateError {
  const waited = cause instanceof Error ? `; recovery was waiting: ${cause.message}` : '';
  const message = `start() was ended: the coordinator was stopped before it had recovered${waited}`;
  return new TidegateError('TIDEGATE_RECOVERY_ABORTED', message, { cause });
}

function writersOf<Sinks extends Named<Sink>>(
  sinks: ReadonlyMap<string, OpenSink>,
): WritersOf<Sinks> {
  const writers = [...sinks].map(([name, { writer }]): [string, SinkWriter] => [name, writer]);
  return Object.freeze(Object.fromEntries(writers)) as WritersOf<Sinks>;
}
