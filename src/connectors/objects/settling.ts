// Up to which checkpoint everything is decided, published and cleared.

import type { EpochRecord } from './epoch-record.js';
import type { Settled } from './ownership.js';

/** Epochs that an opening looks at; each is a request. */
const maxUnsettled = 256;

export class Settling {
  /** Prepared, or perhaps: a pre-commit whose answer was lost. */
  readonly #undecided = new Set<number>();
  #finished: EpochRecord[] = [];
  #settled: Settled;

  constructor(settled: Settled) {
    this.#settled = settled;
  }

  get settled(): Settled {
    return this.#settled;
  }

  prepare(id: number): void {
    this.#undecided.add(id);
  }

  /** Nothing is left to be done for this epoch. */
  finish(record: EpochRecord): void {
    this.#undecided.delete(record.checkpointId);
    this.#finished.push(record);
  }

  /** What is settled by now, when it is time to write that down. */
  due(): Settled | undefined {
    if (this.#finished.length < maxUnsettled) return undefined;
    const bound = Math.min(...this.#undecided, Infinity);
    const isBelow = ({ checkpointId }: EpochRecord): boolean => checkpointId < bound;
    const before = this.#settled;
    this.#settled = this.#finished.filter(isBelow).reduce(settledWith, before);
    this.#finished = this.#finished.filter((record) => !isBelow(record));
    return this.#settled === before ? undefined : this.#settled;
  }
}

function settledWith(settled: Settled, { state, checkpointId, objects }: EpochRecord): Settled {
  const names = [settled.partName, ...objects.map(({ name }) => name)];
  const committed = state === 'committed' ? checkpointId : 0;
  return {
    checkpointId: Math.max(settled.checkpointId, checkpointId),
    partName: names.sort().at(-1) ?? '',
    lastCommitted: Math.max(settled.lastCommitted, committed),
  };
}
