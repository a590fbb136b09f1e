// Schedules checkpoint attempts, one at a time, from the interval and from requests.

import { assert } from '../../assert.js';
import { toError } from '../../errors.js';
import type { StepContext } from '../context.js';
import { isIdle, UncommittedInput } from '../dataflow/idle.js';
import { resumeFlow, type Generation } from '../lifecycle/generation.js';
import type { SchedulerEvent } from '../lifecycle/life-events.js';
import { newAttempt, type Attempt } from './attempt.js';
import { errorOf, finalFailed, type AttemptEnd, type StepName } from './outcome.js';
import {
  cancelled,
  Interval,
  newRequest,
  outcomeOf,
  Requests,
  settleRequest,
  type CheckpointOutcome,
  type PendingRequest,
  type RequestOutcome,
} from './requests.js';
import { cancelAcknowledgements } from './steps/acknowledge.js';
import { concludeAttempt, runAttempt, type RunningAttempt } from './run-attempt.js';

export interface SchedulerOptions {
  /** Whether a cut can be taken at any time, or only when a loop comes to a safe point. */
  readonly takesCutsAnyTime: boolean;
}

/** One generation that is being served. */
interface Service {
  readonly generation: Generation;
  readonly send: (event: SchedulerEvent) => void;
}

export class CheckpointScheduler {
  readonly uncommitted: UncommittedInput;
  readonly #context: StepContext;
  readonly #takesCutsAnyTime: boolean;
  readonly #requests = new Requests();
  readonly #interval: Interval;
  #service: Service | undefined;
  /** Why the last generation ended. */
  #endReason: unknown;
  #running: RunningAttempt | undefined;
  /** From the moment a request is taken, also while nothing but a question for news is open. */
  #serving: PendingRequest | undefined;
  #isDraining = false;

  constructor(context: StepContext, { takesCutsAnyTime }: SchedulerOptions) {
    this.#context = context;
    this.#takesCutsAnyTime = takesCutsAnyTime;
    this.uncommitted = new UncommittedInput(context);
    this.#interval = new Interval(context.clock, context.options, () => {
      this.#requests.addDue();
      void this.serve();
    });
  }

  get current(): Attempt | undefined {
    return this.#running?.attempt;
  }

  get isCutDue(): boolean {
    return !this.#requests.isEmpty && this.#serving === undefined && this.#service !== undefined;
  }

  /**
   * A generation is ready: its records flow, and attempts may begin.
   *
   * @returns Ends the service: an open attempt ends with it, requests wait for the next one.
   */
  open(generation: Generation, send: Service['send']): () => void {
    assert(this.#service === undefined, 'two generations take checkpoints at once');
    this.#endReason = undefined;
    this.#service = { generation, send };
    const failed = (error: unknown): void => this.fail(generation, error);
    if (resumeFlow(this.#context, generation, failed)) {
      this.#interval.open();
      void this.serve();
    }
    return () => this.#close();
  }

  /** Everything that ends a generation comes through here, whatever step it was in. */
  fail(generation: Generation, cause: unknown): void {
    const service = this.#service;
    // What is past has nothing to say about a later generation.
    if (service?.generation !== generation || this.#endReason !== undefined) return;
    this.#endReason = cause;
    const open = this.#takesCutsAnyTime ? generation : undefined;
    this.uncommitted.failed(cause, open);
    for (const { writer } of generation.sinks.values()) writer.fail();
    this.#running?.cancel(cause);
    service.send({ type: 'failed', cause });
  }

  /** Nothing will be served from now on. */
  dismissAll(reason: unknown): void {
    for (let next = this.#requests.takeNext(); next; next = this.#requests.takeNext()) {
      settleRequest(next, cancelled(reason));
    }
  }

  /** A checkpoint as soon as a cut can be taken; with a label a savepoint. */
  async request(label?: string): Promise<CheckpointOutcome> {
    const { clock, options } = this.#context;
    const ticket = this.#requests.add(label);
    const bound = ticket.within(clock, options.timeouts.alignmentMs, () => {
      return this.#serving === undefined && this.#requests.withdraw(ticket);
    });
    void this.serve();
    const outcome = await ticket.ended;
    bound.cancel();
    return outcome;
  }

  /**
   * Serves the next request, if there is one and its cut can be taken now. Never rejects.
   *
   * @returns Settles when the cut has been taken, or there will be none.
   */
  async serve({ isAtSafePoint = false } = {}): Promise<void> {
    const service = this.#service;
    if (service === undefined || !this.isCutDue) return;
    try {
      if (!isAtSafePoint) {
        service.send({ type: 'due' });
        if (!this.#takesCutsAnyTime || this.#isDraining) return;
      }
      const request = this.#requests.takeNext();
      if (request !== undefined) await this.#take(service.generation, request);
    } catch (error) {
      this.fail(service.generation, error);
    }
  }

  /** The final checkpoint, and what was asked for before; tells the life how it went. */
  drain(): void {
    const service = this.#service;
    if (service === undefined || this.#isDraining) return;
    this.#isDraining = true;
    // An attempt that takes as long as the interval would make another one due, without end.
    this.#interval.end();
    this.#drain().then(
      () => service.send({ type: 'drained' }),
      (cause: unknown) => service.send({ type: 'not-drained', cause }),
    );
  }

  /** @throws TidegateError `TIDEGATE_FINAL_CHECKPOINT` when the last records could not be committed. */
  async #drain(): Promise<void> {
    const { tolerableFailures } = this.#context.options;
    for (let abandonments = 0; ;) {
      const outcome = await this.#takeFinal();
      if (outcome.kind === 'completed' || outcome.kind === 'skipped') {
        if (this.#requests.isEmpty) return;
        continue;
      }
      abandonments += 1;
      const isFinal = outcome.kind === 'failed' || this.#endReason !== undefined;
      if (isFinal || abandonments > tolerableFailures) throw finalFailed(errorOf(outcome.cause));
    }
  }

  #close(): void {
    const service = this.#service;
    this.#service = undefined;
    this.#endReason ??= new Error('the coordinator has stopped');
    this.#interval.cancel();
    this.#running?.cancel(this.#endReason);
    if (service !== undefined) cancelAcknowledgements(service.generation);
    for (const { writer } of service?.generation.sinks.values() ?? []) writer.fail();
  }

  /** One attempt for the records since the last one, when nothing else is going on. */
  async #takeFinal(): Promise<RequestOutcome> {
    // Each turn waits for something that has not happened: a wait for what is over already would
    // spin without ever letting the process do anything else.
    while (this.#serving !== undefined) await outcomeOf(this.#serving);
    const service = this.#service;
    if (service === undefined || this.#endReason !== undefined) return cancelled(this.#endReason);
    const request = this.#requests.takeNext() ?? newRequest();
    const outcome = outcomeOf(request);
    await this.#take(service.generation, request);
    return outcome;
  }

  #isOver(generation: Generation): boolean {
    return this.#service?.generation !== generation || this.#endReason !== undefined;
  }

  #skip(request: PendingRequest): void {
    this.#context.events.emit('checkpoint-skipped', { why: 'idle' });
    if (this.#interval.hasPassedOnce && !this.uncommitted.hasAny) {
      this.#service?.send({ type: 'idle' });
    }
    this.#finish(request, { kind: 'skipped', why: 'idle' });
  }

  /** Settles when the cut has been taken, or the request has ended without one. */
  async #take(generation: Generation, request: PendingRequest): Promise<void> {
    const { kind, label } = request;
    this.#serving = request;
    try {
      const hasNothingNew = kind === 'checkpoint' && (await isIdle(this.#context, generation));
      if (this.#isOver(generation)) {
        this.#finish(request, cancelled(this.#endReason));
        return;
      }
      if (hasNothingNew) {
        this.#skip(request);
        return;
      }
      const waits = (problem: unknown): void => this.#service?.send({ type: 'waiting', problem });
      const attempt = newAttempt(this.#context, generation, request, waits);
      this.#context.events.emit('attempt-started', { ...attempt.barrier, kind, label });
      if (this.#isOver(generation)) {
        // A listener has ended the generation, and nothing of this attempt has begun.
        const cause = { kind: 'cancelled', step: 'barrier', reason: this.#endReason } as const;
        this.#end(attempt, { kind: 'abandoned', cause });
        return;
      }
      this.#running = runAttempt(attempt);
      const ended = this.#running.ended.then((end) => {
        this.#running = undefined;
        this.#end(attempt, end);
      });
      await Promise.race([attempt.cut.complete.catch(() => ended), ended]);
    } catch (error) {
      this.#breakDown(generation, request, 'barrier', error);
    }
  }

  /** Never throws: an attempt that does not end would be the last one. */
  #end(attempt: Attempt, end: AttemptEnd): void {
    const { generation, request } = attempt;
    try {
      // First: a listener of the end may ask for the status.
      this.#context.tally.count(end);
      concludeAttempt(attempt, end);
      if (end.kind === 'completed') {
        this.uncommitted.committed();
        this.#service?.send({ type: 'completed' });
      }
      if (end.kind === 'failed') this.fail(generation, errorOf(end.cause));
      this.#finish(request, end);
    } catch (error) {
      const step = end.kind === 'completed' ? 're-save' : end.cause.step;
      this.#breakDown(generation, request, step, error);
    }
  }

  #breakDown(
    generation: Generation,
    request: PendingRequest,
    step: StepName,
    error: unknown,
  ): void {
    this.fail(generation, toError(error));
    this.#finish(request, { kind: 'failed', cause: { kind: 'failed', step, error } });
  }

  #finish(request: PendingRequest, outcome: RequestOutcome): void {
    this.#serving = undefined;
    settleRequest(request, outcome);
    if (this.#service === undefined || this.#endReason !== undefined) return;
    this.#interval.arm();
    void this.serve();
  }
}
