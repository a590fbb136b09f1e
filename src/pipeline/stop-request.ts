// Requests to stop: signals, and when a stop is not worth waiting for because what it needs is down.

import type { CheckpointCoordinator } from '../coordinator/coordinator.js';
import type { CoordinatorEvents } from '../coordinator/events.js';
import type { Clock, Timer } from '../runtime/clock.js';

export interface HopelessOptions {
  readonly coordinator: CheckpointCoordinator;
  readonly clock: Clock;
  /** Called once, a moment after the stop was asked for: end without a final checkpoint. */
  readonly giveUp: (why: string) => void;
}

/** How long a recovery, or a participant that has just failed, is waited for all the same. */
const graceMs = 500;

/**
 * Reported between two tries by the component that waits for a server, a disk or another owner. What such a wait
 * would bring, the next start brings too: a durable checkpoint is committed then, and input that is
 * in none is read again.
 */
const signsOfTrouble = [
  'recovery-started',
  'recovery-waiting',
  'sink-not-committed',
  'checkpoint-failed',
] as const satisfies readonly (keyof CoordinatorEvents)[];

/** Watches from the first record on, and acts when a stop has been asked for. */
export class Hopeless {
  readonly #options: HopelessOptions;
  /** The newest sign, until something has succeeded again. */
  #trouble: string | undefined;
  #isAsked = false;
  #timer: Timer | undefined;
  readonly #listeners: (() => void)[] = [];

  constructor(options: HopelessOptions) {
    this.#options = options;
    for (const sign of signsOfTrouble) this.#on(sign, () => this.#see(sign));
    for (const success of ['checkpoint-completed', 'recovery-ended', 'sink-committed'] as const) {
      this.#on(success, () => this.#calm());
    }
  }

  /** The first signal has come. */
  asked(): void {
    this.#isAsked = true;
    // A start that has opened nothing yet has reported nothing either.
    if (this.#isRecovering) this.#trouble ??= 'recovering';
    this.#arm();
  }

  /** A stop was asked for, and what it would wait for is down. */
  get isHopeless(): boolean {
    return this.#isAsked && this.#trouble !== undefined;
  }

  dispose(): void {
    this.#timer?.cancel();
    for (const stopListening of this.#listeners) stopListening();
  }

  get #isRecovering(): boolean {
    const { phase } = this.#options.coordinator.status();
    return phase === 'created' || phase === 'recovering';
  }

  #see(sign: string): void {
    this.#trouble = sign;
    this.#arm();
  }

  #calm(): void {
    this.#trouble = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(): void {
    if (!this.#isAsked || this.#trouble === undefined || this.#timer !== undefined) return;
    const why = this.#trouble;
    this.#timer = this.#options.clock.setTimer(() => this.#options.giveUp(why), graceMs);
  }

  #on(event: keyof CoordinatorEvents, listener: () => void): void {
    const { events } = this.#options.coordinator;
    events.on(event, listener);
    this.#listeners.push(() => events.off(event, listener));
  }
}

export interface SignalOptions {
  readonly signal: AbortSignal | undefined;
  readonly handleSignals: boolean;
  /** The second signal: end without a final checkpoint. */
  readonly atOnce: () => void;
}

export interface StopRequest {
  readonly requested: Promise<'stop'>;
  /** Removes every handler: a library must leave the process as it found it. */
  readonly dispose: () => void;
}

const handledSignals = ['SIGTERM', 'SIGINT'] as const;

export function listenForSignals({ signal, handleSignals, atOnce }: SignalOptions): StopRequest {
  let request = (): void => undefined;
  const requested = new Promise<'stop'>((resolve) => {
    request = () => resolve('stop');
  });
  let received = 0;
  const onSignal = (): void => {
    received += 1;
    if (received === 1) request();
    else atOnce();
  };
  if (handleSignals) for (const name of handledSignals) process.on(name, onSignal);
  const onAbort = (): void => request();
  if (signal?.aborted === true) request();
  signal?.addEventListener('abort', onAbort, { once: true });
  return {
    requested,
    dispose: () => {
      for (const name of handledSignals) process.off(name, onSignal);
      signal?.removeEventListener('abort', onAbort);
    },
  };
}
