// Checkpoints on object storage, which several machines share: durable, verified, owned by one.

import type { ObjectStorage } from '../../contracts/object-storage.js';
import { defaultMaxManifestBytes } from '../../manifest/parse.js';
import {
  completeOptions,
  contract,
  custom,
  nested,
  required,
  whole,
  type OptionTable,
} from '../../options.js';
import { systemClock, type Clock } from '../../runtime/clock.js';
import { silentLogger, type Logger } from '../../runtime/logger.js';
import { systemProcesses, type Processes } from '../../runtime/process-identity.js';
import { systemRandom, type Random } from '../../runtime/random.js';
import type {
  CheckpointStore,
  OpenStoreOptions,
  OwnedStore,
  StoreCallOptions,
  StoreReader,
} from '../checkpoint-store.js';
import { VerifiedManifests } from '../verified-manifests.js';
import { readCurrent } from './current-object.js';
import { checkOwnable, claim, refuseRemains } from './opening.js';
import { guarded, type ObjectStorePorts } from './ports.js';
import { proveConditions } from './probe.js';
import { ObjectStoreReader } from './reader.js';
import { ObjectOwnedStore } from './session.js';
import {
  StorageCalls,
  storageFunctions,
  storageTimeouts,
  type ObjectStoreTimeouts,
} from './storage-calls.js';

/** Options of an `ObjectCheckpointStore`. */
export interface ObjectCheckpointStoreOptions {
  /** A bucket and a prefix that belong to this store alone, such as `s3Storage(…)` gives. */
  readonly storage: ObjectStorage;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  readonly processes?: Processes;
  /** Default 64 MiB. */
  readonly maxManifestBytes?: number;
  /**
   * Milliseconds between signs of life to other processes; a checkpoint is one, and only an owner that
   * takes none writes an object for it. Default 1 000; 0 for none.
   */
  readonly heartbeatMs?: number;
  /**
   * Milliseconds for which the bodies of a pruned checkpoint stay, for those who read it. Default an hour.
   */
  readonly minBodyAgeMs?: number;
  /**
   * Bytes of one part of a sidecar, which is what one takes in memory. Default 8 MiB; services refuse less
   * than 5 MiB.
   */
  readonly partBytes?: number;
  /** Bounds in time of one request and of its repetition. */
  readonly timeouts?: ObjectStoreTimeouts;
}

const optionTable = {
  storage: required(contract(storageFunctions)),
  clock: contract(['now', 'monotonicMs', 'setTimer'], systemClock),
  random: contract(['next', 'bytes'], systemRandom),
  logger: contract(['info', 'warn'], silentLogger),
  processes: custom(undefined, systemProcesses),
  maxManifestBytes: whole({ min: 1 }, defaultMaxManifestBytes),
  heartbeatMs: whole({ min: 0, unit: 'milliseconds' }, 1_000),
  minBodyAgeMs: whole({ min: 0, unit: 'milliseconds' }, 3_600_000),
  partBytes: whole({ min: 1 }, 8 * 2 ** 20),
  timeouts: nested<ObjectStoreTimeouts>(storageTimeouts),
} satisfies OptionTable<ObjectCheckpointStoreOptions>;

/**
 * A store on any service with conditional PUT. The service is the fence: no lock, no clock and no second
 * system is asked which process may write.
 */
export class ObjectCheckpointStore implements CheckpointStore {
  readonly #ports: ObjectStorePorts;

  /** @throws TidegateError `TIDEGATE_OPTIONS`. */
  constructor(options: ObjectCheckpointStoreOptions) {
    const completed = completeOptions('an object store', options, optionTable);
    const { timeouts, ...ports } = completed;
    const { storage, clock, random } = ports;
    const bounds = timeouts as Required<ObjectStoreTimeouts>;
    const calls = new StorageCalls(storage, clock, random, bounds);
    this.#ports = { ...ports, calls, verified: new VerifiedManifests() };
  }

  async open(options: OpenStoreOptions): Promise<OwnedStore> {
    const { signal } = options;
    return guarded(`opening ${this.#ports.storage.address}`, signal, async () => {
      // Before anything is made, so that a wrong name leaves no trace and fences no owner.
      await checkOwnable(this.#ports, options.pipeline, signal);
      const time = await proveConditions(this.#ports, signal);
      const session = new ObjectOwnedStore(
        this.#ports,
        await claim(this.#ports, options, time),
        time,
      );
      // A caller that was aborted never closes it, and its heartbeat would keep others out.
      if (signal?.aborted === true) await session.close();
      signal?.throwIfAborted();
      return session;
    });
  }

  async openReadOnly({ signal }: StoreCallOptions = {}): Promise<StoreReader> {
    return guarded(`opening ${this.#ports.storage.address}`, signal, async () => {
      const current = (await readCurrent(this.#ports, signal))?.current;
      if (current === undefined) await refuseRemains(this.#ports, signal);
      return new ObjectStoreReader(this.#ports, current?.storeId, current?.pipeline);
    });
  }
}
