// The default store: checkpoints in a directory, durable, verified, owned by one.

import { resolve } from 'node:path';
import { TidegateError, hasErrorCode } from '../../errors.js';
import { requirePath } from '../../given.js';
import { completeOptions, contract, custom, whole, type OptionTable } from '../../options.js';
import type { Generation } from '../../ids.js';
import { defaultMaxManifestBytes } from '../../manifest/parse.js';
import { systemClock, type Clock } from '../../runtime/clock.js';
import { nodeFileSystem } from '../../runtime/file-system-node.js';
import type { FileSystem } from '../../runtime/file-system.js';
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
import { StoreLayout } from '../layout.js';
import { fenced, storeFailure, toStoreError } from '../store-error.js';
import { VerifiedManifests } from '../verified-manifests.js';
import { cleanUp } from './cleaning.js';
import {
  claimGeneration,
  releaseOwnership,
  isOvertaken,
  seeGenerations,
  type Claim,
} from './generations.js';
import { makeStoreDirectories, settleOwnership } from './opening.js';
import { waitDeadlineMs, waitForOwner } from './owner.js';
import { refuseOtherLayouts, checkOwnable } from './ownable.js';
import type { StorePorts } from './ports.js';
import { FileSystemStoreReader } from './reader.js';
import { recordedIdentity } from './identity.js';
import { FileSystemOwnedStore } from './session.js';

/** Options of a `FileSystemCheckpointStore`. */
export interface FileSystemCheckpointStoreOptions {
  readonly fileSystem?: FileSystem;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  readonly processes?: Processes;
  /** Default 64 MiB. */
  readonly maxManifestBytes?: number;
  /** Milliseconds between signs of life to other processes. Default 1 000; 0 for none. */
  readonly heartbeatMs?: number;
}

const optionTable = {
  fileSystem: custom(undefined, nodeFileSystem),
  clock: contract(['now', 'monotonicMs', 'setTimer'], systemClock),
  random: contract(['next', 'bytes'], systemRandom),
  logger: contract(['info', 'warn'], silentLogger),
  processes: custom(undefined, systemProcesses),
  maxManifestBytes: whole({ min: 1 }, defaultMaxManifestBytes),
  heartbeatMs: whole({ min: 0, unit: 'milliseconds' }, 1_000),
} satisfies OptionTable<FileSystemCheckpointStoreOptions>;

/** A directory of checkpoints on a local POSIX file system, laid out as LaminarDB does. */
export class FileSystemCheckpointStore implements CheckpointStore {
  readonly #ports: StorePorts;

  /**
   * @param directory The one that holds the checkpoints; created by the first `open`.
   * @throws TidegateError `TIDEGATE_OPTIONS` for what is no path.
   */
  constructor(directory: string, options: FileSystemCheckpointStoreOptions = {}) {
    requirePath('the directory of a checkpoint store', directory);
    this.#ports = {
      ...completeOptions('a checkpoint store', options, optionTable),
      // Resolved now: a process that changes its working directory keeps its store.
      layout: new StoreLayout(resolve(directory)),
      verified: new VerifiedManifests(),
    };
  }

  async open(options: OpenStoreOptions): Promise<OwnedStore> {
    const ports = this.#ports;
    options.signal?.throwIfAborted();
    try {
      // Before anything is made, so that a wrong name leaves no trace and fences no owner.
      await checkOwnable(ports, options.pipeline);
      await makeStoreDirectories(ports);
      const waitUntilMs = waitDeadlineMs(ports, options);
      for (let attempt = 0; attempt < maxClaims; attempt += 1) {
        await waitForOwner(ports, options, waitUntilMs);
        const session = await this.#takeHighest(options.pipeline);
        if (session !== undefined) return await unlessAborted(session, options.signal);
        // Another process was faster: check whether it is alive, then try again.
      }
      throw new TidegateError(
        'TIDEGATE_STORE_OWNED',
        `${maxClaims} times another process took ${ports.layout.directory} first`,
      );
    } catch (error) {
      throw storeFailure(error, `opening ${ports.layout.directory}`, options.signal);
    }
  }

  async openReadOnly({ signal }: StoreCallOptions = {}): Promise<StoreReader> {
    signal?.throwIfAborted();
    try {
      await refuseOtherLayouts(this.#ports);
      return new FileSystemStoreReader(this.#ports, await recordedIdentity(this.#ports));
    } catch (error) {
      throw toStoreError(error, `opening ${this.#ports.layout.directory}`);
    }
  }

  /** Undefined when another process took a generation meanwhile. */
  async #takeHighest(pipeline: string): Promise<OwnedStore | undefined> {
    const { highest } = await seeGenerations(this.#ports);
    try {
      const claim = await claimGeneration(this.#ports, highest + 1);
      return claim === undefined ? undefined : await this.#settle(claim, pipeline);
    } catch (error) {
      if (hasErrorCode(error, 'TIDEGATE_FENCED')) return undefined;
      throw error;
    }
  }

  /** The next generation of a session, by compare-and-set from the one it knows. */
  async #takeAfter(
    after: Generation,
    pipeline: string,
    onClaim: (claimed: Generation) => void,
  ): Promise<FileSystemOwnedStore> {
    const claim = await claimGeneration(this.#ports, after + 1, onClaim);
    // Never a higher number instead: an owner that was overtaken must not fence the new one back.
    if (claim === undefined) throw fenced(after, after + 1);
    return this.#settle(claim, pipeline);
  }

  async #settle(claim: Claim, pipeline: string): Promise<FileSystemOwnedStore> {
    try {
      const ownership = await settleOwnership(this.#ports, claim, pipeline);
      await cleanUp(this.#ports, claim);
      return new FileSystemOwnedStore(this.#ports, ownership, (after, onClaim) =>
        this.#takeAfter(after, pipeline, onClaim),
      );
    } catch (error) {
      const cause = (await isOvertaken(this.#ports, claim.staging))
        ? fenced(claim.generation, undefined, error)
        : error;
      await releaseOwnership(this.#ports, claim.staging);
      throw cause;
    }
  }
}

/** A caller that was aborted never closes the session, and its heartbeat would keep others out. */
async function unlessAborted(session: OwnedStore, signal?: AbortSignal): Promise<OwnedStore> {
  if (signal?.aborted === true) await session.close();
  signal?.throwIfAborted();
  return session;
}

/** Each is lost to another process that made progress; this many in a row is a mistake. */
const maxClaims = 64;
