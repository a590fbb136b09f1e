// Collects the output of one batch, with the event times that belong to it.

import type { Batch } from './elements.js';

export class Collector {
  #records: unknown[] = [];
  #times: number[] = [];
  #watermarks: number[] = [];
  /** Records that stay: those behind them were sent by a call that may still throw. */
  #keptCount = 0;

  get size(): number {
    return this.#records.length;
  }

  /** A record of a stream without event time. */
  add(record: unknown): void {
    this.#records.push(record);
  }

  /** @param before The watermark before the record. */
  addTimed(record: unknown, time: number, before: number): void {
    this.#records.push(record);
    this.#times.push(time);
    this.#watermarks.push(before);
  }

  /** A record that takes its time from one of the input. */
  addLike(record: unknown, batch: Batch, index: number): void {
    const { eventTimes } = batch;
    if (eventTimes === undefined) this.#records.push(record);
    else {
      const { times, watermarks } = eventTimes;
      this.addTimed(record, times[index] ?? Number.NaN, watermarks[index] ?? Number.NaN);
    }
  }

  /** What is here stays, whatever becomes of the next call. */
  keep(): void {
    this.#keptCount = this.#records.length;
  }

  /** The call has thrown: a record that is skipped leaves no half of its output behind. */
  drop(): void {
    this.#records.length = this.#keptCount;
    if (this.#times.length <= this.#keptCount) return;
    this.#times.length = this.#keptCount;
    this.#watermarks.length = this.#keptCount;
  }

  /** What was collected, and a fresh start. @param watermark After the last record. */
  take(watermark: number | undefined): Batch {
    const records = this.#records;
    const [times, watermarks] = [this.#times, this.#watermarks];
    this.#records = [];
    this.#times = [];
    this.#watermarks = [];
    this.#keptCount = 0;
    const eventTimes = watermark === undefined ? undefined : { times, watermarks, watermark };
    return { records, eventTimes };
  }
}
