// Everything that takes part in a checkpoint, by name.

import type { Operator } from './operator.js';
import type { Sink } from './sink.js';
import type { Source } from './source.js';
import type { TableStore } from './table-store.js';

/** The sources, operators, sinks and table stores of a coordinator, by name. */
export interface Participants {
  readonly sources: ReadonlyMap<string, Source>;
  readonly operators: ReadonlyMap<string, Operator>;
  readonly sinks: ReadonlyMap<string, Sink>;
  /** Sources of reference tables. */
  readonly tables: ReadonlyMap<string, Source>;
  readonly tableStore?: TableStore;
}
