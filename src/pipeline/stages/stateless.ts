// Stages without state: map, filter and flatMap, called straight through, batch by batch.

import { Collector } from '../flow/collector.js';
import type { Batch, Mark, Receiver, Room } from '../flow/elements.js';
import type { RecordErrors } from '../flow/record-errors.js';

export interface StatelessParts {
  readonly output: Receiver;
  readonly errors: RecordErrors;
}

export function mapStage(parts: StatelessParts, convert: (record: unknown) => unknown): Receiver {
  return new MapStage(parts, convert);
}

export function filterStage(
  parts: StatelessParts,
  isWanted: (record: unknown) => boolean,
): Receiver {
  return new SiftingStage(parts, (record, collector, batch, index) => {
    if (isWanted(record)) collector.addLike(record, batch, index);
  });
}

export function flatMapStage(
  parts: StatelessParts,
  expand: (record: unknown) => Iterable<unknown>,
): Receiver {
  return new SiftingStage(parts, (record, collector, batch, index) => {
    // All of it first: a generator that throws half way must not leave half of its output behind.
    for (const output of [...expand(record)]) collector.addLike(output, batch, index);
  });
}

/** One record out for one in, so that the event times of a batch can be passed on as they are. */
class MapStage implements Receiver {
  readonly #parts: StatelessParts;
  readonly #convert: (record: unknown) => unknown;

  constructor(parts: StatelessParts, convert: (record: unknown) => unknown) {
    this.#parts = parts;
    this.#convert = convert;
  }

  accept(batch: Batch): Room {
    const { output, errors } = this.#parts;
    const convert = this.#convert;
    const records: unknown[] = [];
    try {
      for (const record of batch.records) records.push(convert(record));
    } catch (error) {
      return this.#acceptWithErrors(batch, records, error);
    }
    return errors.flush(output.accept({ records, eventTimes: batch.eventTimes }));
  }

  mark(mark: Mark): void {
    this.#parts.output.mark(mark);
  }

  /** From the first record that failed on, record by record: nothing is converted twice. */
  #acceptWithErrors(batch: Batch, converted: readonly unknown[], firstError: unknown): Room {
    const { output, errors } = this.#parts;
    const collector = new Collector();
    for (const [index, record] of converted.entries()) collector.addLike(record, batch, index);
    errors.handle(firstError, batch.records[converted.length]);
    for (let index = converted.length + 1; index < batch.records.length; index++) {
      const record = batch.records[index];
      try {
        collector.addLike(this.#convert(record), batch, index);
      } catch (error) {
        errors.handle(error, record);
      }
    }
    return errors.flush(output.accept(collector.take(batch.eventTimes?.watermark)));
  }
}

type Sift = (record: unknown, collector: Collector, batch: Batch, index: number) => void;

/** Any number of records out for one in. */
class SiftingStage implements Receiver {
  readonly #parts: StatelessParts;
  readonly #sift: Sift;
  readonly #collector = new Collector();

  constructor(parts: StatelessParts, sift: Sift) {
    this.#parts = parts;
    this.#sift = sift;
  }

  accept(batch: Batch): Room {
    const { output, errors } = this.#parts;
    const { records } = batch;
    for (let index = 0; index < records.length; index++) {
      const record = records[index];
      try {
        this.#sift(record, this.#collector, batch, index);
      } catch (error) {
        errors.handle(error, record);
      }
    }
    return errors.flush(output.accept(this.#collector.take(batch.eventTimes?.watermark)));
  }

  mark(mark: Mark): void {
    this.#parts.output.mark(mark);
  }
}
