// What recovery found, decided and did, as data.

import type { CheckpointId, Epoch, Generation } from '../ids.js';

/** What one sink was found to be and what it became. */
export interface SinkReport {
  readonly sink: string;
  readonly found: string;
  readonly became: string;
}

/** A checkpoint that was looked at and not resumed. */
export interface SkippedCheckpoint {
  readonly id: CheckpointId;
  readonly why: string;
}

export interface RecoveryReport {
  /** Of the owner that recovered; absent in a dry run, which owns nothing. */
  readonly generation?: Generation;
  /** The row of the recovery table that decided, `11` with variant `a` for 11a; 0 for a restore. */
  readonly row: { readonly number: number; readonly variant: string; readonly label: string };
  /** What was decided, in one sentence; a refusal with its cause. */
  readonly decision: string;
  /** Nothing was fenced, written or committed, and all may have changed since. */
  readonly isDryRun: boolean;
  readonly examined: number;
  readonly skipped: readonly SkippedCheckpoint[];
  readonly sinks: readonly SinkReport[];
  /** The checkpoint that is resumed; absent after a refusal. */
  readonly resumed?: { readonly id: CheckpointId; readonly epoch: Epoch };
  /** Input that was given up, and in a dry run what may be; one sentence each. */
  readonly lostInput: readonly string[];
  /** Findings that did not prevent the recovery: topology, pipeline hash, validation. */
  readonly warnings: readonly string[];
  /** How often the facts were read again under a new fence; 0 when the first reading held. */
  readonly rereadings: number;
  /** Why they were read again the last time: what a sink or the store answered then. */
  readonly rereadBecause?: string;
  readonly durationMs: number;
}

/** Several lines without a final newline; stable enough to read, not meant to be parsed. */
export function renderReport(report: RecoveryReport): string {
  const { generation, resumed, skipped, sinks, lostInput, warnings } = report;
  const { rereadings, rereadBecause } = report;
  const lines = [
    report.isDryRun
      ? 'Recovery, dry run: nothing was fenced or changed, and all may change before a real one.'
      : `Recovery of generation ${generation ?? '?'}, ${Math.round(report.durationMs)} ms`,
    `  decided   ${report.decision}`,
    `  examined  ${count(report.examined, 'checkpoint')}`,
    ...skipped.map(({ id, why }) => `  skipped   checkpoint ${id}: ${why}`),
    ...sinks.map(({ sink, found, became }) => `  sink      ${sink}: ${found}; ${became}`),
    ...lostInput.map((sentence) => `  lost      ${sentence}`),
    ...warnings.map((warning) => `  warning   ${warning}`),
  ];
  if (rereadings > 0) {
    const why = rereadBecause === undefined ? '' : `: ${rereadBecause}`;
    lines.push(`  repeated  ${count(rereadings, 'time')}, under a new fence each${why}`);
  }
  const label = report.isDryRun ? 'resumes' : 'resumed';
  const what =
    resumed === undefined ? 'nothing' : `checkpoint ${resumed.id} of epoch ${resumed.epoch}`;
  return [...lines, `  ${label}   ${what}`].join('\n');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
