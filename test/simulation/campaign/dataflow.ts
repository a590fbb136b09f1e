// A small dataflow for simulations: one source, one operator, any sinks, driven through a barrier port.

import type { Barrier, BarrierPort, CutListener, Flow } from '../../../src/contracts/barrier.js';
import type { Operator } from '../../../src/contracts/operator.js';
import type { Offsets } from '../../../src/contracts/source.js';
import type { SimulatedSource } from '../../../src/testing/simulation/simulated-source.js';

export interface DataflowOptions<Rec> {
  readonly source: { readonly name: string; readonly of: SimulatedSource<Rec> };
  readonly operator: { readonly name: string; readonly of: Operator };
  readonly sinks: readonly string[];
  /** What the operator makes of a record, for every sink. */
  readonly process: (record: Rec) => unknown;
  /** Carries what the dataflow reports about a barrier; it may arrive late. */
  readonly tell: (deliver: () => void) => void;
}

interface PendingCut {
  readonly barrier: Barrier;
  readonly listener: CutListener;
}

/** Pulls records through and takes cuts between two of them. */
export class Dataflow<Rec> implements BarrierPort {
  /** Settles when the input has come to its end for the first time. */
  readonly whenAtEnd: Promise<void>;
  readonly #options: DataflowOptions<Rec>;
  #flow: Flow | undefined;
  #cut: PendingCut | undefined;
  /** Who listens now: a barrier that comes late is told to whoever does. */
  #listener: CutListener | undefined;
  #isPumping = false;
  #isOver = false;
  #cutAt: Offsets | undefined;
  #generation: number | undefined;
  #whenIdle: (() => void)[] = [];
  #reachEnd: () => void = () => undefined;

  constructor(options: DataflowOptions<Rec>) {
    this.#options = options;
    this.whenAtEnd = new Promise((resolve) => {
      this.#reachEnd = resolve;
    });
  }

  /** Whether the input has come to its end since the sources were last put back. */
  get isAtEnd(): boolean {
    return this.#isOver && !this.#isPumping;
  }

  /** What a stop leaves committed: where the last cut was, or where everything was put back to. */
  get committed(): Offsets {
    return this.#cutAt ?? this.#options.source.of.position();
  }

  inject(barrier: Barrier, listener: CutListener): void {
    this.#cut = { barrier, listener };
    this.#listener = listener;
    if (!this.#isPumping) this.#takeCut();
  }

  cancel(barrier: Barrier): void {
    if (this.#cut?.barrier.checkpointId === barrier.checkpointId) this.#cut = undefined;
  }

  async suspend(): Promise<void> {
    this.#flow = undefined;
    this.#cut = undefined;
    if (!this.#isPumping) return;
    await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  resume(flow: Flow): void {
    // The cuts of an older generation say nothing: the sources were put back since.
    if (flow.generation !== this.#generation) this.#cutAt = undefined;
    this.#generation = flow.generation;
    this.#flow = flow;
    this.#isOver = false;
    this.#pump(flow).catch((error: unknown) => {
      this.#comeToRest();
      if (this.#flow === flow) flow.failed?.(error);
    });
  }

  /** Records until the input or the generation comes to its end. */
  async #pump(flow: Flow): Promise<void> {
    const { source } = this.#options;
    const records = source.of[Symbol.asyncIterator]();
    this.#isPumping = true;
    while (this.#flow === flow && !this.#isOver) {
      const next = await records.next();
      if (this.#flow !== flow) break;
      this.#takeCut();
      if (next.done === true) this.#isOver = true;
      else {
        await this.#write(flow, next.value);
        source.of.settle();
      }
    }
    this.#comeToRest();
    if (this.#flow !== flow) return;
    this.#takeCut();
    if (this.#isOver) this.#reachEnd();
  }

  #comeToRest(): void {
    this.#isPumping = false;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  async #write(flow: Flow, record: Rec): Promise<void> {
    const output = this.#options.process(record);
    try {
      await Promise.all([...flow.sinks.values()].map((sink) => sink.write([output])));
    } catch {
      // The coordinator knows of a failed write and suspends the flow: nothing else to do here.
    }
  }

  #takeCut(): void {
    const cut = this.#cut;
    if (cut === undefined) return;
    this.#cut = undefined;
    const { barrier, listener } = cut;
    const { source, operator, sinks, tell } = this.#options;
    const position = { offsets: source.of.position() };
    this.#cutAt = position.offsets;
    const snapshot = operator.of.capture();
    // Synchronously: from here on the writers hold back what belongs to the next epoch.
    for (const sink of sinks) listener.sinkReached(barrier, sink);
    tell(() => {
      this.#listener?.sourceReached(barrier, source.name, position);
      this.#listener?.operatorReached(barrier, operator.name, snapshot);
    });
  }
}
