// Collects the output of one batch, with the event times that belong to it.

import type { Batch } from './elements.js';

export class Collector {
  #records: unknown[] = [];
  #times: number[] = [];
  #watermarks: number[] = [];

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

  /** What was collected, and a fresh start. @param watermark After the last record. */
  take(watermark: number | undefined): Batch {
    const records = this.#records;
    const [times, watermarks] = [this.#times, this.#watermarks];
    this.#records = [];
    this.#times = [];
    this.#watermarks = [];
    const eventTimes = watermark === undefined ? undefined : { times, watermarks, watermark };
    return { records, eventTimes };
  }
}
