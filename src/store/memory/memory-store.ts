// Checkpoints in memory, with every promise of a store but durability: for tests and embedding.

import { TidegateError } from '../../errors.js';
import { completeOptions, contract } from '../../options.js';
import { storeId } from '../../ids.js';
import { systemClock, type Clock } from '../../runtime/clock.js';
import { systemRandom, type Random } from '../../runtime/random.js';
import { newUuid } from '../../runtime/uuid.js';
import type {
  CheckpointStore,
  OpenStoreOptions,
  OwnedStore,
  StoreReader,
} from '../checkpoint-store.js';
import { claimNext, type MemoryContent } from './memory-content.js';
import { MemoryOwnedStore } from './memory-session.js';
import { MemoryStoreReader } from './memory-reader.js';

/** Options of a `MemoryCheckpointStore`. */
export interface MemoryCheckpointStoreOptions {
  /** What the store id is drawn from; the system's by default. */
  readonly random?: Random;
  /** When the store id was made; the system's clock by default. */
  readonly clock?: Pick<Clock, 'now'>;
}

/**
 * Lives as long as the object: a restart, in a test, is a second `open`. An earlier session that was
 * not closed counts as crashed, so `open` never waits for it and never refuses; it is fenced.
 */
export class MemoryCheckpointStore implements CheckpointStore {
  readonly #random: Random;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #content: MemoryContent = {
    checkpoints: new Map(),
    quarantined: new Map(),
    storeId: undefined,
    pipeline: undefined,
    generation: 0,
  };

  constructor(options: MemoryCheckpointStoreOptions = {}) {
    const { random, clock } = completeOptions('a memory store', options, {
      random: contract(['next', 'bytes'], systemRandom),
      clock: contract(['now'], systemClock),
    });
    this.#random = random;
    this.#clock = clock;
  }

  async open(options: OpenStoreOptions): Promise<OwnedStore> {
    options.signal?.throwIfAborted();
    const content = this.#content;
    content.storeId ??= storeId(newUuid(this.#clock, this.#random));
    content.pipeline ??= options.pipeline;
    if (content.pipeline !== options.pipeline) {
      throw new TidegateError(
        'TIDEGATE_STORE_PIPELINE',
        `the store belongs to pipeline ${content.pipeline}, not to ${options.pipeline}`,
      );
    }
    return Promise.resolve(new MemoryOwnedStore(content, claimNext(content)));
  }

  async openReadOnly(): Promise<StoreReader> {
    return Promise.resolve(new MemoryStoreReader(this.#content));
  }
}
