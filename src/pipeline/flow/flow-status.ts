// What a dataflow tells of itself while it runs.

import type { FlowStatus, SourceStatus } from '../../contracts/barrier.js';
import type { RunCounts } from '../run-counts.js';
import type { Reader } from './flow-run.js';
import type { SourceCursor } from './source-cursor.js';

export function flowStatus(
  cursors: ReadonlyMap<string, SourceCursor>,
  counts: RunCounts,
  readers: readonly Reader[],
): FlowStatus {
  const input = counts.input();
  const pauses = new Map(readers.map(({ name, pause }) => [name, pause]));
  const statusOf = ({ name, watermark, hasEnded }: SourceCursor): SourceStatus => ({
    records: counts.records.get(name) ?? 0,
    input: input.get(name),
    watermark: Number.isFinite(watermark) ? watermark : undefined,
    state: hasEnded ? 'ended' : (pauses.get(name) ?? 'reading'),
  });
  return {
    sources: new Map([...cursors].map(([name, cursor]) => [name, statusOf(cursor)])),
    skipped: counts.leftOut(),
    deadLettered: counts.of('dead-lettered'),
    late: counts.of('late'),
    clamped: counts.of('clamped'),
  };
}
