// What was tried and what recovery made of it: crash point by kind of fault by row of its table.

import { faultKinds, type FaultKind } from './faults.js';
import type { RunResult } from './run-schedule.js';

/** Rows of the recovery table, and how often each was reached, by `point\tkind`. */
export type MatrixCells = Record<string, Record<string, number>>;

/** Counts; plain data, so that it can be sent between processes. */
export class Matrix {
  readonly cells: MatrixCells = {};
  /** Labels of the rows that were reached. */
  readonly rowLabels: Record<string, string> = {};

  add({ points, rows }: Pick<RunResult, 'points' | 'rows'>): void {
    const faults = points.filter((point) => point.fault !== undefined);
    for (const [index, point] of faults.entries()) {
      const endIndex = faults[index + 1]?.index ?? Number.POSITIVE_INFINITY;
      const kind = point.fault;
      if (kind === undefined) continue;
      const cell = (this.cells[`${pointClass(point.action)}\t${kind}`] ??= {});
      const reached = rows.filter(
        (row) => row.pointIndex >= point.index && row.pointIndex < endIndex,
      );
      if (reached.length === 0) cell['-'] = (cell['-'] ?? 0) + 1;
      for (const { number, label } of reached) {
        cell[number] = (cell[number] ?? 0) + 1;
        this.rowLabels[number] = label;
      }
    }
  }

  merge(other: Pick<Matrix, 'cells' | 'rowLabels'>): void {
    for (const [key, counts] of Object.entries(other.cells)) {
      const cell = (this.cells[key] ??= {});
      for (const [row, count] of Object.entries(counts)) cell[row] = (cell[row] ?? 0) + count;
    }
    Object.assign(this.rowLabels, other.rowLabels);
  }

  /** How often each row of the recovery table decided. */
  rowCounts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const cell of Object.values(this.cells)) {
      for (const [row, count] of Object.entries(cell)) {
        if (row !== '-') counts.set(row, (counts.get(row) ?? 0) + count);
      }
    }
    return new Map([...counts].sort(([one], [other]) => Number(one) - Number(other)));
  }

  /** A table in plain text: the rows reached after a fault, `-` where none was needed. */
  render(): string {
    const kinds = (Object.keys(faultKinds) as FaultKind[]).filter((kind) =>
      Object.keys(this.cells).some((key) => key.endsWith(`\t${kind}`)),
    );
    const points = [...new Set(Object.keys(this.cells).map((key) => key.split('\t')[0] ?? ''))];
    const lines = points
      .sort()
      .map((point) => [point, ...kinds.map((kind) => rowsOf(this.cells[`${point}\t${kind}`]))]);
    return renderTable([['crash point', ...kinds], ...lines]);
  }
}

/** All sinks are one in the matrix: `sink a: commit` is `sink: commit`. */
function pointClass(action: string): string {
  return action.replace(/^(sink|source) [^:]+:/, '$1:');
}

function rowsOf(cell: Record<string, number> | undefined): string {
  if (cell === undefined) return '';
  return Object.keys(cell)
    .sort((one, other) => Number(one) - Number(other))
    .join(' ');
}

function renderTable(lines: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const line of lines) {
    for (const [column, text] of line.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, text.length);
    }
  }
  return lines
    .map((line) => line.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | '))
    .join('\n');
}
