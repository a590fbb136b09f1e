// The lives of the job: each process is killed at random or at a point, and the next one goes on.

import { fork, type ChildProcess } from 'node:child_process';
import type { Message, Order, Point } from './messages.js';

/** What the lives have shown so far. */
export interface KillCounts {
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
  /** Points at which the job was killed, of those that were announced. */
  readonly pointsHit: number;
  /** Points that did not come up again in the lives that aimed at them. */
  readonly pointsRare: readonly string[];
  /** Points for which there was no time. */
  readonly pointsLeft: readonly string[];
  readonly lives: number;
  readonly durationMs: number;
}

export interface LivesOptions {
  /** The compiled process. */
  readonly script: string;
  readonly order: Omit<Order, 'aim' | 'announces' | 'paceMs'>;
  readonly random: () => number;
  /** What an undisturbed run came by, in order: those of a fresh start come up only once. */
  readonly points: readonly Point[];
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

/** A point that so many lives aimed at in vain is rare: most come up again only by luck. */
const triesMax = 2;

/** Checkpoints that a process completes, at most, before it is killed wherever it is. */
const checkpointsMax = 3;

/** Longest life of a process that is aimed at: it may hang, and nothing may wait for ever. */
const aimedLifeMs = 20_000;

/** Before each batch of a process that is to be killed: the input must last for all of them. */
const batchPauseMs = 10;

/** Longest time that the last process has for what is left of the input. */
const lastLifeMs = 600_000;

export class Lives {
  readonly #options: LivesOptions;
  readonly #points = new Map<string, Point>();
  readonly #hit = new Set<string>();
  readonly #tries = new Map<string, number>();
  readonly #killsByStep = new Map<string, [number, number]>();
  readonly #decisions = new Map<string, number>();
  #resumedPastStart = 0;
  #firstCheckpointMs = 300;
  #byteOffset = 0;
  #startedAtMs = 0;
  #hasRecovered = false;
  #randomKills = 0;
  #aimedKills = 0;
  #lives = 0;
  #waiting: Promise<ChildProcess> | undefined;

  constructor(options: LivesOptions) {
    this.#options = options;
    for (const point of options.points) this.#points.set(keyOf(point), point);
  }

  async run(): Promise<Tally> {
    this.#startedAtMs = performance.now();
    for (;;) {
      const counts = { killsByStep: this.#killsByStep, decisions: this.#decisions };
      const ending = await this.#live(this.#options.isLate(this.#byteOffset, counts));
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
    const point = isLate ? undefined : this.#nextAim();
    const isLast = isLate || (point === undefined && this.#isEnough());
    const isAimed = point !== undefined && this.#isTurnOfAimed();
    const { order } = this.#options;
    if (!isAimed) {
      const ending = this.#watch(child, isLast ? undefined : this.#randomLifeMs(), undefined);
      const paceMs = isLast ? 0 : batchPauseMs;
      child.send({ ...order, paceMs, announces: true } satisfies Order);
      return ending;
    }
    this.#tries.set(keyOf(point), (this.#tries.get(keyOf(point)) ?? 0) + 1);
    const skip = this.#skipOf(point);
    const ending = this.#watch(child, aimedLifeMs, point);
    const aim = { point, skip };
    child.send({ ...order, aim, paceMs: batchPauseMs, announces: true } satisfies Order);
    return ending;
  }

  /**
   * In step 6 the second sink is stopped before its commit when the first has made its own: the only
   * way to a recovery that has to roll forward.
   */
  #skipOf({ step, when }: Point): number {
    if (step === 'recovery') return 0;
    return step === 'step 6' && when === 'before' ? 1 : Math.floor(this.#options.random() * 2);
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

  /** Long enough, by chance, for about one checkpoint on this machine as it is now. */
  #randomLifeMs(): number {
    return this.#options.random() * 1.5 * this.#firstCheckpointMs;
  }

  #watch(child: ChildProcess, killAfterMs: number | undefined, aim: Point | undefined) {
    return new Promise<Ending>((resolve, reject) => {
      const bornAtMs = performance.now();
      let step = 'recovery';
      let checkpoints = 0;
      let ending: Ending | undefined;
      const kill = (how: Ending): void => {
        ending ??= how;
        clearTimeout(timer);
        child.kill('SIGKILL');
      };
      const killHere = (): void => kill({ kind: 'random', step });
      let timer = setTimeout(killHere, killAfterMs ?? lastLifeMs);
      child.on('message', (message: Message) => {
        this.#hear(message);
        if (message.kind === 'stopped') kill({ kind: 'aimed', point: message.point });
        if (message.kind === 'finished') ending ??= { kind: 'finished' };
        if (message.kind === 'failed') reject(new Error(message.error));
        // The recovery is over and did not come by the point: the kill becomes one at random.
        const hasMissed = message.kind === 'recovered' && aim?.step === 'recovery';
        if (hasMissed) {
          clearTimeout(timer);
          timer = setTimeout(killHere, this.#randomLifeMs());
        }
        if (message.kind !== 'step') return;
        if (step === 'step 7' && message.step === 'between checkpoints') {
          checkpoints += 1;
          if (checkpoints === 1) this.#learn(performance.now() - bornAtMs);
          if (aim !== undefined && checkpoints >= checkpointsMax) killHere();
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

  #learn(firstCheckpointMs: number): void {
    this.#firstCheckpointMs += (firstCheckpointMs - this.#firstCheckpointMs) / 4;
  }

  #hear(message: Message): void {
    if (message.kind === 'point') this.#points.set(keyOf(message.point), message.point);
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
    if (isAimed) this.#hit.add(keyOf(ending.point));
    if (isAimed) this.#aimedKills += 1;
    else this.#randomKills += 1;
    if (this.#lives % 10 !== 0) return;
    const { progress } = this.#options;
    progress(`${this.#lives} lives, ${this.#hit.size} of ${this.#points.size} points hit`);
  }

  /** A point at which nothing was killed yet, of the step with the fewest kills. */
  #nextAim(): Point | undefined {
    const open = [...this.#points.values()].filter((point) => {
      const key = keyOf(point);
      return !this.#hit.has(key) && (this.#tries.get(key) ?? 0) < triesMax;
    });
    if (this.#isFresh()) return open.find(({ step }) => step === 'recovery');
    const killsIn = (point: Point): number => this.#killsByStep.get(point.step)?.[0] ?? 0;
    return open.sort((left, right) => killsIn(left) - killsIn(right))[0];
  }

  #isEnough(): boolean {
    const { randomKillsMin } = this.#options;
    return this.#points.size > 0 && this.#randomKills >= Math.max(randomKillsMin, this.#aimedKills);
  }

  async #start(): Promise<ChildProcess> {
    const child = fork(this.#options.script, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    await new Promise<void>((resolve, reject) => {
      child.once('message', () => resolve());
      child.once('error', reject);
    });
    return child;
  }

  #tally(durationMs: number): Tally {
    const missed = [...this.#points.keys()].filter((key) => !this.#hit.has(key));
    const isRare = (key: string): boolean => this.#tries.get(key) === triesMax;
    return {
      randomKills: this.#randomKills,
      aimedKills: this.#aimedKills,
      killsByStep: this.#killsByStep,
      decisions: this.#decisions,
      resumedPastStart: this.#resumedPastStart,
      pointsHit: this.#hit.size,
      pointsRare: missed.filter(isRare),
      pointsLeft: missed.filter((key) => !isRare(key)),
      lives: this.#lives,
      durationMs,
    };
  }
}

function keyOf({ step, action, when }: Point): string {
  return `${step}, ${when} ${action}`;
}
