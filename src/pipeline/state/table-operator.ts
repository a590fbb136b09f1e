// The rows of a reference table, as an operator that takes part in checkpoints.

import { KeyedOperator, type OperatorSettings } from './keyed-operator.js';

/** By key, the newest row. */
export type TableOperator = KeyedOperator<unknown>;

/** Beside operators that a user has named, under a name that tells what it is. */
export function tableOperator(table: string, settings: OperatorSettings): TableOperator {
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
