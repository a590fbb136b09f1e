// A user's loop as the coordinator sees it: its safe points, its batches, and whether it comes to them.

import { isDeepStrictEqual } from 'node:util';
import type { Sink } from '../../contracts/sink.js';
import type { ReadableSource } from '../../contracts/source.js';
import { TidegateError } from '../../errors.js';
import { areOfOneFunction, awaitersHere, type Awaiter } from '../../runtime/awaiters.js';
import { untilAwaited } from '../../runtime/event-loop.js';
import { withDeadline } from '../../runtime/deadline.js';
import type { StepContext } from '../context.js';
import { patienceOf, writersOf, type Generation, type OpenSink } from '../lifecycle/generation.js';
import type { Lifecycle } from '../lifecycle/lifecycle.js';
import type { Named } from '../options/coordinator-options.js';
import { BatchLoop, type BatchPort, type BatchSource } from './batch-loop.js';
import { BatchReader } from './batch-reader.js';
import { enteredTwice, insideBatches, leftHalfway } from './loop-errors.js';
import { isReadable, LoopSource } from './loop-source.js';
import type { SafePoint } from './safe-point.js';
import { SafePointWatch } from './safe-point-watch.js';
import type { LoopStanding, SafePointLoop } from './safe-point-loop.js';
import { TurnTaking } from './turn-taking.js';

/** Safe points at which it is looked who waits for them, and how many of these are remembered. */
const firstLooks = 3;
const maxAwaiters = 4;

/** A source that hangs keeps no loop that has ended. */
const lastWaitMs = 500;

export class LoopDriver<Sinks extends Named<Sink>> {
  readonly #context: StepContext;
  readonly #loop: SafePointLoop;
  readonly #life: Lifecycle;
  readonly #turns: TurnTaking;
  readonly #watch: SafePointWatch;
  /** Whether a safe point has more to do than to look at this flag. */
  #needsAttention = true;
  /** The answer of every safe point at which nothing is due. */
  #continue: Promise<SafePoint<Sinks>> | undefined;
  /** Generation that the loop knows of. */
  #known: Generation | undefined;
  #batches: BatchLoop<unknown, Sinks> | undefined;
  #isLeftHalfway = false;
  /** A loop over batches has come to its end. */
  #hasEnded = false;
  #isStopping = false;
  #isHeld = false;
  /** Who waits for the safe points, newest last: looked at where something is due, and at the first few. */
  #awaiters: (readonly Awaiter[])[] = [];
  #looksLeft = firstLooks;

  constructor(context: StepContext, loop: SafePointLoop, life: Lifecycle) {
    this.#context = context;
    this.#loop = loop;
    this.#life = life;
    this.#turns = new TurnTaking(context.clock);
    this.#watch = new SafePointWatch(context);
    loop.endReadingsBy(async () => this.#batches?.endReadings());
  }

  get safePointMissingForMs(): number | undefined {
    return this.#watch.missingForMs;
  }

  /** Recovery has put everything to the first checkpoint. */
  begin(generation: Generation): void {
    this.#known = generation;
    this.refresh();
  }

  safePoint(): Promise<SafePoint<Sinks>> {
    if (this.#batches !== undefined) return Promise.reject(insideBatches());
    this.#hasEnded = false;
    if (this.#needsAttention || this.#continue === undefined || this.#turns.isDue()) {
      return this.#arrive();
    }
    this.#markSafePoint();
    return this.#continue;
  }

  /** @throws TidegateError `TIDEGATE_LIFECYCLE`, `TIDEGATE_OPTIONS`. */
  batches<Rec>(sources: readonly ReadableSource<Rec>[]): BatchLoop<Rec, Sinks> {
    if (this.#batches !== undefined) {
      throw new TidegateError('TIDEGATE_LIFECYCLE', 'a loop over batches() is at work already');
    }
    const chosen = this.#chosen(sources, () => this.#batches?.wake());
    this.#goBackBehindHalf();
    this.#hasEnded = false;
    const loop = new BatchLoop<Rec, Sinks>(this.#port(), chosen);
    this.#batches = loop;
    return loop;
  }

  /** Where the loop is when a stop comes. */
  standing(): LoopStanding | 'left-halfway' {
    if (this.#isLeftHalfway) return 'left-halfway';
    if (this.#batches?.isInBatch === true) return 'halfway';
    if (this.#hasEnded || this.#batches !== undefined) return 'at-safe-point';
    return this.#loop.standing(this.#writtenCount());
  }

  /** A stop comes: where the loop is, which must not move on from a safe point meanwhile. */
  stops(): LoopStanding | 'left-halfway' {
    this.#isStopping = true;
    const standing = this.standing();
    this.#isHeld = standing === 'at-safe-point';
    if (this.#isHeld) this.#loop.arrive();
    if (standing === 'unclear') this.#loop.takeForEnded();
    return standing;
  }

  stopped(): void {
    if (this.#isHeld) this.#loop.leave();
  }

  /**
   * Whether the caller is awaited by the loop, between two of its safe points: what waits for the next one
   * would wait for itself. The caller has to have come back from an `await` of its own.
   */
  isAwaitedByLoop(): boolean {
    if (this.#loop.isWaiting) return false;
    const here = awaitersHere();
    return this.#awaiters.some((known) => areOfOneFunction(here, known));
  }

  /** Prepares the answer of the next safe points, so that they cost next to nothing. */
  refresh(): void {
    const { phase, generation, scheduler } = this.#life;
    const isKnown = generation !== undefined && generation === this.#known;
    const isDue = phase !== 'running' || !isKnown || scheduler.isCutDue;
    this.#needsAttention = isDue || this.#looksLeft > 0;
    if (!isKnown) this.#continue = undefined;
    else
      this.#continue ??= Promise.resolve({ kind: 'continue', sinks: writersOf(generation.sinks) });
    if (isDue) this.#batches?.wake();
    const isAtWork = this.#known !== undefined && !this.#life.isOver;
    if (isDue && isAtWork && !this.#loop.isWaiting) this.#watch.expect();
    else if (this.#life.isOver) this.#watch.heard();
  }

  async #arrive(): Promise<SafePoint<Sinks>> {
    const loop = this.#loop;
    if (loop.isWaiting)
      throw this.#life.isOver ? this.#life.wrongPhase('safePoint()') : enteredTwice();
    this.#enter();
    try {
      if (this.#turns.isSpent()) await this.#turns.pass();
      if (this.#looksLeft > 0) await untilAwaited();
      const hasRewound = await this.#settle();
      this.#findAwaiters();
      const sinks = writersOf<Sinks>(this.#known?.sinks ?? new Map<string, OpenSink>());
      return { kind: hasRewound ? 'rewound' : 'continue', sinks };
    } finally {
      loop.leave();
    }
  }

  #enter(): void {
    this.#loop.arrive();
    this.#watch.heard();
    this.#life.send({ type: 'arrived' });
  }

  /** Serves what is due and waits out a recovery; whether everything was put back. */
  async #settle(): Promise<boolean> {
    const life = this.#life;
    while (this.#isRecovering()) await life.untilPhaseLeaves('recovering');
    // Also right after a rewind: a checkpoint that was asked for waits for this safe point.
    if (life.phase === 'running') await life.scheduler.serve({ isAtSafePoint: true });
    while (this.#isRecovering()) await life.untilPhaseLeaves('recovering');
    // The final checkpoint is taken here.
    if (life.phase === 'draining') await life.done.catch(() => undefined);
    if (life.phase === 'halted') await life.done;
    const { generation } = life;
    if (life.phase !== 'running' || generation === undefined) throw life.wrongPhase('safePoint()');
    const hasRewound = this.#known !== generation;
    this.#known = generation;
    this.refresh();
    this.#markSafePoint();
    return hasRewound;
  }

  #port(): BatchPort<Sinks> {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- a getter of an object literal has its own
    const driver = this;
    return {
      arrive: () => {
        this.#enter();
      },
      leave: () => {
        this.#loop.leave();
      },
      settle: () => this.#settleForBatches(),
      get needsAttention() {
        return driver.#needsAttention;
      },
      commit: () => this.#commit(),
      ended: ({ isLeftHalfway }) => this.#ended(isLeftHalfway),
    };
  }

  async #settleForBatches(): ReturnType<BatchPort<Sinks>['settle']> {
    if (this.#turns.isDue()) await this.#turns.pass();
    if (this.#looksLeft > 0) await untilAwaited();
    try {
      const isDue = this.#needsAttention;
      const hasRewound = isDue && (await this.#settle());
      if (isDue) this.#findAwaiters();
      if (!hasRewound) this.#markSafePoint();
      return {
        hasRewound,
        sinks: writersOf<Sinks>(this.#known?.sinks ?? new Map<string, OpenSink>()),
      };
    } catch (error) {
      if (!this.#isStopping || this.#life.phase === 'halted') throw error;
      // With the reason where the last records could not be committed.
      await this.#life.done;
      return undefined;
    }
  }

  async #ended(isLeftHalfway: boolean): Promise<void> {
    const batches = this.#batches;
    this.#batches = undefined;
    this.#isLeftHalfway = isLeftHalfway;
    this.#hasEnded = !isLeftHalfway;
    const bound = { clock: this.#context.clock, timeoutMs: lastWaitMs };
    await withDeadline(bound, () => batches?.endReadings());
  }

  /** At the end of the input: where it fails, the records come again. */
  async #commit(): Promise<boolean> {
    const asked = this.#life.scheduler.request();
    this.refresh();
    if (this.#life.phase === 'running') await this.#life.scheduler.serve({ isAtSafePoint: true });
    const { kind } = await Promise.race([asked, this.#life.done.then(() => ({ kind: 'over' }))]);
    // An abandoned one is left to `stop`, which gives up at some point and says why.
    return kind !== 'failed' && this.#life.phase !== 'recovering';
  }

  /** Behind an `await` of this safe point: only then does anything wait for it. */
  #findAwaiters(): void {
    if (this.#looksLeft > 0) {
      this.#looksLeft -= 1;
      this.refresh();
    }
    const found = awaitersHere();
    const isKnown = this.#awaiters.some((known) => isDeepStrictEqual(known, found));
    if (found.length > 0 && !isKnown)
      this.#awaiters = [...this.#awaiters, found].slice(-maxAwaiters);
  }

  #chosen(sources: readonly ReadableSource[], changed: () => void): readonly BatchSource[] {
    const { participants } = this.#context;
    const known = [...participants.sources.values()].filter((one) => one instanceof LoopSource);
    if (sources.length === 0 || new Set(sources).size < sources.length) {
      throw new TidegateError('TIDEGATE_OPTIONS', 'batches() takes one source or more, each once');
    }
    return sources.map((source) => {
      const cursor = known.find((one) => one.source === source);
      if (cursor === undefined || !isReadable(source)) {
        throw new TidegateError(
          'TIDEGATE_OPTIONS',
          `batches() takes sources that the coordinator was given and that can be read: of ` +
            [...participants.sources.keys()].join(', '),
        );
      }
      const failed = (error: unknown): void => this.#fail(error);
      const patience = patienceOf(this.#context);
      return { cursor, reader: new BatchReader({ cursor, source, patience, failed, changed }) };
    });
  }

  /** A loop that was left in the middle of a batch begins anew: what it had written must not be committed. */
  #goBackBehindHalf(): void {
    if (!this.#isLeftHalfway) return;
    this.#isLeftHalfway = false;
    this.#fail(leftHalfway());
  }

  #fail(error: unknown): void {
    const { generation, scheduler } = this.#life;
    if (generation !== undefined) scheduler.fail(generation, error);
  }

  /** Asked again after each wait: the next failure may have come before this code runs. */
  #isRecovering(): boolean {
    return this.#life.phase === 'recovering';
  }

  #markSafePoint(): void {
    this.#loop.mark(this.#writtenCount());
  }

  #writtenCount(): number {
    let count = 0;
    for (const { writer } of this.#known?.sinks.values() ?? []) count += writer.writtenCount;
    return count;
  }
}
