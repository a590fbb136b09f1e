// Where attempts begin and end: requests and the interval come in, one attempt at a time goes out.

import { v7 } from 'uuid';
import { assert, assertNever } from '../assert.js';
import type { Barrier } from '../contracts/barrier.js';
import type { Offsets } from '../contracts/source.js';
import { attemptId, epoch } from '../ids.js';
import type { Timer } from '../runtime/clock.js';
import { withDeadline } from '../runtime/deadline.js';
import { errorOf } from './attempt-error.js';
import { attemptRunner, type AttemptRunner, type RunningAttempt } from './attempt-runner.js';
import type { Attempt, PinnedReplay } from './attempt.js';
import { Claim } from './claim.js';
import { CommitLedger } from './commit-ledger.js';
import { CutGate, type CutMembers } from './cut-gate.js';
import type { GenerationRun } from './generation-run.js';
import type { AttemptEnd } from './machine/steps.js';
import {
  Requests,
  settleRequest,
  type CheckpointOutcome,
  type PendingRequest,
  type UntoldOutcome,
} from './requests.js';
import type { StepContext } from './step-context.js';
import { toOffsets } from './steps/acknowledge.js';

export interface AttemptDeskHooks {
  /** A cut may be due now. */
  readonly due: () => void;
  readonly completed: () => void;
  /** Only recovery can mend it. */
  readonly failed: (cause: unknown) => void;
}

interface CurrentAttempt {
  readonly attempt: Attempt;
  readonly running: RunningAttempt;
  readonly ended: Promise<UntoldOutcome>;
}

export class AttemptDesk {
  readonly #context: StepContext;
  readonly #hooks: AttemptDeskHooks;
  readonly #members: CutMembers;
  readonly #runAttempt: AttemptRunner;
  readonly #requests = new Requests();
  #run: GenerationRun | undefined;
  #current: CurrentAttempt | undefined;
  /** From the moment a request is taken, also while nothing but a question for news is open. */
  #isServing = false;
  #question: Promise<boolean> | undefined;
  #interval: Timer | undefined;
  #droppedReports = 0;

  constructor(context: StepContext, hooks: AttemptDeskHooks) {
    this.#context = context;
    this.#hooks = hooks;
    this.#runAttempt = attemptRunner(context);
    const { sources, tables, operators, sinks } = context.participants;
    this.#members = { sources, tables, operators, sinks };
  }

  get droppedReports(): number {
    return this.#droppedReports;
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

  get isCutDue(): boolean {
    return !this.#requests.isEmpty && !this.#isServing && this.#run !== undefined;
  }

  /** A generation is ready: attempts may begin. */
  open(run: GenerationRun): void {
    assert(this.#run === undefined, 'two generations take checkpoints at once');
    this.#run = run;
    this.#armInterval();
    if (this.isCutDue) this.#hooks.due();
  }

  /** The generation is over: an open attempt ends with it, requests wait for the next one. */
  close(reason: unknown): void {
    this.#run = undefined;
    this.#interval?.cancel();
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
    this.#isServing = true;
    if (request.kind === 'checkpoint' && (await this.#askWhetherIdle(run))) {
      this.#context.events.emit('checkpoint-skipped', { why: 'idle' });
      this.#finish(request, { kind: 'skipped', why: 'idle' });
      return;
    }
    if (this.#run !== run) {
      this.#finish(request, cancelled(new Error('the generation has ended')));
      return;
    }
    await this.#begin(run, request, undefined);
  }

  /** One attempt for the records since the last one, when nothing else is going on. */
  async takeFinal(): Promise<UntoldOutcome> {
    while (this.#isServing) await (this.#current?.ended ?? this.#question);
    const run = this.#run;
    if (run === undefined) return cancelled(new Error('the generation has ended'));
    const request = this.#requests.takeNext() ?? newRequest();
    this.#isServing = true;
    if (request.kind === 'checkpoint' && (await this.#askWhetherIdle(run))) {
      const outcome: UntoldOutcome = { kind: 'skipped', why: 'idle' };
      this.#finish(request, outcome);
      return outcome;
    }
    return this.#outcomeOf(run, request);
  }

  /** Where each source ends a replay. */
  pinnedOffsets({ target }: PinnedReplay): ReadonlyMap<string, Offsets> {
    const offsets = new Map<string, Offsets>();
    for (const [source, position] of target.manifest.sourceOffsets) {
      offsets.set(source, toOffsets(position.offsets));
    }
    return offsets;
  }

  /** Reprocesses the range of an in-doubt checkpoint, as a checkpoint that supersedes it. */
  async replay(run: GenerationRun, replay: PinnedReplay): Promise<UntoldOutcome> {
    assert(this.#run === run && !this.#isServing, 'a replay begins beside something else');
    this.#isServing = true;
    const { tidegate } = replay.target.manifest;
    const request = newRequest();
    request.kind = tidegate?.kind ?? 'checkpoint';
    request.label = tidegate?.label;
    return this.#outcomeOf(run, request, replay);
  }

  async #outcomeOf(
    run: GenerationRun,
    request: PendingRequest,
    replay?: PinnedReplay,
  ): Promise<UntoldOutcome> {
    const outcome = new Promise<UntoldOutcome>((resolve) => {
      request.waiters.push(resolve);
    });
    await this.#begin(run, request, replay);
    return outcome;
  }

  async #await(asked: {
    readonly request: PendingRequest;
    readonly ended: Promise<CheckpointOutcome>;
  }): Promise<CheckpointOutcome> {
    const { clock, options } = this.#context;
    let bound: Timer | undefined;
    // A loop that never reaches a safe point must not leave the caller waiting for ever.
    const giveUp = (): void => {
      if (this.#isServing) bound = clock.setTimer(giveUp, options.alignmentTimeoutMs);
      else if (this.#requests.withdraw(asked.request)) {
        const afterMs = options.alignmentTimeoutMs;
        const cause = { kind: 'timed-out', step: 'barrier', afterMs } as const;
        settleRequest(asked.request, { kind: 'abandoned', cause });
      }
    };
    bound = clock.setTimer(giveUp, options.alignmentTimeoutMs);
    if (this.isCutDue) this.#hooks.due();
    const outcome = await asked.ended;
    bound.cancel();
    return outcome;
  }

  /** Settles when the cut has been taken or the attempt has ended without one. */
  async #begin(
    run: GenerationRun,
    request: PendingRequest,
    replay: PinnedReplay | undefined,
  ): Promise<void> {
    const { clock, events } = this.#context;
    const startedAtMs = clock.monotonicMs();
    let attempt: Attempt;
    try {
      attempt = this.#newAttempt(run, request, replay);
    } catch (error) {
      // The sequence of ids has run out: the next generation has a new one.
      this.#finish(request, { kind: 'failed', cause: { kind: 'failed', step: 'barrier', error } });
      this.#hooks.failed(error);
      return;
    }
    const { barrier, kind, label } = attempt;
    const isReplay = replay !== undefined;
    events.emit('attempt-started', { ...barrier, kind, label, isReplay });
    const running = this.#runAttempt(attempt);
    const ended = running.ended.then((end) => {
      this.#current = undefined;
      const outcome = this.#conclude(attempt, end, clock.monotonicMs() - startedAtMs);
      this.#finish(request, outcome);
      return outcome;
    });
    this.#current = { attempt, running, ended };
    await Promise.race([attempt.gate.cut, ended]).catch(() => undefined);
  }

  #newAttempt(
    run: GenerationRun,
    request: PendingRequest,
    replay: PinnedReplay | undefined,
  ): Attempt {
    const { clock, random, events } = this.#context;
    const barrier: Barrier = {
      checkpointId: run.store.allocateCheckpointId(),
      epoch: run.nextEpoch,
      generation: run.generation,
      attempt: attemptId(v7({ msecs: Math.trunc(clock.now()), random: random.bytes(16) })),
      ...(replay === undefined ? {} : { pinnedTo: this.pinnedOffsets(replay) }),
    };
    const gate = new CutGate(barrier, this.#members, {
      sinkReached: (sink) => run.writers.get(sink)?.hold(),
      dropped: (participant, why) => {
        this.#droppedReports += 1;
        events.emit('report-dropped', { checkpointId: barrier.checkpointId, participant, why });
      },
    });
    const { kind, label } = request;
    const claim = new Claim();
    return { barrier, kind, label, replay, run, gate, claim, ledger: new CommitLedger() };
  }

  #conclude(attempt: Attempt, end: AttemptEnd, durationMs: number): UntoldOutcome {
    const { barrier, run, gate, kind } = attempt;
    const { events, barriers, logger } = this.#context;
    const { checkpointId, epoch: number } = barrier;
    gate.close();
    gate.releaseSnapshots();
    attempt.ledger.close();
    switch (end.kind) {
      case 'completed':
        assert(run.inDoubt === undefined, `checkpoint ${checkpointId} is told while in doubt`);
        run.nextEpoch = epoch(number + 1);
        for (const writer of run.writers.values()) writer.markComplete();
        events.emit('checkpoint-completed', { checkpointId, epoch: number, kind, durationMs });
        this.#hooks.completed();
        return { kind: 'completed', checkpointId, epoch: number };
      case 'abandoned':
        assert(attempt.claim.abandon(), `checkpoint ${checkpointId} is abandoned after a claim`);
        barriers.cancel(barrier);
        for (const writer of run.writers.values()) writer.release();
        logger.info('a checkpoint was abandoned', { checkpointId, cause: end.cause });
        events.emit('checkpoint-abandoned', {
          checkpointId,
          epoch: number,
          cause: end.cause,
          durationMs,
        });
        return { kind: 'abandoned', cause: end.cause };
      case 'failed':
        logger.warn('a checkpoint failed', { checkpointId, cause: end.cause });
        events.emit('checkpoint-failed', {
          checkpointId,
          epoch: number,
          cause: end.cause,
          durationMs,
        });
        this.#hooks.failed(errorOf(end.cause));
        return { kind: 'failed', cause: end.cause };
      default:
        return assertNever(end, 'end of an attempt');
    }
  }

  #finish(request: PendingRequest, outcome: UntoldOutcome): void {
    this.#isServing = false;
    settleRequest(request, outcome);
    this.#armInterval();
    if (this.isCutDue) this.#hooks.due();
  }

  #armInterval(): void {
    const { clock, options } = this.#context;
    this.#interval?.cancel();
    if (this.#run === undefined || options.intervalMs === 0) return;
    const delayMs = Math.max(options.intervalMs, options.minPauseMs);
    this.#interval = clock.setTimer(() => {
      this.#requests.addDue();
      if (this.isCutDue) this.#hooks.due();
    }, delayMs);
  }

  #askWhetherIdle(run: GenerationRun): Promise<boolean> {
    this.#question = this.#isIdle(run);
    return this.#question;
  }

  /** In doubt there is news: a checkpoint too many costs less than one too few. */
  async #isIdle(run: GenerationRun): Promise<boolean> {
    const { options, barriers, clock, participants } = this.#context;
    if (!options.skipWhenIdle || barriers.hasNews === undefined) return false;
    for (const writer of run.writers.values()) if (writer.hasNews) return false;
    const offsets = new Map<string, Offsets>();
    for (const [source, position] of run.base.manifest.sourceOffsets) {
      if (participants.sources.has(source)) offsets.set(source, toOffsets(position.offsets));
    }
    const bound = { clock, timeoutMs: options.alignmentTimeoutMs };
    const answer = await withDeadline(bound, () => barriers.hasNews?.(offsets) ?? true);
    return answer.kind === 'answered' && !answer.value;
  }
}

function newRequest(): PendingRequest {
  return { kind: 'checkpoint', label: undefined, waiters: [] };
}

function cancelled(reason: unknown): UntoldOutcome {
  return { kind: 'abandoned', cause: { kind: 'cancelled', step: 'barrier', reason } };
}
