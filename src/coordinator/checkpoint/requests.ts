// Checkpoints that were asked for and not begun: requests that one cut can serve become one.

import { TidegateError } from '../../errors.js';
import type { Clock, Timer } from '../../runtime/clock.js';
import type { CheckpointKind } from '../../manifest/types.js';
import type { CheckpointOptions } from '../options/checkpoint-options.js';
import type { AttemptEnd } from './outcome.js';

/** What became of a request: how its attempt ended, or that none was made. */
export type RequestOutcome =
  | AttemptEnd
  /** Nothing has happened since the last complete checkpoint. */
  | { readonly kind: 'skipped'; readonly why: 'idle' };

/** What became of a checkpoint that was asked for. */
export type CheckpointOutcome = RequestOutcome & {
  /** Whether another request was there first and its cut has served this one too. */
  readonly isCoalesced: boolean;
};

interface Waiter {
  /** Of the savepoint that it asked for; undefined where any checkpoint will do. */
  readonly label: string | undefined;
  readonly resolve: (outcome: CheckpointOutcome) => void;
}

/** A cut that callers wait for, or that the interval has asked for, or both. */
export interface PendingRequest {
  kind: CheckpointKind;
  label: string | undefined;
  /** The interval has passed: it is served also without a waiter. */
  isDue: boolean;
  readonly waiters: Waiter[];
}

/** What one caller asked for, and its own place in it. */
export class CheckpointTicket {
  readonly request: PendingRequest;
  readonly waiter: Waiter;
  readonly ended: Promise<CheckpointOutcome>;

  constructor(request: PendingRequest, label: string | undefined) {
    let waiter!: Waiter;
    this.ended = new Promise<CheckpointOutcome>((resolve) => {
      waiter = { label, resolve };
    });
    this.request = request;
    this.waiter = waiter;
    request.waiters.push(waiter);
  }

  /** A loop that never reaches a safe point must not leave the caller waiting without end. */
  within(clock: Clock, afterMs: number, withdraw: () => boolean): Pick<Timer, 'cancel'> {
    let bound: Timer;
    const giveUp = (): void => {
      bound = clock.setTimer(giveUp, afterMs);
      if (!withdraw()) return;
      bound.cancel();
      const cause = { kind: 'timed-out', step: 'barrier', afterMs } as const;
      this.waiter.resolve({ kind: 'abandoned', cause, isCoalesced: false });
    };
    bound = clock.setTimer(giveUp, afterMs);
    return { cancel: () => bound.cancel() };
  }
}

/** Savepoints with different labels cannot share a cut; this many may wait. */
const maxPending = 16;

export class Requests {
  readonly #pending: PendingRequest[] = [];

  get isEmpty(): boolean {
    return this.#pending.length === 0;
  }

  /** The interval has passed; a request that waits already serves it. */
  addDue(): void {
    const request = this.#pending[0] ?? this.#push('checkpoint', undefined);
    request.isDue = true;
  }

  /** With a label it is a savepoint, which also a checkpoint that waits becomes. */
  add(label: string | undefined): CheckpointTicket {
    if (label === undefined) {
      return new CheckpointTicket(this.#pending[0] ?? this.#push('checkpoint', label), label);
    }
    const same = this.#pending.find((request) => request.label === label);
    const plain = this.#pending.find((request) => request.kind === 'checkpoint');
    const request = same ?? plain ?? this.#push('savepoint', label);
    request.kind = 'savepoint';
    request.label = label;
    return new CheckpointTicket(request, label);
  }

  takeNext(): PendingRequest | undefined {
    return this.#pending.shift();
  }

  /**
   * One caller stops waiting; false when the request was begun. The others, and the interval, keep
   * it: withdrawn with one of them, it would never be served, nor the interval armed again.
   */
  withdraw({ request, waiter }: CheckpointTicket): boolean {
    const index = this.#pending.indexOf(request);
    if (index < 0) return false;
    request.waiters.splice(request.waiters.indexOf(waiter), 1);
    if (request.waiters.length === 0 && !request.isDue) this.#pending.splice(index, 1);
    // A savepoint is kept until a person deletes it: not for a caller that waits no longer.
    if (request.waiters.every(({ label }) => label === undefined)) {
      request.kind = 'checkpoint';
      request.label = undefined;
    }
    return true;
  }

  #push(kind: CheckpointKind, label: string | undefined): PendingRequest {
    if (this.#pending.length >= maxPending) {
      throw new TidegateError(
        'TIDEGATE_LIFECYCLE',
        `${maxPending} savepoints wait already: wait for one of them first`,
      );
    }
    const request = { kind, label, isDue: false, waiters: [] };
    this.#pending.push(request);
    return request;
  }
}

/** Answers every waiter with what became of the request. */
export function settleRequest(request: PendingRequest, end: RequestOutcome): void {
  request.waiters.forEach(({ resolve }, index) => resolve({ ...end, isCoalesced: index > 0 }));
}

/** A cut without a waiter. */
export function newRequest(): PendingRequest {
  return { kind: 'checkpoint', label: undefined, isDue: false, waiters: [] };
}

/** The outcome of a request, for the code that serves it. */
export function outcomeOf(request: PendingRequest): Promise<RequestOutcome> {
  return new Promise((resolve) => {
    request.waiters.push({ label: undefined, resolve });
  });
}

export function cancelled(reason: unknown): RequestOutcome {
  return { kind: 'abandoned', cause: { kind: 'cancelled', step: 'barrier', reason } };
}

/** When the next attempt is due by itself, and whether a generation has had that long already. */
export class Interval {
  readonly #clock: Clock;
  /** Undefined when attempts are made on demand only. */
  readonly #delayMs: number | undefined;
  readonly #enoughMs: number;
  readonly #passed: () => void;
  #timer: Timer | undefined;
  #openedAtMs = 0;
  #isOver = false;

  constructor(clock: Clock, options: CheckpointOptions, passed: () => void) {
    const { intervalMs, minPauseMs, timeouts } = options;
    this.#clock = clock;
    this.#delayMs = intervalMs === 0 ? undefined : Math.max(intervalMs, minPauseMs);
    this.#enoughMs = this.#delayMs ?? timeouts.alignmentMs;
    this.#passed = passed;
  }

  /** Right after a recovery nothing is new because what is to come again has not come yet. */
  get hasPassedOnce(): boolean {
    return this.#clock.monotonicMs() - this.#openedAtMs >= this.#enoughMs;
  }

  /** A generation begins. */
  open(): void {
    this.#openedAtMs = this.#clock.monotonicMs();
    this.arm();
  }

  /** From now on, whatever was set before. */
  arm(): void {
    this.cancel();
    if (this.#delayMs !== undefined && !this.#isOver) {
      this.#timer = this.#clock.setTimer(this.#passed, this.#delayMs);
    }
  }

  cancel(): void {
    this.#timer?.cancel();
  }

  /** From now on no attempt is due by itself, in no later generation either. */
  end(): void {
    this.#isOver = true;
    this.cancel();
  }
}
