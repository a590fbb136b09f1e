// A process of the simulation: it can be killed and stopped between any two calls to what outlives it.

import type { TwoPhaseSink } from '../../src/contracts/sink.js';
import type { ReadableSource } from '../../src/contracts/source.js';
import type { Clock, Timer } from '../../src/runtime/clock.js';
import { sleep } from '../../src/runtime/deadline.js';
import type { Random } from '../../src/runtime/random.js';
import type { CheckpointStore } from '../../src/store/checkpoint-store.js';
import type { Assigner } from '../../src/tasks/assigner.js';

export class Process {
  readonly clock: Clock;
  readonly #time: Clock;
  readonly #random: Random;
  #state: 'running' | 'stopped' | 'dead' = 'running';
  #waiting: (() => void)[] = [];

  constructor(time: Clock, random: Random) {
    this.#time = time;
    this.#random = random;
    this.clock = {
      now: () => time.now(),
      monotonicMs: () => time.monotonicMs(),
      setTimer: (callback, delayMs): Timer => {
        const set = { isCancelled: false };
        const timer = time.setTimer(
          () => this.deliver(() => (set.isCancelled ? undefined : callback())),
          delayMs,
        );
        return {
          cancel: () => {
            set.isCancelled = true;
            timer.cancel();
          },
        };
      },
    };
  }

  /** Does nothing from here on: SIGKILL. */
  kill(): void {
    this.#state = 'dead';
    this.#waiting = [];
  }

  /** What comes in waits, and what goes out: SIGSTOP. */
  stop(): void {
    if (this.#state === 'running') this.#state = 'stopped';
  }

  resume(): void {
    if (this.#state !== 'stopped') return;
    this.#state = 'running';
    for (const go of this.#waiting.splice(0)) go();
  }

  /** Now, when it goes on again, or not at all. */
  deliver(call: () => void): void {
    if (this.#state === 'running') call();
    else if (this.#state === 'stopped') this.#waiting.push(() => this.deliver(call));
  }

  store(store: CheckpointStore): CheckpointStore {
    return this.#guarded(store);
  }

  sink<Rec>(sink: TwoPhaseSink<Rec>): TwoPhaseSink<Rec> {
    return this.#guarded(sink);
  }

  source<Rec>(source: ReadableSource<Rec>): ReadableSource<Rec> {
    const guarded = this.#guarded(source);
    return {
      position: () => guarded.position(),
      restore: (offsets, options) => guarded.restore(offsets, options),
      read: (call) => source.read(call),
    };
  }

  /** Its listener hears nothing while the process stands still. */
  assigner(assigner: Assigner): Assigner {
    return {
      join: (listener, options) =>
        assigner.join(
          {
            assigned: (tasks, of) => this.deliver(() => listener.assigned(tasks, of)),
            lost: (tasks) => this.deliver(() => listener.lost(tasks)),
            troubled: (error) => this.deliver(() => listener.troubled(error)),
            revoked: (tasks) =>
              new Promise((resolve) =>
                this.deliver(() => void listener.revoked(tasks).then(resolve)),
              ),
          },
          options,
        ),
    };
  }

  /** Each call may be late, and a stop or a kill may come before and behind its effect. */
  #guarded<Outer extends object>(outer: Outer): Outer {
    return new Proxy(outer, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        const call = member as (...given: unknown[]) => unknown;
        if (atOnce.has(String(name))) return call.bind(target);
        return async (...given: unknown[]) => {
          await this.#pass();
          const answer = await call.apply(target, given);
          await this.#pass();
          return isOpened(answer) ? this.#guarded(answer) : answer;
        };
      },
    });
  }

  async #pass(): Promise<void> {
    const late = this.#random.next();
    if (late < 0.2) await sleep(this.#time, Math.ceil(late * 40));
    await new Promise<void>((resolve) => this.deliver(resolve));
  }
}

/** Calls that do no I/O, and those that give a stream. */
const atOnce = new Set(['allocateCheckpointId', 'readOperatorState', 'then']);

/** A store or a session that was opened: its calls are calls too. */
function isOpened(answer: unknown): answer is object {
  return (
    typeof answer === 'object' && answer !== null && ('close' in answer || 'preCommit' in answer)
  );
}
