// Drives a coordinator through its life: the machine as an actor, with recovery and the scheduler.

import { createActor, fromCallback, fromPromise, waitFor, type Actor } from 'xstate';
import { hasErrorCode, TidegateError, toError } from '../../errors.js';
import { letManyListen } from '../../runtime/abort.js';
import { withDeadline } from '../../runtime/deadline.js';
import type { AttemptTally } from '../checkpoint/outcome.js';
import { CheckpointScheduler } from '../checkpoint/scheduler.js';
import { acknowledgeAndPrune } from '../checkpoint/steps/acknowledge.js';
import { watched, xstateClock, type StepContext } from '../context.js';
import { closeSinks, discardUnrecorded, unanswered, type Generation } from './generation.js';
import type { Drain, LifeContext, LifeEvent, Phase, Recovered } from './life-events.js';
import { lifeMachine } from './machine.js';
import { GenerationRecovery, type GenerationRecoveryOptions } from './recover-generation.js';

export interface LifecycleOptions extends Omit<GenerationRecoveryOptions, 'waits'> {
  /** Whether a cut can be taken at any time, or only when a loop comes to a safe point. */
  readonly takesCutsAnyTime: boolean;
}

/** The end of a generation with a server that does not answer: nothing is in flight there. */
const closeTimeoutMs = 500;

export class Lifecycle {
  readonly scheduler: CheckpointScheduler;
  /** Settles when everything is closed. */
  readonly done: Promise<void>;
  readonly #context: StepContext;
  readonly #takesCutsAnyTime: boolean;
  readonly #recovery: GenerationRecovery;
  readonly #actor: Actor<typeof lifeMachine>;
  /** An action or a guard of the machine threw: nothing moves from here. */
  #bug: { readonly error: unknown } | undefined;

  constructor(options: LifecycleOptions, changed: () => void) {
    const { context, takesCutsAnyTime } = options;
    this.#context = context;
    this.#takesCutsAnyTime = takesCutsAnyTime;
    this.scheduler = new CheckpointScheduler(context, { takesCutsAnyTime });
    const waits = (problem: Error): void => this.send({ type: 'waiting', problem });
    this.#recovery = new GenerationRecovery({ ...options, waits });
    this.#actor = this.#createActor();
    this.done = new Promise<void>((resolve) => {
      this.#actor.subscribe({
        complete: resolve,
        error: (error) => {
          this.#bug = { error };
          resolve();
        },
      });
    }).then(() => this.#finish());
    // A halt is also thrown at the next safe point: a listener here is not needed.
    this.done.catch(() => undefined);
    this.#actor.start();
    this.#actor.subscribe({ next: changed });
  }

  get phase(): Phase {
    if (this.#bug !== undefined) return 'halted';
    // Every state has one tag, and it is a phase.
    const [phase = 'created'] = this.#actor.getSnapshot().tags as ReadonlySet<Phase>;
    return phase;
  }

  /** What the machine knows. */
  get facts(): LifeContext {
    const { context } = this.#actor.getSnapshot();
    return this.#bug === undefined ? context : { ...context, cause: this.#bug.error };
  }

  /** The newest that came out of recovery. */
  get generation(): Generation | undefined {
    return this.facts.generation;
  }

  /** What the latest attempts have come to. */
  get tally(): AttemptTally {
    return this.#context.tally;
  }

  get isOver(): boolean {
    return this.phase === 'stopped' || this.phase === 'halted';
  }

  /** The error of a call that comes too early or too late. */
  wrongPhase(call: string): TidegateError {
    const { phase, facts } = this;
    const code = phase === 'halted' ? 'TIDEGATE_HALTED' : 'TIDEGATE_LIFECYCLE';
    const message = `${call} does not fit: the coordinator is ${phase}`;
    return new TidegateError(code, message, { cause: facts.cause });
  }

  send(event: LifeEvent): void {
    if (this.#bug === undefined) this.#actor.send(event);
  }

  /** Settles when the phase is another one, also when the machine has broken down. */
  async untilPhaseLeaves(phase: Phase): Promise<void> {
    // By the time the caller goes on it may be the same one again.
    while (this.phase === phase) {
      const left = waitFor(this.#actor, (snapshot) => !snapshot.hasTag(phase), {
        timeout: Infinity,
      });
      await left.catch(() => undefined);
    }
  }

  #createActor(): Actor<typeof lifeMachine> {
    const { clock, options } = this.#context;
    const { tolerableFailures, timeouts } = options;
    const machine = lifeMachine.provide({
      actors: {
        recover: fromPromise(({ input, signal }) => this.#recover(input, letManyListen(signal))),
        scheduler: fromCallback<Drain, Generation>(({ input, sendBack, receive }) => {
          receive(() => this.scheduler.drain());
          return this.scheduler.open(input, sendBack);
        }),
      },
    });
    return createActor(machine, {
      input: { tolerableFailures, safePointTimeoutMs: timeouts.alignmentMs },
      clock: xstateClock(clock),
      ...watched(this.#context),
    });
  }

  async #recover(facts: LifeContext, signal: AbortSignal): Promise<Recovered> {
    const { events } = this.#context;
    const { occasion, failure, generation: past } = facts;
    events.emit('recovery-started', { occasion, cause: failure });
    // By then the generation that is recovered is the open one.
    const failed = (error: unknown): void => {
      if (this.generation !== undefined) this.scheduler.fail(this.generation, error);
    };
    const recovered = await this.#recovery.recoverGeneration(facts, signal, failed);
    if (past !== undefined) await this.scheduler.uncommitted.resolve();
    // Ended from outside, it has come to nothing.
    if (!signal.aborted) events.emit('recovery-ended', recovered.report);
    if (recovered.kind === 'refused') return recovered;
    if (!signal.aborted) await this.#repeatAcknowledgement(recovered.generation, signal);
    return recovered;
  }

  /** A crash may have come between step 7 and the acknowledgement. */
  async #repeatAcknowledgement(generation: Generation, signal: AbortSignal): Promise<void> {
    const { clock, options } = this.#context;
    const bound = { clock, timeoutMs: options.timeouts.acknowledgeMs, signal };
    await withDeadline(bound, (inner) =>
      acknowledgeAndPrune(this.#context, generation, generation.base, inner),
    );
  }

  /** @throws The cause of a halt, or of a stop without its final checkpoint. */
  async #finish(): Promise<void> {
    const { events, logger } = this.#context;
    const { cause, generation } = this.facts;
    const isHalted = this.phase === 'halted';
    if (isHalted) logger.error({ err: cause }, 'the coordinator has halted');
    if (hasErrorCode(cause, 'TIDEGATE_FENCED')) {
      events.emit('fenced', { generation: generation?.number, error: cause });
    }
    for (const { writer } of generation?.sinks.values() ?? []) writer.fence();
    this.scheduler.dismissAll(cause ?? new Error('the coordinator has stopped'));
    await this.#closeAll(generation);
    if (isHalted) {
      events.emit('halted', { cause });
      throw halted(cause);
    }
    events.emit('stopped');
    if (cause !== undefined) throw toError(cause);
  }

  /** Each within its bound: a participant that hangs cannot keep the process. */
  async #closeAll(generation: Generation | undefined): Promise<void> {
    const { clock, options, barriers, logger } = this.#context;
    const { waitsFor, cause } = this.facts;
    const isDown = waitsFor !== undefined;
    const timeoutMs = isDown
      ? Math.min(closeTimeoutMs, options.timeouts.callMs)
      : options.timeouts.callMs;
    const bound = { clock, timeoutMs };
    if (generation !== undefined) {
      if (this.#takesCutsAnyTime) {
        await withDeadline(bound, (signal) => barriers.suspend({ signal }));
      }
      const isFenced = hasErrorCode(cause, 'TIDEGATE_FENCED');
      // A crash leaves it too; a newer owner has looked at it already.
      if (cause !== undefined && !isFenced && !isDown) {
        await discardUnrecorded(this.#context, generation, timeoutMs);
      }
      await closeSinks(this.#context, generation, timeoutMs);
    }
    const outcome = await withDeadline(bound, () => this.#recovery.close());
    if (outcome.kind !== 'answered')
      logger.warn(unanswered(outcome), 'the store could not be closed');
  }
}

function halted(cause: unknown): TidegateError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new TidegateError('TIDEGATE_HALTED', `the coordinator has halted: ${why}`, { cause });
}
