// Reference tables: rows by key, filled by one source and looked up by any stream.

import type { Batch, Mark, Receiver, Room } from '../flow/elements.js';
import type { RecordErrors } from '../flow/record-errors.js';
import { captureAt } from '../state/keyed-operator.js';
import type { TableOperator } from '../state/table-operator.js';
import { keyText, type KeyOf } from './keys.js';

export interface TableParts {
  readonly operator: TableOperator;
  readonly keyOf: KeyOf<unknown>;
  readonly errors: RecordErrors;
}

/** Puts rows into the table; a later row of a key replaces the earlier one. */
export class TableStage implements Receiver {
  readonly #parts: TableParts;

  constructor(parts: TableParts) {
    this.#parts = parts;
  }

  accept({ records }: Batch): Room {
    const { operator, keyOf, errors } = this.#parts;
    const { state } = operator;
    for (const row of records) {
      try {
        const key = keyText(keyOf(row));
        const entry = state.get(key);
        if (entry === undefined) state.add(key, row);
        else {
          state.touch(entry);
          entry.value = row;
        }
      } catch (error) {
        errors.handle(error, row);
      }
    }
    return errors.flush(undefined);
  }

  mark(mark: Mark): void {
    const { operator } = this.#parts;
    if (mark.kind === 'barrier') captureAt(mark, operator.name, operator);
  }
}

/** The row of a key, or undefined. Rows are shared: they are not to be changed. */
export function rowIn(operator: TableOperator, key: string): unknown {
  return operator.state.get(key)?.value;
}
