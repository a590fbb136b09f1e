// Event time where streams meet: as far as the slowest input that is not idle.

import type { Batch, EventTimes } from './elements.js';
import { beginningOfTime, endOfTime } from './elements.js';
import { plainNumbers } from './plain-numbers.js';

/** Watermarks of several inputs as one, which never goes back. */
export class Watermarks {
  readonly #times: number[];
  readonly #isIdle: boolean[];
  readonly #hasEnded: boolean[];
  #combined = beginningOfTime;

  constructor(inputs: number) {
    this.#times = Array.from({ length: inputs }, () => beginningOfTime);
    this.#isIdle = Array.from({ length: inputs }, () => false);
    this.#hasEnded = Array.from({ length: inputs }, () => false);
  }

  get combined(): number {
    return this.#combined;
  }

  get haveAllEnded(): boolean {
    return this.#hasEnded.every(Boolean);
  }

  get areAllIdle(): boolean {
    return this.#isIdle.every((isIdle, input) => isIdle || this.#hasEnded[input] === true);
  }

  advance(input: number, time: number): void {
    this.#isIdle[input] = false;
    this.#times[input] = Math.max(this.#times[input] ?? beginningOfTime, time);
    this.#combine();
  }

  setIdle(input: number): void {
    this.#isIdle[input] = true;
    this.#combine();
  }

  end(input: number): void {
    this.#hasEnded[input] = true;
    this.advance(input, endOfTime);
  }

  /** The batch as it is seen behind the meeting point. */
  combineBatch(batch: Batch, input: number): Batch {
    const { eventTimes } = batch;
    if (eventTimes === undefined) return batch;
    const { times, watermarks: own, watermark } = eventTimes;
    const watermarks = plainNumbers(own.length);
    if (own.length > 0) this.#isIdle[input] = false;
    // Nothing comes from the others meanwhile.
    const others = this.#slowestBut(input);
    let latest = this.#times[input] ?? beginningOfTime;
    let combined = this.#combined;
    for (let index = 0; index < own.length; index++) {
      const time = own[index] ?? beginningOfTime;
      if (time > latest) latest = time;
      const lowest = latest < others ? latest : others;
      // The end of time comes with a mark alone: others may be idle, and not at their end.
      if (lowest > combined && lowest < endOfTime) combined = lowest;
      watermarks[index] = combined;
    }
    this.#combined = combined;
    this.advance(input, Math.max(latest, watermark));
    const combinedTimes: EventTimes = { times, watermarks, watermark: this.#combined };
    return { records: batch.records, eventTimes: combinedTimes };
  }

  /** Of the inputs but one; infinite when the others are idle or have ended. */
  #slowestBut(input: number): number {
    let lowest = endOfTime;
    for (let other = 0; other < this.#times.length; other++) {
      if (other === input || this.#isIdle[other] === true) continue;
      lowest = Math.min(lowest, this.#times[other] ?? beginningOfTime);
    }
    return lowest;
  }

  /**
   * Infinite only when every input has ended: one that is idle may still have records, and all of
   * them would be late if the end of the others were taken for the end of time.
   */
  #combine(): void {
    let lowest = endOfTime;
    for (const [input, time] of this.#times.entries()) {
      if (this.#isIdle[input] !== true && time < lowest) lowest = time;
    }
    if (lowest === endOfTime && !this.haveAllEnded) return;
    if (lowest > this.#combined) this.#combined = lowest;
  }
}
