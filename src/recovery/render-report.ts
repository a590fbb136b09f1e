// A recovery report as text for people.

import type { RecoveryReport } from './report.js';

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
