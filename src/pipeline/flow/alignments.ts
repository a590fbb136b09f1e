// The groups of sources that are aligned with one another, in one generation.

import { AlignmentGroup, type AlignedSource, type AlignmentOptions } from './alignment.js';
import type { FlowRun } from './flow-run.js';
import type { SourceCursor } from './source-cursor.js';

/** Each source joins before the first is read: one that is ahead since a restart waits at once. */
export class Alignments {
  readonly #run: FlowRun;
  readonly #groups = new Map<string | undefined, AlignmentGroup>();

  constructor(run: FlowRun) {
    this.#run = run;
  }

  join(cursor: SourceCursor, alignment: AlignmentOptions | undefined): AlignedSource {
    let group = this.#groups.get(alignment?.group);
    if (group === undefined) {
      group = new AlignmentGroup();
      this.#groups.set(alignment?.group, group);
      this.#run.addInbox(group);
    }
    return group.add(cursor, alignment?.maxDriftMs);
  }
}
