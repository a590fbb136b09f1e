// Operators without state: map, filter and flatMap, called straight through, batch by batch.

import { requireFunctions } from '../validate-functions.js';
import { Collector } from '../flow/collector.js';
import type { Batch, Mark, Receiver, Room } from '../flow/elements.js';
import type { RecordErrors } from '../flow/record-errors.js';
import { mainPort, type PipelineOperator, type Wiring } from '../graph.js';

type Convert = (record: unknown) => unknown;
type IsWanted = (record: unknown) => boolean;
type Expand = (record: unknown) => Iterable<unknown>;

export class MapOperator implements PipelineOperator {
  readonly #convert: Convert;

  constructor(convert: Convert) {
    requireFunctions('map', { convert });
    this.#convert = convert;
  }

  connect(wiring: Wiring): readonly Receiver[] {
    return [new MapStage(wiring, this.#convert)];
  }
}

export class FilterOperator implements PipelineOperator {
  readonly #isWanted: IsWanted;

  constructor(isWanted: IsWanted) {
    requireFunctions('filter', { isWanted });
    this.#isWanted = isWanted;
  }

  connect(wiring: Wiring): readonly Receiver[] {
    return [new FilterStage(wiring, this.#isWanted)];
  }
}

/** Any number of records out for one in. */
export class FlatMapOperator implements PipelineOperator {
  readonly #expand: Expand;

  constructor(expand: Expand) {
    requireFunctions('flatMap', { expand });
    this.#expand = expand;
  }

  connect(wiring: Wiring): readonly Receiver[] {
    return [new FlatMapStage(wiring, this.#expand)];
  }
}

/** A stage that marks pass at once: nothing of it waits or is saved. */
abstract class StatelessStage implements Receiver {
  protected readonly output: Receiver;
  protected readonly errors: RecordErrors;

  constructor({ output, errors }: Wiring) {
    this.output = output(mainPort);
    this.errors = errors;
  }

  abstract accept(batch: Batch): Room;

  mark(mark: Mark): void {
    this.output.mark(mark);
  }
}

/** One record out for one in, so that the event times of a batch can be passed on as they are. */
export class MapStage extends StatelessStage {
  readonly #convert: Convert;

  constructor(wiring: Wiring, convert: Convert) {
    super(wiring);
    this.#convert = convert;
  }

  accept(batch: Batch): Room {
    const { output, errors } = this;
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

  /** From the first record that failed on, record by record: nothing is converted twice. */
  #acceptWithErrors(batch: Batch, converted: readonly unknown[], firstError: unknown): Room {
    const { output, errors } = this;
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

class FilterStage extends StatelessStage {
  readonly #isWanted: IsWanted;
  readonly #collector = new Collector();

  constructor(wiring: Wiring, isWanted: IsWanted) {
    super(wiring);
    this.#isWanted = isWanted;
  }

  accept(batch: Batch): Room {
    const { output, errors } = this;
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
}

class FlatMapStage extends StatelessStage {
  readonly #expand: Expand;
  readonly #collector = new Collector();

  constructor(wiring: Wiring, expand: Expand) {
    super(wiring);
    this.#expand = expand;
  }

  accept(batch: Batch): Room {
    const { output, errors } = this;
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
}
