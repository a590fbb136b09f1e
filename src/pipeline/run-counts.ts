// What a run counts by name, through all its generations: what is read again counts again.

import type { RecordTrouble, TroubledRecords } from '../contracts/barrier.js';
import type { SourceInput } from '../contracts/source.js';

/** Counted live: as numbers that can be read at any time, and as reports once a turn. */
export class RunCounts {
  /** Records read, by source. */
  readonly records = new Map<string, number>();
  readonly #input = new Map<string, { lines: number; readonly skipped: Map<string, number> }>();
  readonly #troubled: Record<RecordTrouble, Map<string, number>> = {
    skipped: new Map(),
    'dead-lettered': new Map(),
    late: new Map(),
    clamped: new Map(),
  };
  /** Counted since the last report. */
  #news: { readonly operator: string; readonly trouble: RecordTrouble; records: number }[] = [];
  #report: ((troubled: TroubledRecords) => void) | undefined;

  /** The listener from now on. */
  reportTo(report: ((troubled: TroubledRecords) => void) | undefined): void {
    this.#report = report;
  }

  read(source: string, records: number): void {
    add(this.records, source, records);
  }

  /** Lines read for a batch; only of sources that read lines. */
  readLines(source: string, { lines, skipped }: SourceInput): void {
    const known = this.#input.get(source) ?? { lines: 0, skipped: new Map<string, number>() };
    known.lines += lines;
    for (const [reason, count] of Object.entries(skipped)) add(known.skipped, reason, count);
    this.#input.set(source, known);
  }

  input(): ReadonlyMap<string, SourceInput> {
    return new Map(
      [...this.#input].map(([name, { lines, skipped }]) => {
        return [name, { lines, skipped: Object.fromEntries(skipped) }];
      }),
    );
  }

  trouble(operator: string, trouble: RecordTrouble): void {
    add(this.#troubled[trouble], operator, 1);
    const known = this.#news.find((one) => one.operator === operator && one.trouble === trouble);
    if (known !== undefined) {
      known.records += 1;
      return;
    }
    this.#news.push({ operator, trouble, records: 1 });
    // Once for a batch: a listener that writes a line for each must not stop the records.
    if (this.#news.length === 1) queueMicrotask(() => this.#reportNews());
  }

  of(trouble: RecordTrouble): ReadonlyMap<string, number> {
    return new Map(this.#troubled[trouble]);
  }

  /** Left out by a policy: skipped ones, and those that went to the dead letters. */
  leftOut(): ReadonlyMap<string, number> {
    const all = new Map(this.#troubled.skipped);
    for (const [name, count] of this.#troubled['dead-lettered']) add(all, name, count);
    return all;
  }

  #reportNews(): void {
    for (const { operator, trouble, records } of this.#news.splice(0)) {
      const total = this.#troubled[trouble].get(operator) ?? records;
      this.#report?.({ operator, trouble, records, total });
    }
  }
}

function add(counts: Map<string, number>, name: string, more: number): void {
  counts.set(name, (counts.get(name) ?? 0) + more);
}
