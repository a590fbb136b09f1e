// What a run counts by name, through all its generations: what is read again counts again.

export interface RunCounts {
  readonly records: Map<string, number>;
  readonly skipped: Map<string, number>;
  readonly late: Map<string, number>;
}

export function newRunCounts(): RunCounts {
  return { records: new Map(), skipped: new Map(), late: new Map() };
}

export function countIn(counts: Map<string, number>, name: string, more = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + more);
}
