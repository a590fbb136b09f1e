// Reference tables: rows by key, filled by one source and looked up by any stream.

import type { Batch, Mark, Receiver, Room } from '../flow/elements.js';
import type { RecordErrors } from '../flow/record-errors.js';
import type { PipelineOperator, TableNode, Wiring } from '../graph.js';
import { captureAt, KeyedOperator, type OperatorSettings } from '../state/keyed-operator.js';
import { keyText, type KeyOf } from './keys.js';
import { MapStage } from './stateless.js';

/** The newest row of each key. Saved beside operators that a user has named, under a name of its own. */
export function tableRows(table: string, settings: OperatorSettings): KeyedOperator<unknown> {
  return new KeyedOperator<unknown>(`table:${table}`, settings, {
    members: (row) => [row],
    value: ([, row]) => row,
    migration: {
      kinds: ['table'],
      mayChangeSettings: false,
      members: ([key, row], convert) => [key, convert(row)],
    },
  });
}

export interface TableParts {
  readonly rows: KeyedOperator<unknown>;
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
    const { rows, keyOf, errors } = this.#parts;
    const { state } = rows;
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
    const { rows } = this.#parts;
    if (mark.kind === 'barrier') captureAt(mark, rows.name, rows);
  }
}

/** Combines each record with the row that has its key, or none. Rows are shared: not to be changed. */
export class LookupOperator implements PipelineOperator {
  readonly #table: TableNode;
  readonly #keyOf: KeyOf<unknown>;
  readonly #combine: (record: unknown, row: unknown) => unknown;

  constructor(
    table: TableNode,
    keyOf: KeyOf<unknown>,
    combine: (record: unknown, row: unknown) => unknown,
  ) {
    this.#table = table;
    this.#keyOf = keyOf;
    this.#combine = combine;
  }

  connect(wiring: Wiring): readonly Receiver[] {
    const { state } = wiring.rowsOf(this.#table);
    const keyOf = this.#keyOf;
    const combine = this.#combine;
    const convert = (record: unknown): unknown =>
      combine(record, state.get(keyText(keyOf(record)))?.value);
    return [new MapStage(wiring, convert)];
  }
}
