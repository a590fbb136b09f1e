// What a sink is given to write, held against what it can take: an array of records.

import { TidegateError } from '../errors.js';
import { kindOf } from '../given.js';

/**
 * @param sink Its name.
 * @throws TidegateError `TIDEGATE_SINK_RECORDS` for anything but an array: a text would be written letter
 * by letter, and of a record with a `length` nothing.
 */
export function requireRecords(sink: string, records: unknown): void {
  if (Array.isArray(records)) return;
  throw new TidegateError(
    'TIDEGATE_SINK_RECORDS',
    `sink ${sink} was given something to write that is ${kindOf(records)}, not an array of records: ` +
      'one record is written as write([record])',
    { details: { sink } },
  );
}
