// What the sink suite is given, and what a case of it is.

import type { TwoPhaseSink } from '../../contracts/sink.js';

/** What the suite needs to know about a sink: how to make one on an empty system. */
export interface TwoPhaseSinkFactory<Rec> {
  /** Begins the title of the suite. */
  readonly name: string;
  /** A new and empty system (a directory, a schema …) for one case. */
  create(): SinkSystem<Rec> | Promise<SinkSystem<Rec>>;
  /** A record; different numbers give different records. */
  record(number: number): Rec;
}

/** The system behind a sink, as a test sees it. */
export interface SinkSystem<Rec> {
  /** The sink as a new process makes it, on the same system. */
  connect(): TwoPhaseSink<Rec> | Promise<TwoPhaseSink<Rec>>;
  /** Every record that a reader of the system sees, in order of commit. */
  visible(): readonly Rec[] | Promise<readonly Rec[]>;
  /** Called behind each case, when its sessions are closed. Pools that the sinks were given end here. */
  close?(): void | Promise<void>;
}

/** One obligation as a case; `run` rejects when the sink does not keep it. */
export interface ConformanceCase<Rec> {
  /** A sentence that begins with the number of the obligation. */
  readonly title: string;
  /** Classes that the case is about; default all. */
  readonly only?: readonly TwoPhaseSink['durability'][];
  readonly run: (bench: SinkBench<Rec>) => Promise<void>;
}

/** A fresh system and what the cases do with it. */
export interface SinkBench<Rec> {
  readonly system: SinkSystem<Rec>;
  record(number: number): Rec;
}
