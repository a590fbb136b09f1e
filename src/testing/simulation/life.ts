// One process of a simulated run: it lives, may stand still, and dies without a last word.

import type { Clock, Timer } from '../../runtime/clock.js';

/** How a life left the stage. */
export type LifeEnd =
  | { readonly kind: 'completed' }
  /** It has done its part, in order: another one goes on. */
  | { readonly kind: 'handed-over' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'killed' };

/**
 * A process. Nothing that a dead life begins takes effect, and nothing that it waits for answers:
 * that is how code that runs in this very process is stopped at an instruction.
 */
export class Life {
  readonly number: number;
  #state: 'alive' | 'paused' | 'dead' = 'alive';
  #end: LifeEnd | undefined;
  #held: (() => void)[] = [];

  constructor(number: number) {
    this.number = number;
  }

  get state(): 'alive' | 'paused' | 'dead' {
    return this.#state;
  }

  get end(): LifeEnd | undefined {
    return this.#end;
  }

  /** The life ends by its own doing; a dead one has no effect. */
  finish(end: LifeEnd): void {
    if (this.#state === 'dead') return;
    this.#end ??= end;
  }

  /** Nothing that it begins from now on takes effect; its end is noted by `kill`. */
  silence(): void {
    this.#state = 'dead';
    this.#held = [];
  }

  kill(): void {
    this.silence();
    this.#end ??= { kind: 'killed' };
  }

  pause(): void {
    if (this.#state === 'alive') this.#state = 'paused';
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'alive';
    const held = this.#held;
    this.#held = [];
    for (const callback of held) callback();
  }

  /** Runs `callback` now, after the pause, or never. */
  whenAlive(callback: () => void): void {
    if (this.#state === 'alive') callback();
    else if (this.#state === 'paused') this.#held.push(callback);
  }

  /** The clock as this life sees it: its timers stand still and die with it. */
  clock(shared: Clock): Clock {
    return {
      now: () => shared.now(),
      monotonicMs: () => shared.monotonicMs(),
      setTimer: (callback, delayMs) => {
        if (this.#state === 'dead') return deadTimer;
        let isCancelled = false;
        const timer = shared.setTimer(() => {
          this.whenAlive(() => {
            if (!isCancelled) callback();
          });
        }, delayMs);
        return {
          cancel: () => {
            isCancelled = true;
            timer.cancel();
          },
        };
      },
    };
  }
}

const deadTimer: Timer = { cancel: () => undefined };
