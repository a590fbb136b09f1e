// Watermarks of the partitions of one source: the one that is behind holds the source's back.

import type { SourcePartition } from '../../contracts/source.js';
import { beginningOfTime } from './elements.js';

interface Partition {
  watermark: number;
  /** On the monotonic clock: when it was listed, or had records. */
  lastSeenMs: number;
}

export class PartitionWatermarks {
  readonly #partitions = new Map<string, Partition>();

  entries(): readonly (readonly [name: string, watermark: number])[] {
    return [...this.#partitions].map(([name, { watermark }]) => [name, watermark] as const);
  }

  restore(saved: readonly (readonly [name: string, watermark: number])[]): void {
    this.#partitions.clear();
    for (const [name, watermark] of saved) {
      // Seen at no time: it holds back from its first listing on.
      this.#partitions.set(name, { watermark, lastSeenMs: Number.NaN });
    }
  }

  /**
   * Takes up the partitions that are open and drops those that have ended, or were taken away.
   *
   * @param also One that has records now, also if they are its last.
   */
  list({ open }: SourcePartition, nowMs: number, also?: string): void {
    const names = new Set(open);
    if (also !== undefined) names.add(also);
    for (const name of this.#partitions.keys()) {
      if (!names.has(name)) this.#partitions.delete(name);
    }
    for (const name of names) {
      const known = this.#partitions.get(name);
      if (known === undefined) {
        this.#partitions.set(name, { watermark: beginningOfTime, lastSeenMs: nowMs });
      } else if (Number.isNaN(known.lastSeenMs)) known.lastSeenMs = nowMs;
    }
  }

  watermarkOf(name: string): number {
    return this.#partitions.get(name)?.watermark ?? beginningOfTime;
  }

  /** Behind records of this partition. One that has ended with them is not kept. */
  move(name: string, watermark: number, nowMs: number): void {
    const partition = this.#partitions.get(name);
    if (partition === undefined) return;
    partition.watermark = watermark;
    partition.lastSeenMs = nowMs;
  }

  /**
   * The lowest watermark of the partitions but one, idle ones left out; infinite where there is none.
   *
   * @param idleAfterMs Without it no partition is idle.
   */
  lowestBut(name: string | undefined, nowMs: number, idleAfterMs = Infinity): number {
    let lowest = Infinity;
    for (const [other, { watermark, lastSeenMs }] of this.#partitions) {
      if (other === name || nowMs - lastSeenMs >= idleAfterMs) continue;
      lowest = Math.min(lowest, watermark);
    }
    return lowest;
  }
}
