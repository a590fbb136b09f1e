// Runs one schedule to the end of the input, restarting the process as a supervisor does.

import { systemClock } from '../../runtime/clock.js';
import { yieldToEventLoop } from '../../runtime/event-loop.js';
import { check } from '../checkers/index.js';
import type { Ending, Violation } from '../checkers/observation.js';
import { faultKinds, type Schedule } from './faults.js';
import type { Life } from './life.js';
import type { Point } from './director.js';
import { observedSinks, visibleIn } from './observed-sinks.js';
import { hasCode, isBug, losses, overtaken, refusals, texts } from './process-errors.js';
import { Simulation } from './simulation.js';
import { startAgain, type Build, type Crashable, type Input } from './world.js';

export interface RunOptions {
  readonly build: Build;
  readonly input: Input;
  readonly schedule: Schedule;
  readonly seed: number;
  readonly recordIntervalMs: number;
  /** What each sink holds after a run without faults; undefined for that run itself. */
  readonly expected?: ReadonlyMap<string, readonly unknown[]>;
}

/** A recovery that came to a decision. */
export interface DecidedRow {
  readonly number: number;
  readonly label: string;
  /** How many points had been passed by then. */
  readonly pointIndex: number;
}

/** What one schedule has shown. */
export interface RunResult {
  readonly ending: Ending | 'stuck';
  readonly violations: readonly Violation[];
  /** Every point that was passed: the trace of the run. */
  readonly points: readonly Point[];
  /** What each recovery decided, in order. */
  readonly rows: readonly DecidedRow[];
  /** Faults of the schedule that happened; fewer than there are when a point was never reached. */
  readonly firedCount: number;
  readonly lifeCount: number;
  readonly simulatedMs: number;
  /** What is visible at each sink that can be looked into. */
  readonly visible: ReadonlyMap<string, readonly unknown[]>;
  /** Wrapped sinks that were not inspected. */
  readonly unseen: readonly string[];
  /** Whether records of different keys may overtake each other. */
  readonly order: 'input' | 'key';
  /** Why the last life failed, if it did. */
  readonly lastError?: unknown;
}

/** Lives that a supervisor starts beyond one for each fault, before it gives up. */
const spareLives = 4;
/** Lives that end in order to make room for another one: more than any pipeline here has stages. */
const maxHandOvers = 20;
/** Longer than any run with outages and timeouts takes: ten hours. */
const maxSimulatedMs = 10 * 3_600_000;
/** A supervisor waits longer after each failure, up to about the longest outage, and then anew. */
const pausesMs = [100, 10_000, 1_000_000];
const maxPoints = 20_000;
/** Real milliseconds in which a call to a wrapped sink may take its time. */
const outsideGraceMs = 1_000;
/** Real milliseconds after which it hangs. */
const maxOutsideMs = 60_000;

export async function runSchedule(options: RunOptions): Promise<RunResult> {
  const simulation = new Simulation(options);
  const run = new Run(options, simulation);
  const ending = await run.toTheEnd();
  const { director, timeline } = simulation;
  const disaster = director.points.some(
    ({ fault }) => fault !== undefined && faultKinds[fault].isDisaster,
  );
  const visible = await visibleIn(simulation);
  const expected = run.expected ?? options.expected ?? visible;
  const sinks = observedSinks(simulation, { visible, expected, order: run.order });
  const seen =
    ending === 'stuck' ? [] : check({ ending, disaster, sinks, history: simulation.history });
  const lastError = run.lastError;
  return {
    ending,
    violations: [...run.violations, ...seen],
    points: director.points,
    rows: run.rows,
    firedCount: director.firedCount,
    lifeCount: director.lives.length,
    simulatedMs: timeline.monotonicMs(),
    visible,
    unseen: [...simulation.wrapped.keys()].filter((name) => !visible.has(name)),
    order: run.order,
    ...(lastError === undefined ? {} : { lastError }),
  };
}

class Run {
  readonly violations: Violation[] = [];
  readonly rows: DecidedRow[] = [];
  readonly #options: RunOptions;
  readonly #simulation: Simulation;
  /** Of the newest process that failed, by its number. */
  #lastError: unknown;
  #lastFailed = 0;
  #hasRefused = false;
  #newest: Crashable | undefined;

  constructor(options: RunOptions, simulation: Simulation) {
    this.#options = options;
    this.#simulation = simulation;
  }

  get lastError(): unknown {
    return this.#lastError;
  }

  /** What the sinks should hold, where the pipeline says so itself. */
  get expected(): ReadonlyMap<string, readonly unknown[]> | undefined {
    return this.#newest?.expected?.();
  }

  get order(): 'input' | 'key' {
    return this.#newest?.order ?? 'input';
  }

  async toTheEnd(): Promise<Ending | 'stuck'> {
    const { schedule } = this.#options;
    const outages = schedule.filter(({ kind }) => kind === 'outage').length;
    // Each outage may have to be waited out, one after the other.
    const furtherLives = Math.max(0, outages - 1) * pausesMs.length;
    const maxLives = schedule.length + spareLives + furtherLives;
    let failureCount = 0;
    let handOvers = 0;
    for (let count = 0; count < maxLives + handOvers; count += 1) {
      const life = this.#startLife();
      if (!(await this.#until(() => life.end !== undefined || life.state === 'paused'))) {
        return 'stuck';
      }
      if (life.end?.kind === 'completed' && !(await this.#releaseOlderLives())) return 'stuck';
      if (life.end?.kind === 'completed' && this.#hasNewestOwnerCompleted()) return 'completed';
      if (life.end?.kind === 'failed') failureCount += await this.#pause(failureCount);
      if (life.end?.kind === 'handed-over' && handOvers < maxHandOvers) handOvers += 1;
    }
    if (!(await this.#releaseOlderLives())) return 'stuck';
    // Two processes that recovery refuses may also fence each other, the last one included.
    const isRefused =
      hasCode(this.#lastError, refusals) ||
      (this.#hasRefused && hasCode(this.#lastError, overtaken));
    const { lives } = this.#simulation.director;
    const hasCompleted = lives.some((life) => life.end?.kind === 'completed');
    if (isRefused && (this.#hasLost() || !hasCompleted)) return 'refused';
    // An older process had come to the end, and those after it were refused or overtaken.
    if (hasCompleted && (isRefused || hasCode(this.#lastError, overtaken))) return 'completed';
    this.#note('the input comes to its end', `the last process failed: ${texts(this.#lastError)}`);
    return 'stuck';
  }

  #startLife(): Life {
    const life = this.#simulation.director.startLife();
    void this.#live(life);
    return life;
  }

  async #live(life: Life): Promise<void> {
    try {
      const crashable = await this.#options.build(this.#simulation.world(life));
      crashable.coordinator?.events.on('recovery-ended', ({ row }) => {
        const { points } = this.#simulation.director;
        if (life.state !== 'dead') this.rows.push({ ...row, pointIndex: points.length });
      });
      this.#newest = crashable;
      const answer = await crashable.run();
      life.finish({ kind: answer === startAgain ? 'handed-over' : 'completed' });
    } catch (error) {
      if (life.state === 'dead') return;
      // An older process that stood still may fail after those that came later.
      if (life.number >= this.#lastFailed) {
        this.#lastFailed = life.number;
        this.#lastError = error;
      }
      if (hasCode(error, refusals)) this.#hasRefused = true;
      if (isBug(error)) this.#note('no assertion fails', texts(error));
      if (hasCode(error, losses) && !this.#hasLost()) {
        this.#note('a crash needs no human', texts(error));
      }
      life.finish({ kind: 'failed', error });
    }
  }

  async #pause(failureCount: number): Promise<1> {
    let isOver = false;
    this.#simulation.timeline.setTimer(
      () => {
        isOver = true;
      },
      pausesMs[failureCount % pausesMs.length] ?? 0,
    );
    await this.#until(() => isOver);
    return 1;
  }

  /** What was held up happens now, and a process that stood still goes on until it has ended. */
  async #releaseOlderLives(): Promise<boolean> {
    const { director } = this.#simulation;
    do {
      const areOver = (): boolean => director.lives.every((life) => life.end !== undefined);
      director.releaseAll();
      if (!(await this.#until(areOver))) return false;
    } while (director.releaseAll());
    return true;
  }

  /**
   * A process that stood still before it owned the store may come in as the newest owner and die in
   * the middle of a checkpoint: then the supervisor starts one more.
   */
  #hasNewestOwnerCompleted(): boolean {
    const { history, director } = this.#simulation;
    const newest = history.findLast((event) => event.kind === 'opened');
    const owner = newest && director.lives[newest.life - 1];
    return owner === undefined || owner.end?.kind === 'completed';
  }

  /** Lets time pass until something holds; false when it never will. */
  async #until(holds: () => boolean): Promise<boolean> {
    const { timeline, director } = this.#simulation;
    let outsideSinceMs: number | undefined;
    for (;;) {
      await yieldToEventLoop();
      // What lets others go first has asked for a turn of its own in this one.
      await yieldToEventLoop();
      if (holds()) return true;
      if (director.outsideCallCount === 0) outsideSinceMs = undefined;
      else {
        outsideSinceMs ??= systemClock.monotonicMs();
        const silentMs = systemClock.monotonicMs() - outsideSinceMs;
        if (silentMs > maxOutsideMs) {
          this.#note(
            'every wait has a bound',
            'a call of a wrapped sink has not ended in a minute',
          );
          return false;
        }
        // It may wait for time itself, as a call that is tried again does.
        if (silentMs < outsideGraceMs || !timeline.runNextTimer()) continue;
      }
      if (director.points.length > maxPoints) {
        this.#note('a run comes to its end', `after ${maxPoints} points it has not`);
        return false;
      }
      if (timeline.monotonicMs() > maxSimulatedMs) {
        this.#note('every wait has a bound', 'ten simulated hours have passed');
        return false;
      }
      if (!timeline.runNextTimer() && !director.releaseAll()) {
        this.#note('every wait has a bound', 'a process waits and no timer is set');
        return false;
      }
    }
  }

  /** Whether a disaster has taken something away; an outage only keeps people waiting. */
  #hasLost(): boolean {
    return this.#simulation.director.points.some(
      ({ fault }) => fault !== undefined && fault !== 'outage' && faultKinds[fault].isDisaster,
    );
  }

  #note(rule: string, seen: string): void {
    this.violations.push({ rule, seen });
  }
}
