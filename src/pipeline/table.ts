// Reference tables, as streams look rows up in them.

import type { TableNode } from './graph.js';

/** A reference table: rows by key, complete before the first record of any source is read. */
export class Table<Row> {
  /** @internal */
  readonly node: TableNode;
  /** Only its type matters: it keeps tables of different rows apart. */
  declare readonly row: Row;

  /** @internal Tables come from a pipeline. */
  constructor(node: TableNode) {
    this.node = node;
  }
}
