// One coordinator with scripted participants, a simulated clock and a log whose invariants are checked.

import { afterEach, expect } from '@jest/globals';
import { CheckpointCoordinator, MemoryCheckpointStore, jsonState } from 'tidegate';
import type { CheckpointSettings, CoordinatorOptions, SafePoint } from 'tidegate';
import { seededRandom } from 'tidegate/extend';
import type { CheckpointStore, Durability, Offsets, Sink, Source } from 'tidegate/extend';
import { SimulatedClock } from 'tidegate/testing';
import { violations } from '../invariants.js';
import { loggedSink, loggedStore, type LoggedCall, type StoreFaults } from './call-log.js';
import { ScriptedSink } from './scripted-sink.js';

export interface HarnessOptions {
  readonly sinks?: Readonly<Record<string, Durability>>;
  readonly checkpoint?: CheckpointSettings;
  readonly more?: Partial<CoordinatorOptions>;
  readonly store?: CheckpointStore;
  readonly scripted?: ReadonlyMap<string, ScriptedSink>;
  readonly clock?: SimulatedClock;
}

/** A list of numbers as a source; position is behind what was processed. */
class ListSource implements Source {
  next = 0;
  restored = 0;
  readonly acknowledged: number[] = [];

  position(): Offsets | Promise<Offsets> {
    return { next: String(this.next) };
  }

  restore(offsets: Offsets): void {
    this.next = Number(offsets.next ?? 0);
    this.restored += 1;
  }

  acknowledge(offsets: Offsets): void | Promise<void> {
    this.acknowledged.push(Number(offsets.next));
  }
}

const open: Harness[] = [];

afterEach(async () => {
  for (const harness of open.splice(0)) {
    expect(violations(harness.log)).toEqual([]);
    await harness.crash();
  }
});

export class Harness {
  readonly clock: SimulatedClock;
  readonly log: LoggedCall[] = [];
  readonly faults: StoreFaults = {};
  readonly source = new ListSource();
  readonly sinks: ReadonlyMap<string, ScriptedSink>;
  readonly store: CheckpointStore;
  readonly coordinator: CheckpointCoordinator;
  readonly seen: { readonly name: string; readonly fact: unknown }[] = [];
  sum = 0;

  constructor(options: HarnessOptions = {}) {
    this.clock = options.clock ?? new SimulatedClock();
    const kinds: [string, Durability][] = Object.entries(
      options.sinks ?? { left: 'durable', right: 'durable' },
    );
    this.sinks =
      options.scripted ??
      new Map(kinds.map(([name, kind]) => [name, new ScriptedSink(name, kind)]));
    this.store = options.store ?? new MemoryCheckpointStore({ random: seededRandom(1) });
    const sinks: Record<string, Sink> = {};
    for (const [name, sink] of this.sinks) sinks[name] = loggedSink(name, sink.asSink(), this.log);
    const set = (saved: number): void => {
      this.sum = saved;
    };
    this.coordinator = new CheckpointCoordinator({
      pipeline: 'numbers',
      store: loggedStore(this.store, this.log, this.faults),
      sources: { numbers: this.source },
      operators: { sum: jsonState(() => this.sum, set, { deterministic: true }) },
      sinks,
      checkpoint: { intervalMs: 0, ...options.checkpoint },
      clock: this.clock,
      random: seededRandom(7),
      ...options.more,
    });
    this.#watch();
    open.push(this);
  }

  sink(name: string): ScriptedSink {
    const sink = this.sinks.get(name);
    if (sink === undefined) throw new Error(`no sink ${name}`);
    return sink;
  }

  /** The clock moves until `work` settles: a hang fails the test at once. */
  settle<Value>(work: Promise<Value>): Promise<Value> {
    return this.clock.until(work);
  }

  start() {
    return this.settle(this.coordinator.start());
  }

  /** One turn of the loop: a safe point, then the next number, unless it was rewound. */
  async turn(): Promise<SafePoint> {
    const point = await this.settle(this.coordinator.safePoint());
    if (point.kind === 'rewound') return point;
    this.source.next += 1;
    this.sum += this.source.next;
    for (const writer of Object.values(point.sinks)) {
      await this.settle(writer.write([this.source.next]));
    }
    return point;
  }

  /** A checkpoint whose cut is taken at the next safe point. */
  async checkpoint() {
    const asked = this.coordinator.checkpoint();
    const [, outcome] = await this.settle(Promise.all([this.coordinator.safePoint(), asked]));
    return outcome;
  }

  names(): readonly string[] {
    return this.seen.map(({ name }) => name);
  }

  async crash(): Promise<void> {
    await this.settle(this.coordinator[Symbol.asyncDispose]());
  }

  #watch(): void {
    const { events } = this.coordinator;
    const names = [
      'attempt-started',
      'step-started',
      'step-ended',
      'sink-committed',
      'sink-not-committed',
      'checkpoint-completed',
      'checkpoint-abandoned',
      'checkpoint-failed',
      'checkpoint-skipped',
      'report-dropped',
      'participant-error',
      'recovery-started',
      'recovery-waiting',
      'recovery-ended',
      'fenced',
      'halted',
      'stopped',
    ] as const;
    for (const name of names) {
      events.on(name, (...facts: readonly unknown[]) => {
        this.seen.push({ name, fact: facts[0] });
      });
    }
    events.on('checkpoint-completed', ({ checkpointId }) => {
      this.log.push({ kind: 'told', checkpointId });
    });
  }
}
