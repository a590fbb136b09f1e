// Proves that the service decides conditions: on one that does not, two owners would both go on.

import { TidegateError } from '../../errors.js';
import type { ObjectCondition } from '../../contracts/object-storage.js';
import { probeKey } from './current.js';
import { drawHex, type ObjectStorePorts } from './ports.js';
import { isFailure } from './storage-calls.js';

/** What the clock of the service said, and ours at that moment. */
export interface ServiceTime {
  readonly serviceMs: number;
  readonly monotonicMs: number;
}

type ProbePorts = Pick<ObjectStorePorts, 'calls' | 'clock' | 'random' | 'storage'>;

/** Answers that are lost prove nothing, so that a probe may have to begin anew. */
const maxProbes = 5;

/**
 * Writes an object of its own under conditions that hold and under conditions that do not.
 *
 * @throws TidegateError `TIDEGATE_OBJECT_STORAGE` for a service that takes what it should refuse, or
 *   refuses what it should take.
 */
export async function proveConditions(
  ports: ProbePorts,
  signal: AbortSignal | undefined,
  keyOf: (nonce: string) => string = probeKey,
): Promise<ServiceTime> {
  const { calls, clock, random, storage } = ports;
  const tries = calls.tries(signal);
  for (let probe = 1; ; probe += 1) {
    const key = keyOf(drawHex(random, 8));
    const attempt = new Probe(ports, key, signal);
    try {
      const monotonicMs = clock.monotonicMs();
      const serviceMs = await attempt.run();
      return { serviceMs, monotonicMs };
    } catch (error) {
      if (probe >= maxProbes && isFailure(error, 'condition-failed')) throw refusesWhatHolds(ports);
      await tries.pauseAfter(error);
    } finally {
      // What stays behind is found by a later owner.
      await calls.once(signal, (options) => storage.delete(key, options)).catch(() => undefined);
    }
  }
}

class Probe {
  constructor(
    private readonly ports: ProbePorts,
    private readonly key: string,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** Returns when the service says that the object was written. */
  async run(): Promise<number> {
    const { calls, storage } = this.ports;
    const first = await this.#put('1', { ifAbsent: true });
    const [facts] = await Promise.all([
      calls.repeat(this.signal, (options) => storage.head(this.key, options)),
      this.#expectRefusal('2', { ifAbsent: true }, 'If-None-Match: *'),
    ]);
    await this.#put('3', { ifMatch: first });
    await this.#expectRefusal('4', { ifMatch: first }, 'If-Match');
    if (facts !== undefined) return facts.lastModifiedMs;
    throw this.#refused('shows no object that was just written');
  }

  #put(body: string, condition: ObjectCondition): Promise<string> {
    const { calls, storage } = this.ports;
    return calls.once(this.signal, (options) =>
      storage.put(this.key, Buffer.from(body), { ...options, condition }),
    );
  }

  async #expectRefusal(body: string, condition: ObjectCondition, header: string): Promise<void> {
    try {
      await this.#put(body, condition);
    } catch (error) {
      if (isFailure(error, 'condition-failed')) return;
      throw error;
    }
    throw this.#refused(`does not honour ${header} on PUT, so that two owners could both write`);
  }

  #refused(why: string): TidegateError {
    return new TidegateError(
      'TIDEGATE_OBJECT_STORAGE',
      `the service of ${this.ports.storage.address} ${why}`,
    );
  }
}

function refusesWhatHolds({ storage }: ProbePorts): TidegateError {
  return new TidegateError(
    'TIDEGATE_OBJECT_STORAGE',
    `the service of ${storage.address} refuses conditional PUTs whose condition holds`,
  );
}
