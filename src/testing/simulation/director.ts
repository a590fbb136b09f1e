// Numbers the points of a run and makes each fault of its schedule happen at its point.

import { assert, assertNever } from '../../assert.js';
import { Life } from './life.js';
import type { ActionEffect, Fault, FaultKind, Schedule } from './faults.js';

export interface Action {
  /** Whom an outage silences, such as `sink a` or `disk`. */
  readonly actor: string;
  /** Such as `commit`; together with the actor it names the point. */
  readonly name: string;
  readonly effect: ActionEffect;
  /** The error of this actor when it fails, such as one with the code `EIO`. Default a plain one. */
  readonly failure?: (message: string) => Error;
  /** Actor and name as one text; made anew for each point when it is not given. */
  readonly pointName?: string;
}

/** A point that was passed; `index` counts from 1 over all lives. */
export interface Point {
  readonly index: number;
  readonly life: number;
  readonly action: string;
  readonly occurrence: number;
  readonly effect: ActionEffect;
  /** What happened there, when something did. */
  readonly fault?: FaultKind;
}

/** What the surroundings of the processes do when one of them dies. */
export interface Surroundings {
  /** Called once the life is dead: the disk drops what was not durable, disasters strike. */
  lifeEnded(life: Life, fault: Fault): void;
  /** The system behind this actor has aborted what it need not keep. */
  preparedLost(actor: string): void;
  /** Called at each point of a run in which a disaster restores the store from a copy. */
  copyStore(): void;
  nowMs(): number;
}

interface Performing<Value> {
  readonly perform: () => Value | Promise<Value>;
  readonly failing: (() => void) | undefined;
}

interface LateEffect {
  readonly atIndex: number;
  readonly land: () => void;
}

/** The one place where faults are made. Every port of the simulation calls `act`. */
export class Director {
  readonly points: Point[] = [];
  readonly lives: Life[] = [];
  readonly #surroundings: Surroundings;
  /** By the name of the action: most points are at none of them. */
  readonly #faults = new Map<string, Fault[]>();
  readonly #occurrences = new Map<string, number>();
  readonly #silentUntilMs = new Map<string, number>();
  readonly #copiesStore: boolean;
  #late: LateEffect[] = [];
  #firedCount = 0;
  #outsideCallCount = 0;

  constructor(schedule: Schedule, surroundings: Surroundings) {
    this.#surroundings = surroundings;
    this.#copiesStore = schedule.some((fault) => fault.kind === 'store-restored');
    for (const fault of schedule) {
      const { action, occurrence } = fault.at;
      assert(this.#faultAt(action, occurrence) === undefined, `two faults at ${action}`);
      this.#faults.set(action, [...(this.#faults.get(action) ?? []), fault]);
    }
  }

  /** How many faults of the schedule have happened. */
  get firedCount(): number {
    return this.#firedCount;
  }

  /** Calls to systems outside the simulation that are running: time must wait for them. */
  get outsideCallCount(): number {
    return this.#outsideCallCount;
  }

  startLife(): Life {
    const life = new Life(this.lives.length + 1);
    this.lives.push(life);
    return life;
  }

  /**
   * Passes a point: performs the action, or what the schedule makes of it.
   *
   * @param failing What a failure without effect leaves behind all the same.
   */
  act<Value>(
    life: Life,
    action: Action,
    perform: () => Value | Promise<Value>,
    failing?: () => void,
  ): Promise<Value> {
    if (life.state !== 'alive') {
      return whenAlive(life).then(() => this.act(life, action, perform, failing));
    }
    const fault = this.#pass(life, action);
    if (fault !== undefined) return this.#fail(life, action, fault, { perform, failing });
    return this.#perform(life, action, { perform, failing });
  }

  /** Runs a call to a system outside the simulation. */
  async outside<Value>(call: () => Value | Promise<Value>): Promise<Value> {
    this.#outsideCallCount += 1;
    try {
      return await call();
    } finally {
      this.#outsideCallCount -= 1;
    }
  }

  /** Passes something that is not worth a point; a process that is gone does not come through. */
  pass<Value>(life: Life, perform: () => Promise<Value>): Promise<Value> {
    if (life.state === 'alive') return stopAnswerOfDead(life, perform());
    return whenAlive(life).then(() => this.pass(life, perform));
  }

  /** Lets everything that was held up happen: late effects land and paused processes go on. */
  releaseAll(): boolean {
    const late = this.#late;
    this.#late = [];
    for (const effect of late) effect.land();
    return late.length > 0;
  }

  async #perform<Value>(
    life: Life,
    action: Action,
    { perform, failing }: Performing<Value>,
  ): Promise<Value> {
    if (this.#silentUntilMs.size > 0) this.#refuseWhenSilent(action, failing);
    const value = await perform();
    if (life.state !== 'alive') await whenAlive(life);
    return value;
  }

  #faultAt(name: string, occurrence: number): Fault | undefined {
    return this.#faults.get(name)?.find(({ at }) => at.occurrence === occurrence);
  }

  #pass(life: Life, action: Action): Fault | undefined {
    const name = action.pointName ?? pointNameOf(action.actor, action.name);
    const occurrence = (this.#occurrences.get(name) ?? 0) + 1;
    this.#occurrences.set(name, occurrence);
    const index = this.points.length + 1;
    if (this.#copiesStore) this.#surroundings.copyStore();
    const fault = this.#faultAt(name, occurrence);
    const point = { index, life: life.number, action: name, occurrence, effect: action.effect };
    this.points.push(fault === undefined ? point : { ...point, fault: fault.kind });
    if (this.#late.length > 0) this.#landUpTo(index);
    if (fault !== undefined) this.#firedCount += 1;
    return fault;
  }

  #landUpTo(index: number): void {
    const due = this.#late.filter((effect) => effect.atIndex <= index);
    this.#late = this.#late.filter((effect) => effect.atIndex > index);
    for (const effect of due) effect.land();
  }

  async #fail<Value>(
    life: Life,
    action: Action,
    fault: Fault,
    { perform, failing }: Performing<Value>,
  ): Promise<Value> {
    switch (fault.kind) {
      case 'kill-before':
      case 'power-before':
        return this.#end(life, fault);
      case 'kill-after':
      case 'power-after':
      case 'expire':
      case 'store-lost':
      case 'store-restored':
      case 'bit-rot':
      case 'sink-set-back':
        return this.#endAfter(life, fault, perform);
      case 'fail-before':
        failing?.();
        throw injected(action, 'without effect');
      case 'fail-after':
        await settled(perform);
        throw injected(action, 'after it took effect');
      case 'answer-lost':
        await settled(perform);
        return never();
      case 'late':
      case 'kill-late':
        this.#defer(fault, () => void settled(perform));
        return fault.kind === 'late' ? never() : this.#end(life, fault);
      case 'zombie':
        life.pause();
        this.#defer(fault, () => life.resume());
        await whenAlive(life);
        return stopAnswerOfDead(life, perform());
      case 'lose-prepared':
        this.#surroundings.preparedLost(action.actor);
        return stopAnswerOfDead(life, perform());
      case 'outage':
        this.#silentUntilMs.set(action.actor, this.#surroundings.nowMs() + (fault.number ?? 0));
        failing?.();
        throw injected(action, 'at the start of an outage');
      default:
        return assertNever(fault.kind, 'fault');
    }
  }

  #defer(fault: Fault, land: () => void): void {
    this.#late.push({ atIndex: this.points.length + (fault.number ?? 1), land });
  }

  /** Nothing else of the process happens between the effect and its death. */
  async #endAfter(life: Life, fault: Fault, perform: () => unknown): Promise<never> {
    const performed = settled(perform);
    life.silence();
    await performed;
    return this.#end(life, fault);
  }

  #end(life: Life, fault: Fault): Promise<never> {
    life.kill();
    this.#surroundings.lifeEnded(life, fault);
    return never();
  }

  #refuseWhenSilent(action: Action, failing: (() => void) | undefined): void {
    const untilMs = this.#silentUntilMs.get(action.actor);
    if (untilMs === undefined) return;
    if (this.#surroundings.nowMs() < untilMs) {
      failing?.();
      throw injected(action, 'during an outage');
    }
    this.#silentUntilMs.delete(action.actor);
  }
}

/** A promise that never settles: what a dead process gets for an answer. */
function never(): Promise<never> {
  return new Promise(() => undefined);
}

/** Such as `sink a: commit`. */
export function pointNameOf(actor: string, name: string): string {
  return `${actor}: ${name}`;
}

function whenAlive(life: Life): Promise<void> {
  return new Promise((resolve) => {
    life.whenAlive(resolve);
  });
}

/** The answer of a call that was begun before the process died is lost. */
async function stopAnswerOfDead<Value>(life: Life, answer: Value | Promise<Value>): Promise<Value> {
  const value = await answer;
  if (life.state === 'alive') return value;
  await whenAlive(life);
  return value;
}

/** Performs for the effect alone: whether it succeeds stays unknown. */
async function settled(perform: () => unknown): Promise<void> {
  try {
    await perform();
  } catch {
    // A call that is refused, because it was fenced for example, had no effect: that is an outcome.
  }
}

function injected(action: Action, when: string): Error {
  const message = `${action.actor}: ${action.name} failed ${when}, as the schedule says`;
  return action.failure?.(message) ?? new Error(message);
}
