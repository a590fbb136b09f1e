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
  return new FilterStage(parts, isWanted);
}

export function flatMapStage(
  parts: StatelessParts,
  expand: (record: unknown) => Iterable<unknown>,
): Receiver {
  return new FlatMapStage(parts, expand);
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
    // One is enough: what answers one record with a promise answers all so.
    errors.refusePromise(records[0]);
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

class FilterStage implements Receiver {
  readonly #parts: StatelessParts;
  readonly #isWanted: (record: unknown) => boolean;
  readonly #collector = new Collector();

  constructor(parts: StatelessParts, isWanted: (record: unknown) => boolean) {
    this.#parts = parts;
    this.#isWanted = isWanted;
  }

  accept(batch: Batch): Room {
    const { output, errors } = this.#parts;
    const isWanted = this.#isWanted;
    const collector = this.#collector;
    const { records } = batch;
    let verdict = false;
    for (let index = 0; index < records.length; index++) {
      const record = records[index];
      try {
        verdict = isWanted(record);
        if (verdict) collector.addLike(record, batch, index);
      } catch (error) {
        errors.handle(error, record);
      }
    }
    errors.refusePromise(verdict);
    return errors.flush(output.accept(collector.take(batch.eventTimes?.watermark)));
  }

  mark(mark: Mark): void {
    this.#parts.output.mark(mark);
  }
}

/** Any number of records out for one in. */
class FlatMapStage implements Receiver {
  readonly #parts: StatelessParts;
  readonly #expand: (record: unknown) => Iterable<unknown>;
  readonly #collector = new Collector();

  constructor(parts: StatelessParts, expand: (record: unknown) => Iterable<unknown>) {
    this.#parts = parts;
    this.#expand = expand;
  }

  accept(batch: Batch): Room {
    const { output, errors } = this.#parts;
    const collector = this.#collector;
    const { records } = batch;
    for (let index = 0; index < records.length; index++) {
      const record = records[index];
      try {
        // All of it first: a generator that throws half way must not leave half of its output behind.
        for (const one of [...this.#expand(record)]) collector.addLike(one, batch, index);
      } catch (error) {
        errors.handle(error, record);
      }
    }
    return errors.flush(output.accept(collector.take(batch.eventTimes?.watermark)));
  }

  mark(mark: Mark): void {
    this.#parts.output.mark(mark);
  }
}
