// What reads the sources of a chain into its first streams.

import { assert } from '../../assert.js';
import type { SourceInput } from '../../contracts/source.js';
import type { FlowRun, Reader } from '../flow/flow-run.js';
import { RecordErrors } from '../flow/record-errors.js';
import type { SourceCursor } from '../flow/source-cursor.js';
import { SourceReader } from '../flow/source-reader.js';
import { SourceTimes } from '../flow/source-times.js';
import type { RunCounts } from '../run-counts.js';
import type { SourceStage } from './source-stage.js';

export interface ReadersOptions {
  readonly run: FlowRun;
  readonly cursors: ReadonlyMap<string, SourceCursor>;
  readonly counts: RunCounts;
}

export function readersOf(
  stages: ReadonlyMap<string, SourceStage>,
  { run, cursors, counts }: ReadersOptions,
): readonly Reader[] {
  return [...stages].map(([name, output]) => {
    const cursor = cursors.get(name);
    assert(cursor !== undefined, `source ${name} was not prepared`);
    const errors = new RecordErrors({
      operator: name,
      policy: 'fail',
      deadLetters: output,
      leftOut: () => undefined,
    });
    const times = new SourceTimes({ run, cursor, output, errors });
    const counted = (records: number): void => counts.read(name, records);
    const readLines = (input: SourceInput): void => counts.readLines(name, input);
    const reports = { counted, readLines };
    return new SourceReader({ run, cursor, times, output, errors, kind: 'source', ...reports });
  });
}
