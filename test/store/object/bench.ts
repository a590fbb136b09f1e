// Object stores on a simulated service, one process each, with a clock of its own.

import type { Random } from '../../../src/runtime/random.js';
import { seededRandom } from '../../../src/runtime/random.js';
import type { Processes } from '../../../src/runtime/process-identity.js';
import type { OpenStoreOptions, OwnedStore } from '../../../src/store/checkpoint-store.js';
import {
  ObjectCheckpointStore,
  type ObjectCheckpointStoreOptions,
} from '../../../src/store/object/object-store.js';
import { SimulatedClock } from '../../../src/testing/clock.js';
import type {
  ObjectConnection,
  ObjectHooks,
} from '../../../src/testing/object-storage/object-operation.js';
import type { SimulatedObjectStorage } from '../../../src/testing/object-storage/simulated-object-storage.js';
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
