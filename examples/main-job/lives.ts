// The lives of the job: each process is killed at random or at a point, and the next one goes on.

import { fork, type ChildProcess } from 'node:child_process';
import { Aims, type AimCounts, type AimsOptions } from './aims.js';
import type { Message, Order, Point } from './messages.js';

/** What the lives have shown so far. */
export interface KillCounts extends AimCounts {
  /** Kills by step, aimed and at random. */
  readonly killsByStep: ReadonlyMap<string, readonly [aimed: number, random: number]>;
  /** How often each row of the recovery table decided. */
  readonly decisions: ReadonlyMap<string, number>;
}

/** What was counted over all lives. */
export interface Tally extends KillCounts {
  readonly randomKills: number;
  readonly aimedKills: number;
  readonly resumedPastStart: number;
  readonly lives: number;
  readonly durationMs: number;
}

export interface LivesOptions extends AimsOptions {
  /** The compiled process. */
  readonly script: string;
  readonly order: Omit<Order, 'aim' | 'announces' | 'paceMs'>;
  /** Kills go on at least until so many were at random, and every point was hit. */
  readonly randomKillsMin: number;
  /** How long the kills may keep the first start from succeeding. */
  readonly freshStartMs: number;
  /** Asked before each life with how far the input is done: whether it is to be the last one. */
  readonly isLate: (byteOffset: number, counts: KillCounts) => boolean;
  readonly progress: (text: string) => void;
}

type Ending =
  | { readonly kind: 'finished' }
  | { readonly kind: 'aimed'; readonly point: Point }
  | { readonly kind: 'random'; readonly step: string };

/** When a process is killed, and at which point if it comes by it. */
interface Plan {
  /** Since it received the order to begin. */
  readonly killAfterMs: number;
  readonly killAfterRecoveryMs?: number;
  readonly aim?: Point;
}

/** Checkpoints that a process completes, at most, before it is killed wherever it is. */
const maxCheckpoints = 3;

/** Longest life of a process that is aimed at: it may hang, and no wait may be without end. */
const aimedLifeMs = 20_000;

/** Before each batch of a process that is to be killed: the input must last for all of them. */
const batchPauseMs = 10;

/** Longest time that the last process has for what is left of the input. */
const lastLifeMs = 600_000;

export class Lives {
  readonly #options: LivesOptions;
  readonly #aims: Aims;
  readonly #killsByStep = new Map<string, [number, number]>();
  readonly #decisions = new Map<string, number>();
  #resumedPastStart = 0;
  #recoveryMs = 600;
  #checkpointMs = 200;
  #byteOffset = 0;
  #startedAtMs = 0;
  #hasRecovered = false;
  #randomKills = 0;
  #aimedKills = 0;
  #lives = 0;
  #waiting: Promise<ChildProcess> | undefined;

  constructor(options: LivesOptions) {
    this.#options = options;
    this.#aims = new Aims(options);
  }

  async run(): Promise<Tally> {
    this.#startedAtMs = performance.now();
    for (;;) {
      const ending = await this.#live(this.#options.isLate(this.#byteOffset, this.#counts()));
      this.#note(ending);
      if (ending.kind === 'finished') break;
    }
    (await this.#waiting)?.kill('SIGKILL');
    return this.#tally(performance.now() - this.#startedAtMs);
  }

  async #live(isLate: boolean): Promise<Ending> {
    const child = await (this.#waiting ?? this.#start());
    // The next process loads its modules while this one works: a restart costs less time.
    this.#waiting = this.#start();
    this.#lives += 1;
    const point = isLate ? undefined : this.#aims.next({ isFresh: this.#isFresh() });
    const isLast = isLate || (point === undefined && this.#isEnough());
    const isAimed = point !== undefined && this.#isTurnOfAimed();
    const { order } = this.#options;
    if (!isAimed) {
      const ending = this.#watch(child, isLast ? { killAfterMs: lastLifeMs } : this.#randomLife());
      const paceMs = isLast ? 0 : batchPauseMs;
      child.send({ ...order, paceMs, announces: true } satisfies Order);
      return ending;
    }
    const ending = this.#watch(child, { killAfterMs: aimedLifeMs, aim: point });
    const aim = this.#aims.take(point);
    child.send({ ...order, aim, paceMs: batchPauseMs, announces: true } satisfies Order);
    return ending;
  }

  /** As many at random in the end; until then neither kind is put off for long. */
  #isTurnOfAimed(): boolean {
    if (this.#isFresh()) return true;
    return this.#aimedKills <= this.#randomKills || this.#lives % 3 === 0;
  }

  /** A fresh start is gone as soon as one life gets through it: its points come first, for a while. */
  #isFresh(): boolean {
    return (
      !this.#hasRecovered && performance.now() - this.#startedAtMs < this.#options.freshStartMs
    );
  }

  /**
   * By chance within what a recovery, or a checkpoint behind it, takes on this machine as it is now.
   * One in four is a kill in recovery: those take the job nowhere.
   */
  #randomLife(): Plan {
    const isInRecovery = this.#options.random() < 0.25;
    const part = this.#options.random() * 1.5;
    return isInRecovery
      ? { killAfterMs: part * this.#recoveryMs }
      : { killAfterMs: aimedLifeMs, killAfterRecoveryMs: part * this.#checkpointMs };
  }

  #watch(child: ChildProcess, { killAfterMs, killAfterRecoveryMs, aim }: Plan) {
    return new Promise<Ending>((resolve, reject) => {
      let sinceMs = performance.now();
      let step = 'recovery';
      let checkpoints = 0;
      let ending: Ending | undefined;
      const kill = (how: Ending): void => {
        ending ??= how;
        clearTimeout(timer);
        child.kill('SIGKILL');
      };
      const killHere = (): void => kill({ kind: 'random', step });
      let timer = setTimeout(killHere, killAfterMs);
      child.on('message', (message: Message) => {
        this.#hear(message);
        if (message.kind === 'stopped') kill({ kind: 'aimed', point: message.point });
        if (message.kind === 'finished') ending ??= { kind: 'finished' };
        if (message.kind === 'failed') reject(new Error(message.error));
        if (message.kind === 'recovered') {
          this.#recoveryMs = learned(this.#recoveryMs, performance.now() - sinceMs);
          sinceMs = performance.now();
          // The recovery is over and did not come by the point: the kill becomes one at random.
          const isMissed = aim?.step === 'recovery';
          const restMs = isMissed ? this.#options.random() * this.#checkpointMs : undefined;
          const nextMs = killAfterRecoveryMs ?? restMs;
          if (nextMs !== undefined) {
            clearTimeout(timer);
            timer = setTimeout(killHere, nextMs);
          }
        }
        if (message.kind !== 'step') return;
        if (step === 'step 7' && message.step === 'between checkpoints') {
          checkpoints += 1;
          this.#checkpointMs = learned(this.#checkpointMs, performance.now() - sinceMs);
          sinceMs = performance.now();
          if (aim !== undefined && checkpoints >= maxCheckpoints) killHere();
        }
        step = message.step;
      });
      child.on('exit', (code, signal) => {
        clearTimeout(timer);
        if (ending !== undefined) resolve(ending);
        else reject(new Error(`the job ended with ${signal ?? `status ${code ?? 'unknown'}`}`));
      });
    });
  }

  #hear(message: Message): void {
    if (message.kind === 'point') {
      this.#aims.know(message.point, { isFresh: !this.#hasRecovered });
    }
    if (message.kind !== 'recovered') return;
    this.#decisions.set(message.row, (this.#decisions.get(message.row) ?? 0) + 1);
    this.#hasRecovered = true;
    this.#byteOffset = message.byteOffset;
    if (message.byteOffset > 0) this.#resumedPastStart += 1;
  }

  #note(ending: Ending): void {
    if (ending.kind === 'finished') return;
    const isAimed = ending.kind === 'aimed';
    const step = isAimed ? ending.point.step : ending.step;
    const kills = this.#killsByStep.get(step) ?? [0, 0];
    kills[isAimed ? 0 : 1] += 1;
    this.#killsByStep.set(step, kills);
    if (isAimed) this.#aims.hit(ending.point);
    if (isAimed) this.#aimedKills += 1;
    else this.#randomKills += 1;
    if (this.#lives % 10 !== 0) return;
    const { pointsKnown, pointsHit } = this.#aims.counts();
    this.#options.progress(`${this.#lives} lives, ${pointsHit} of ${pointsKnown} points hit`);
  }

  #isEnough(): boolean {
    const { randomKillsMin } = this.#options;
    return this.#randomKills >= Math.max(randomKillsMin, this.#aimedKills);
  }

  async #start(): Promise<ChildProcess> {
    const child = fork(this.#options.script, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    await new Promise<void>((resolve, reject) => {
      child.once('message', () => resolve());
      child.once('error', reject);
    });
    return child;
  }

  #counts(): KillCounts {
    return {
      killsByStep: this.#killsByStep,
      decisions: this.#decisions,
      ...this.#aims.counts(),
    };
  }

  #tally(durationMs: number): Tally {
    return {
      randomKills: this.#randomKills,
      aimedKills: this.#aimedKills,
      ...this.#counts(),
      resumedPastStart: this.#resumedPastStart,
      lives: this.#lives,
      durationMs,
    };
  }
}

function learned(known: number, seen: number): number {
  return known + (seen - known) / 4;
}
