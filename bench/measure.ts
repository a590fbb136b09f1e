// Measuring for the benchmarks: interleaved runs, medians, and ratios taken run by run.

/** A run that only shows that the benchmark runs: its figures mean nothing. */
export const isQuick = process.argv.includes('--quick');

export interface Measurement {
  readonly medianMs: number;
  /** Median of the ratios to the first candidate, run by run: a noisy machine slows both. */
  readonly ratio: number;
  readonly ratioP10: number;
  readonly ratioP90: number;
}

/** Runs the candidates in turn, `rounds` times after a warm-up; the first is the floor. */
export function compare<Candidates extends readonly (() => unknown)[]>(
  rounds: number,
  candidates: readonly [...Candidates],
): { readonly [Index in keyof Candidates]: Measurement } {
  const warmUpRounds = 5;
  const times: number[][] = candidates.map(() => []);
  for (let round = -warmUpRounds; round < rounds; round++) {
    candidates.forEach((candidate, index) => {
      const start = performance.now();
      candidate();
      if (round >= 0) times[index]?.push(performance.now() - start);
    });
  }
  const floor = times[0] ?? [];
  return times.map((own) => {
    const ratios = own.map((time, round) => time / (floor[round] ?? time));
    return {
      medianMs: quantile(own, 0.5),
      ratio: quantile(ratios, 0.5),
      ratioP10: quantile(ratios, 0.1),
      ratioP90: quantile(ratios, 0.9),
    };
  }) as { readonly [Index in keyof Candidates]: Measurement };
}

export function quantile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}

/** Prints a Markdown table of measurements. */
export function printTable(
  header: readonly string[],
  rows: readonly (readonly [string, Measurement])[],
): void {
  printRows(
    header,
    rows.map(([name, { medianMs, ratio, ratioP10, ratioP90 }]) => [
      name,
      medianMs.toFixed(2),
      ratio.toFixed(2),
      `${ratioP10.toFixed(2)} to ${ratioP90.toFixed(2)}`,
    ]),
  );
}

/** Prints a Markdown table whose columns are as wide as they need to be. */
export function printRows(header: readonly string[], rows: readonly (readonly string[])[]): void {
  const lines = [header, ...rows];
  const widths = header.map((_, column) =>
    Math.max(...lines.map((line) => (line[column] ?? '').length)),
  );
  const format = (line: readonly string[]): string =>
    `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  console.log(format(header));
  console.log(`| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`);
  for (const row of rows) console.log(format(row));
}
