// Object stores on a simulated service, one process each, with a clock of its own.

import { ObjectCheckpointStore } from 'tidegate';
import type { ObjectCheckpointStoreOptions } from 'tidegate';
import { seededRandom } from 'tidegate/extend';
import type { OpenStoreOptions, OwnedStore, Processes, Random } from 'tidegate/extend';
import { SimulatedClock } from 'tidegate/testing';
import type { ObjectConnection, ObjectHooks, SimulatedObjectStorage } from 'tidegate/testing';
import { noProcesses } from '../crash/actions.js';

/** A process on the service; its waiting is simulated. */
export class ObjectProcess {
  readonly clock = new SimulatedClock();
  readonly connection: ObjectConnection;
  readonly #random: Random;

  constructor(
    service: SimulatedObjectStorage,
    private readonly options: {
      readonly hooks?: ObjectHooks;
      readonly seed?: number;
      readonly processes?: Processes;
      readonly store?: Partial<ObjectCheckpointStoreOptions>;
    } = {},
  ) {
    this.connection = service.connect(options.hooks);
    this.#random = seededRandom(options.seed ?? 1);
  }

  store(random: Random = this.#random): ObjectCheckpointStore {
    return new ObjectCheckpointStore({
      storage: this.connection.storage,
      clock: this.clock,
      random,
      processes: this.options.processes ?? noProcesses,
      heartbeatMs: 0,
      minBodyAgeMs: 0,
      ...this.options.store,
    });
  }

  /** Runs work that may wait for this process's clock. */
  run<Value>(work: Promise<Value>): Promise<Value> {
    return this.clock.until(work);
  }

  open(options: Partial<OpenStoreOptions> = {}): Promise<OwnedStore> {
    return this.run(this.store().open({ pipeline: 'orders', ...options }));
  }
}
