// What a pipeline under test is built on: one life's view of everything that outlives it.

import { callback, oneOf, type OptionTable } from '../../options.js';
import type { Durability, Sink } from '../../contracts/sink.js';
import type { RecoveryReport } from '../../recovery/request.js';
import type { Clock } from '../../runtime/clock.js';
import type { Logger } from '../../runtime/logger.js';
import type { Random } from '../../runtime/random.js';
import type { CheckpointStore } from '../../store/checkpoint-store.js';
import type { FileSystem } from '../../runtime/file-system.js';
import type { Port } from './port.js';
import type { SimulatedSource } from './simulated-source.js';
import type { SimulatedTableStore } from './simulated-table-store.js';

/**
 * One process's view of the simulated surroundings. What sinks have prepared and committed, the
 * checkpoints and the input outlive the process; everything else that `build` makes must be made
 * anew for each life, as a started program does.
 */
export interface World {
  /** Number of the process, from 1. */
  readonly life: number;
  readonly store: CheckpointStore;
  /**
   * A store of your own in the place of `store`, watched as that one is. Its storage has to outlive the
   * process, and its calls are points where they go through `port`.
   */
  wrapStore(store: CheckpointStore): CheckpointStore;
  readonly clock: Clock;
  /** The same numbers for the same run. */
  readonly random: Random;
  readonly logger: Logger;
  /**
   * A source of the input given under this name.
   *
   * @param options `end`: only so many records of it have arrived yet.
   */
  source<Rec>(name: string, options?: { readonly end?: number }): SimulatedSource<Rec>;
  /** A sink of this class, whose durable part outlives the process. */
  sink(name: string, durability: Durability): Sink;
  /** A store of reference tables, whose checkpoints outlive the process. */
  tableStore(name: string): SimulatedTableStore;
  /** What a person would see at a simulated sink now. */
  visible(sink: string): readonly unknown[];
  /**
   * What the starter of the processes remembers from one to the next, such as which version is
   * deployed, or which checkpoint is to be restored.
   */
  readonly notes: Map<string, unknown>;
  /**
   * Passes something on within the process, such as a barrier: a schedule may let it arrive late.
   *
   * @param name Such as `dataflow`; it begins the name of the point.
   */
  tell(name: string, what: string, deliver: () => void): void;
  /**
   * A sink of your own that is crashed around each of its calls. Its storage is yours: empty it in
   * `beforeEach`. It must be able to stand a process that stops between any two calls. Faults that
   * the system behind a sink would make (`expire`, `lose-prepared`) do nothing to it.
   *
   * Simulated time stands still while one of its calls runs. Give it `clock` if it waits: time goes
   * on once such a call has been silent for a real second, and after a real minute it counts as hung.
   */
  wrap<Own extends Sink>(name: string, sink: Own, options?: WrapOptions): Own;
  /**
   * Calls to a system of your own, such as those of a client to its server: each is a point at which
   * the schedule strikes, also in the middle of a sink's call. Give the sink `clock`, and `wrap` it
   * with `points: 'system'`.
   *
   * @param actor Whom an outage silences; it begins the names of the points.
   */
  port(actor: string): Port;
  /** Files of this process, on the disk that outlives it and that may lose power. */
  readonly fileSystem: FileSystem;
}

/** Options of `wrap`. */
export interface WrapOptions {
  /**
   * Where the schedule strikes: around each call of the `sink` (default), or only where its `system` is
   * called, through `World.port`. Time then goes on as for the rest of the process.
   */
  readonly points?: 'sink' | 'system';
  /**
   * What a reader of the sink's system sees, in order of commit. Asked when everything is over, and
   * held against what a run without faults leaves, as for a simulated sink. Without it the simulation does not look
   * into the sink, and the report names it.
   */
  readonly visible: () => readonly unknown[] | Promise<readonly unknown[]>;
}

export const wrapTable: OptionTable<WrapOptions> = {
  points: oneOf(['sink', 'system']),
  visible: callback(),
};

/** The part of a coordinator that is watched: which row of the recovery table decided. */
export interface WatchedCoordinator {
  readonly events: {
    on(event: 'recovery-ended', listener: (report: RecoveryReport) => void): unknown;
  };
}

/** A pipeline under test in one life. */
export interface Crashable {
  readonly coordinator?: WatchedCoordinator;
  /**
   * Starts, goes through the input and stops: settles at the end of the input. The answer
   * `startAgain` means that the process has ended in order and another one is to be started, such
   * as a new version.
   */
  run(): Promise<unknown>;
  /**
   * What the sinks hold in the end, where that depends on when something happened, such as a change
   * of the pipeline. Asked of the last process. Default: what a run without faults leaves.
   */
  expected?(): ReadonlyMap<string, readonly unknown[]>;
  /** `key`: records of different keys may overtake each other. Default `input`. */
  readonly order?: 'input' | 'key';
}

/** What `run` answers when another process is to be started after this one. */
export const startAgain = 'start-again';

/** Builds the pipeline under test; called once for each life. */
export type Build = (world: World) => Crashable | Promise<Crashable>;

/** The input of each source by name, or one input for all of them. */
export type Input = readonly unknown[] | Readonly<Record<string, readonly unknown[]>>;

export function inputOf(input: Input, source: string): readonly unknown[] {
  const own = isForAll(input) ? input : input[source];
  if (own === undefined) throw new Error(`there is no input for source "${source}"`);
  return own;
}

function isForAll(input: Input): input is readonly unknown[] {
  return Array.isArray(input);
}
