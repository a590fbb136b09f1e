// Where attempts begin and end: requests and the interval come in, one attempt at a time goes out.

import { assert } from '../assert.js';
import type { Timer } from '../runtime/clock.js';
import { errorOf } from './attempt-error.js';
import { attemptRunner, type AttemptRunner, type RunningAttempt } from './attempt-runner.js';
import { AttemptTally } from './attempt-tally.js';
import type { Attempt } from './attempt.js';
import { concludeAttempt } from './conclude-attempt.js';
import type { GenerationRun } from './generation-run.js';
import { isIdle } from './idle.js';
import { Interval } from './interval.js';
import type { AttemptEnd, StepName } from './machine/steps.js';
import { newAttempt } from './new-attempt.js';
import {
  cancelled,
  newRequest,
  outcomeOf,
  Requests,
  settleRequest,
  type Asked,
  type CheckpointOutcome,
  type PendingRequest,
  type UntoldOutcome,
} from './requests.js';
import type { StepContext } from './step-context.js';

export interface AttemptDeskHooks {
  /** A cut may be due now. */
  readonly due: () => void;
  readonly completed: () => void;
  /** Nothing is new, and has not been for as long as it takes until the next attempt. */
  readonly idle: () => void;
  /** Only recovery can mend it. */
  readonly failed: (cause: unknown) => void;
}

interface CurrentAttempt {
  readonly attempt: Attempt;
  readonly running: RunningAttempt;
}

/** The time in which one request is served. */
interface Service {
  readonly ended: Promise<void>;
  readonly end: () => void;
}

export class AttemptDesk {
  readonly #context: StepContext;
  readonly #hooks: AttemptDeskHooks;
  readonly #runAttempt: AttemptRunner;
  readonly #requests = new Requests();
  #run: GenerationRun | undefined;
  /** Why the last generation ended. */
  #endReason: unknown;
  #current: CurrentAttempt | undefined;
  /** From the moment a request is taken, also while nothing but a question for news is open. */
  #service: Service | undefined;
  readonly #interval: Interval;
  /** Of the whole life, not of one generation. */
  readonly tally: AttemptTally;

  constructor(context: StepContext, hooks: AttemptDeskHooks) {
    this.#context = context;
    this.#hooks = hooks;
    this.#runAttempt = attemptRunner(context);
    this.tally = new AttemptTally(context.logger);
    this.#interval = new Interval(context.clock, context.options, () => {
      this.#requests.addDue();
      if (this.isCutDue) this.#hooks.due();
    });
  }

  get current(): Attempt | undefined {
    return this.#current?.attempt;
  }

  get isOpen(): boolean {
    return this.#run !== undefined;
  }

  get hasRequests(): boolean {
    return !this.#requests.isEmpty;
  }

  get #isServing(): boolean {
    return this.#service !== undefined;
  }

  get isCutDue(): boolean {
    return !this.#requests.isEmpty && !this.#isServing && this.isOpen;
  }

  /** A generation is ready: attempts may begin. */
  open(run: GenerationRun): void {
    assert(this.#run === undefined, 'two generations take checkpoints at once');
    this.#run = run;
    this.#interval.open();
    if (this.isCutDue) this.#hooks.due();
  }

  /** The generation is over: an open attempt ends with it, requests wait for the next one. */
  close(reason: unknown): void {
    this.#run = undefined;
    this.#endReason = reason;
    this.#interval.cancel();
    this.#current?.running.cancel(reason);
  }

  /** Nothing will be served any more. */
  dismissAll(reason: unknown): void {
    for (let next = this.#requests.takeNext(); next; next = this.#requests.takeNext()) {
      settleRequest(next, cancelled(reason));
    }
  }

  checkpoint(): Promise<CheckpointOutcome> {
    return this.#await(this.#requests.addCheckpoint());
  }

  savepoint(label: string): Promise<CheckpointOutcome> {
    return this.#await(this.#requests.addSavepoint(label));
  }

  /** Serves the next request; settles when its cut has been taken, or there will be none. */
  async serve(): Promise<void> {
    const run = this.#run;
    const request = this.isCutDue ? this.#requests.takeNext() : undefined;
    if (run === undefined || request === undefined) return;
    await this.#serve(run, request);
  }

  /** One attempt for the records since the last one, when nothing else is going on. */
  async takeFinal(): Promise<UntoldOutcome> {
    // An attempt that takes as long as the interval would make another one due, and so for ever.
    this.#interval.end();
    // Each turn waits for something that has not happened: a wait for what is over already would
    // spin without ever letting the process do anything else.
    while (this.#service !== undefined) await this.#service.ended;
    const run = this.#run;
    if (run === undefined) return cancelled(this.#endReason);
    const request = this.#requests.takeNext() ?? newRequest();
    const outcome = outcomeOf(request);
    await this.#serve(run, request);
    return outcome;
  }

  async #await(asked: Asked): Promise<CheckpointOutcome> {
    const { clock, options } = this.#context;
    const afterMs = options.alignmentTimeoutMs;
    let bound: Timer | undefined;
    // A loop that never reaches a safe point must not leave the caller waiting for ever.
    const giveUp = (): void => {
      if (this.#isServing) bound = clock.setTimer(giveUp, afterMs);
      else if (this.#requests.withdraw(asked)) {
        const cause = { kind: 'timed-out', step: 'barrier', afterMs } as const;
        asked.waiter.resolve({ kind: 'abandoned', cause, isCoalesced: false });
      }
    };
    bound = clock.setTimer(giveUp, afterMs);
    if (this.isCutDue) this.#hooks.due();
    const outcome = await asked.ended;
    bound.cancel();
    return outcome;
  }

  async #serve(run: GenerationRun, request: PendingRequest): Promise<void> {
    await this.#inService(request, async () => {
      if (request.kind === 'checkpoint') {
        const hasNothingNew = await isIdle(this.#context, run);
        if (this.#run !== run) {
          this.#finish(request, cancelled(this.#endReason));
          return;
        }
        if (hasNothingNew) {
          this.#context.events.emit('checkpoint-skipped', { why: 'idle' });
          if (this.#interval.hasPassedOnce) this.#hooks.idle();
          this.#finish(request, { kind: 'skipped', why: 'idle' });
          return;
        }
      }
      await this.#begin(run, request);
    });
  }

  /** Whatever goes wrong in it, the request ends and only recovery goes on. */
  async #inService(request: PendingRequest, work: () => Promise<void>): Promise<void> {
    this.#service = newService();
    try {
      await work();
    } catch (error) {
      this.#breakDown(request, 'barrier', error);
    }
  }

  /** Settles when the cut has been taken or the attempt has ended without one. */
  async #begin(run: GenerationRun, request: PendingRequest): Promise<void> {
    const { clock, events } = this.#context;
    const startedAtMs = clock.monotonicMs();
    const attempt = this.#newAttempt(run, request);
    const { barrier, kind, label, gate } = attempt;
    events.emit('attempt-started', { ...barrier, kind, label });
    if (this.#run !== run) {
      // A listener has ended the generation, and nothing of this attempt has begun.
      const cause = { kind: 'cancelled', step: 'barrier', reason: this.#endReason } as const;
      this.#end(attempt, request, { kind: 'abandoned', cause }, startedAtMs);
      return;
    }
    const running = this.#runAttempt(attempt);
    const ended = running.ended.then((end) => {
      this.#current = undefined;
      this.#end(attempt, request, end, startedAtMs);
    });
    this.#current = { attempt, running };
    await Promise.race([gate.cut.catch(() => ended), ended]);
  }

  /** @throws TidegateError when the sequence of ids has run out: the next generation has a new one. */
  #newAttempt(run: GenerationRun, { kind, label }: PendingRequest): Attempt {
    return newAttempt(this.#context, {
      run,
      kind,
      label,
      dropped: ({ checkpointId }, participant, why) => {
        this.tally.droppedReports += 1;
        this.#context.events.emit('report-dropped', { checkpointId, participant, why });
      },
    });
  }

  /** Never throws: an attempt that does not end would be the last one. */
  #end(attempt: Attempt, request: PendingRequest, end: AttemptEnd, startedAtMs: number): void {
    try {
      const durationMs = this.#context.clock.monotonicMs() - startedAtMs;
      // First: who is told of the end may ask for the status.
      this.tally.count(end);
      const outcome = concludeAttempt(this.#context, attempt, end, durationMs);
      if (end.kind === 'completed') this.#hooks.completed();
      if (end.kind === 'failed') this.#hooks.failed(errorOf(end.cause));
      this.#finish(request, outcome);
    } catch (error) {
      const step = end.kind === 'completed' ? 're-save' : end.cause.step;
      this.#breakDown(request, step, error);
    }
  }

  #breakDown(request: PendingRequest, step: StepName, error: unknown): void {
    this.#hooks.failed(error);
    this.#finish(request, { kind: 'failed', cause: { kind: 'failed', step, error } });
  }

  #finish(request: PendingRequest, outcome: UntoldOutcome): void {
    const service = this.#service;
    this.#service = undefined;
    service?.end();
    settleRequest(request, outcome);
    if (this.isOpen) this.#interval.arm();
    if (this.isCutDue) this.#hooks.due();
  }
}

function newService(): Service {
  let end!: () => void;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { ended, end };
}
