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

  /**
   * Tables in plain text, as many below each other as the width asks for: the rows reached after a
   * fault, `-` where none was needed.
   */
  render(maxWidth = 100): string {
    const kinds = (Object.keys(faultKinds) as FaultKind[]).filter((kind) =>
      Object.keys(this.cells).some((key) => key.endsWith(`\t${kind}`)),
    );
    const points = [...new Set(Object.keys(this.cells).map((key) => key.split('\t')[0] ?? ''))];
    points.sort();
    const columns = kinds.map((kind) => [
      kind,
      ...points.map((point) => rowsOf(this.cells[`${point}\t${kind}`])),
    ]);
    return renderColumns(['crash point', ...points], columns, maxWidth);
  }
}

/** All sinks are one in the matrix: `sink a: commit` is `sink: commit`. */
function pointClass(action: string): string {
  return action.replace(/^(sink|source) [^:]+:/, '$1:');
}

/** Rows that follow each other as a range: `1-4 7 9-15`. */
function rowsOf(cell: Record<string, number> | undefined): string {
  if (cell === undefined) return '';
  const rows = Object.keys(cell)
    .filter((row) => row !== '-')
    .map(Number)
    .sort((one, other) => one - other);
  const ranges: [number, number][] = [];
  for (const row of rows) {
    const last = ranges.at(-1);
    if (last !== undefined && row === last[1] + 1) last[1] = row;
    else ranges.push([row, row]);
  }
  const texts = ranges.map(([from, to]) => {
    if (from === to) return String(from);
    return to === from + 1 ? `${from} ${to}` : `${from}-${to}`;
  });
  return ['-' in cell ? '-' : [], texts].flat().join(' ');
}

/** The first column again in front of each group of columns that fits. */
function renderColumns(
  first: readonly string[],
  columns: readonly (readonly string[])[],
  maxWidth: number,
): string {
  const groups: (readonly string[])[][] = [];
  let left = 0;
  for (const column of columns) {
    const width = separator.length + widthOf(column);
    if (groups.length === 0 || width > left) {
      groups.push([first]);
      left = maxWidth - widthOf(first);
    }
    groups.at(-1)?.push(column);
    left -= width;
  }
  return groups.map(renderGroup).join('\n\n');
}

const separator = ' | ';

/** A line for each crash point at which one of these faults was tried. */
function renderGroup(columns: readonly (readonly string[])[]): string {
  const widths = columns.map(widthOf);
  const lines = (columns[0] ?? []).map((_, line) => columns.map((column) => column[line] ?? ''));
  return lines
    .filter(([, ...cells]) => cells.some((text) => text !== ''))
    .map((cells) =>
      cells
        .map((text, index) => text.padEnd(widths[index] ?? 0))
        .join(separator)
        .trimEnd(),
    )
    .join('\n');
}

function widthOf(column: readonly string[]): number {
  return Math.max(...column.map((text) => text.length));
}
