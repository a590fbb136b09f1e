// Whether this owner still owns its store: signs of life to others, and the news of being overtaken.

import { join } from 'node:path';
import { hasErrorCode, TidegateError, toError } from '../../errors.js';
import type { Timer } from '../../runtime/clock.js';
import { ownerFile } from '../layout.js';
import { storeFailure } from '../store-error.js';
import { disown, fenced, isOvertaken, type Claim } from './generations.js';
import type { StorePorts } from './ports.js';

type Standing = 'owner' | 'overtaken' | 'closed';

export class Presence {
  #standing: Standing = 'owner';
  #timer: Timer | undefined;

  constructor(
    private readonly ports: StorePorts,
    private readonly claim: Claim,
  ) {
    this.#scheduleHeartbeat();
  }

  /** @throws TidegateError `TIDEGATE_FENCED` or `TIDEGATE_STORE_CLOSED` when that is known. */
  check(): void {
    const { generation } = this.claim;
    if (this.#standing === 'overtaken') throw fenced(generation);
    if (this.#standing === 'closed') {
      throw new TidegateError('TIDEGATE_STORE_CLOSED', `generation ${generation} was closed`);
    }
  }

  /**
   * Runs work and gives its failure a code. Whatever failed, an owner whose staging directory is
   * gone was overtaken: that, and not the symptom, is what its caller has to know.
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
    this.#standing = 'overtaken';
    this.#timer?.cancel();
  }

  /** Takes the owner file away, so that nobody waits for an owner who has left. */
  async end(): Promise<void> {
    this.#timer?.cancel();
    if (this.#standing !== 'owner') return;
    this.#standing = 'closed';
    await disown(this.ports, this.claim.staging);
  }

  #scheduleHeartbeat(): void {
    const { clock, heartbeatMs } = this.ports;
    if (heartbeatMs <= 0 || this.#standing !== 'owner') return;
    this.#timer = clock.setTimer(() => void this.#beat(), heartbeatMs);
    // An owner that was forgotten must not keep the process alive.
    this.#timer.unref?.();
  }

  /** Never rejects: a heart that misses a beat is only less polite. */
  async #beat(): Promise<void> {
    const { clock, fileSystem, logger } = this.ports;
    try {
      await fileSystem.touch(this.#ownerFile(), clock.now());
    } catch (error) {
      if (this.#standing !== 'owner') return;
      if (await isOvertaken(this.ports, this.claim.staging)) {
        this.overtaken();
        return;
      }
      logger.debug('missed a heartbeat', { error: toError(error) });
    }
    this.#scheduleHeartbeat();
  }

  #ownerFile(): string {
    return join(this.claim.staging, ownerFile);
  }
}
