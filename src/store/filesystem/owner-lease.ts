// The lease of a store's owner: heartbeats, and whether a newer owner fenced it. Advisory: the generation is the fence.

import { join } from 'node:path';
import { hasErrorCode, TidegateError, toError } from '../../errors.js';
import { Heartbeat } from '../heartbeat.js';
import { ownerFile } from '../layout.js';
import { fenced, storeFailure } from '../store-error.js';
import { releaseOwnership, isOvertaken, type Claim } from './generations.js';
import type { StorePorts } from './ports.js';

type LeaseState = 'held' | 'fenced' | 'released';

export class OwnerLease {
  #state: LeaseState = 'held';
  readonly #heartbeat: Heartbeat;

  constructor(
    private readonly ports: StorePorts,
    private readonly claim: Claim,
  ) {
    const { clock, heartbeatMs } = ports;
    this.#heartbeat = new Heartbeat(clock, heartbeatMs, () => this.#beat());
  }

  /** @throws TidegateError `TIDEGATE_FENCED` or `TIDEGATE_STORE_CLOSED` when that is known. */
  check(): void {
    const { generation } = this.claim;
    if (this.#state === 'fenced') throw fenced(generation);
    if (this.#state === 'released') {
      throw new TidegateError('TIDEGATE_STORE_CLOSED', `generation ${generation} was closed`);
    }
  }

  /**
   * Runs work and gives its failure a code. An owner whose staging directory is gone was fenced, so
   * any failure becomes `TIDEGATE_FENCED`: the caller needs the cause, not the symptom.
   */
  async guard<Value>(
    doing: string,
    work: () => Promise<Value>,
    signal?: AbortSignal,
  ): Promise<Value> {
    try {
      return await work();
    } catch (error) {
      if (await isOvertaken(this.ports, this.claim.staging)) {
        this.overtaken();
        // What the newer owner has written broke the rule: no mistake, and so no cause.
        const isSymptom = hasErrorCode(error, 'TIDEGATE_MANIFEST_UPDATE');
        throw fenced(this.claim.generation, undefined, isSymptom ? undefined : error);
      }
      throw storeFailure(error, doing, signal);
    }
  }

  overtaken(): void {
    this.#state = 'fenced';
    this.#heartbeat.stop();
  }

  /** Removes the owner file, so that the next `open` does not wait for this owner. */
  async end(): Promise<void> {
    this.#heartbeat.stop();
    if (this.#state !== 'held') return;
    this.#state = 'released';
    await releaseOwnership(this.ports, this.claim.staging);
  }

  async #beat(): Promise<void> {
    const { clock, fileSystem, logger } = this.ports;
    try {
      await fileSystem.touch(this.#ownerFile(), clock.now());
    } catch (error) {
      if (this.#state !== 'held') return;
      if (await isOvertaken(this.ports, this.claim.staging)) this.overtaken();
      else logger.debug({ err: toError(error) }, 'missed a heartbeat');
    }
  }

  #ownerFile(): string {
    return join(this.claim.staging, ownerFile);
  }
}
