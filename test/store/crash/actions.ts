// The calls whose crashes are enumerated, each keeping the ledger, in the way of the coordinator.

import { FileSystemCheckpointStore } from '../../../src/index.js';
import { seededRandom } from '../../../src/extend/index.js';
import type {
  CheckpointStore,
  Clock,
  FileSystem,
  OwnedStore,
  Processes,
  Random,
} from '../../../src/extend/index.js';
import { externalOperatorState } from '../../../src/manifest/index.js';
import type { CheckpointManifest } from '../../../src/manifest/index.js';
import { chunksOf, manifestOf } from '../../../src/testing/store-conformance/store-bench.js';
import type { Ledger } from './ledger.js';

export const storeDirectory = '/data/store';

/**
 * `open` again without closing, `save` one in doubt, `large`: save a complete one with a sidecar,
 * `update` the newest, `prune`.
 */
const actionNames = ['open', 'save', 'large', 'update', 'prune'] as const;
/** `complete`: save one that every sink has committed. */
export type ActionName = (typeof actionNames)[number] | 'complete';

/** A file system as the store under test gets it; a mutation puts itself in between. */
export type Wrap = (fileSystem: FileSystem) => FileSystem;

/** Time that stands still: nothing in a crash test may wait. */
const stoppedClock: Clock = {
  now: () => 1_700_000_000_000,
  monotonicMs: () => 0,
  setTimer: () => ({ cancel: () => undefined }),
};

export const noProcesses: Processes = {
  self: () => ({ host: 'simulated', bootId: 'b', pidNamespace: 'n', pid: 1, startedAt: '1' }),
  livenessOf: () => 'gone',
};

export function makeStore(fileSystem: FileSystem, random: Random): FileSystemCheckpointStore {
  return new FileSystemCheckpointStore(storeDirectory, {
    fileSystem,
    random,
    clock: stoppedClock,
    processes: noProcesses,
    heartbeatMs: 0,
  });
}

/** One process that works on a store and writes into the ledger what it was promised. */
export class Worker {
  store: OwnedStore | undefined;
  readonly #random = seededRandom(7);

  /** @param place A file system to make the default store on, or what makes another store. */
  constructor(
    private readonly place: FileSystem | ((random: Random) => CheckpointStore),
    readonly ledger: Ledger,
  ) {}

  async perform(action: ActionName): Promise<void> {
    if (action === 'open') return this.#open();
    if (action === 'save') return this.#save();
    if (action === 'large') return this.#saveLarge();
    if (action === 'update') return this.#update();
    if (action === 'complete') return this.#complete();
    return this.#prune();
  }

  async #open(): Promise<void> {
    const { place } = this;
    const made = typeof place === 'function' ? place(this.#random) : makeStore(place, this.#random);
    const store = await made.open({ pipeline: 'orders' });
    this.store = store;
    this.ledger.storeId ??= store.storeId;
    this.ledger.generation = Math.max(this.ledger.generation, store.generation);
  }

  async #save(): Promise<void> {
    const store = this.#owned();
    const id = store.allocateCheckpointId();
    await this.#saveManifest(manifestOf(store, id, { sinks: { out: 'pending' } }));
  }

  async #saveLarge(): Promise<void> {
    const store = this.#owned();
    const id = store.allocateCheckpointId();
    const bytes = Uint8Array.from({ length: 20 }, (_, index) => (id + index) % 256 || 1);
    const receipt = await store.writeSidecar(id, chunksOf(bytes, 9), { maxBytes: 100 });
    const changes = {
      operatorStates: new Map([['counts', externalOperatorState(0, bytes.byteLength)]]),
      stateChecksum: receipt.sha256,
    };
    await this.#saveManifest(manifestOf(store, id, { sinks: { out: 'committed' }, changes }));
  }

  async #saveManifest(manifest: CheckpointManifest): Promise<void> {
    this.ledger.begin(manifest);
    await this.#owned().saveManifest(manifest);
    this.ledger.acknowledge(manifest);
  }

  /** Moves the newest checkpoint forward, whichever generation wrote it, as recovery does. */
  async #update(): Promise<void> {
    const newest = (await this.#owned().list())[0]?.manifest;
    if (newest !== undefined) await this.#saveManifest(forward(newest));
  }

  async #complete(): Promise<void> {
    const store = this.#owned();
    const id = store.allocateCheckpointId();
    await this.#saveManifest(manifestOf(store, id, { sinks: { out: 'committed' } }));
  }

  async #prune(): Promise<void> {
    this.ledger.isPruning = true;
    const { deleted } = await this.#owned().prune({ retainedCheckpoints: 1 });
    this.ledger.isPruning = false;
    for (const id of deleted) {
      this.ledger.saved.delete(id);
      this.ledger.inFlight.delete(id);
      this.ledger.pruned.add(id);
    }
  }

  #owned(): OwnedStore {
    if (this.store === undefined) throw new Error('the scenario does not begin with open');
    return this.store;
  }
}

/** Pending becomes committed; committed stays and is only saved again. */
export function forward(manifest: CheckpointManifest): CheckpointManifest {
  return {
    ...manifest,
    sinkEpochs: new Map([['out', manifest.epoch]]),
    sinkCommitStatuses: new Map([['out', { kind: 'committed' }]]),
  };
}

/** Sequences in which there is something to save again later and to prune. */
export const longSequences: readonly (readonly ActionName[])[] = [
  ['open', 'save', 'update'],
  ['open', 'save', 'open', 'update'],
  ['open', 'large', 'large', 'prune'],
  ['open', 'save', 'complete', 'large', 'prune'],
  ['open', 'save', 'complete', 'large', 'prune', 'prune'],
];

/** More of them, minutes long: for the command, not for every test run. */
export const longerSequences: readonly (readonly ActionName[])[] = [
  ...longSequences,
  ['open', 'save', 'open', 'open', 'update'],
  ['open', 'large', 'large', 'prune', 'save'],
  ['open', 'large', 'large', 'prune', 'open'],
  ['open', 'large', 'save', 'open', 'update', 'prune'],
];

/** Every sequence of actions of a length that begins with an open. */
export function sequences(length: number): ActionName[][] {
  if (length <= 1) return [['open']];
  return sequences(length - 1).flatMap((start) =>
    actionNames.map((action): ActionName[] => [...start, action]),
  );
}
