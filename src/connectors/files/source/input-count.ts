// Lines that were read since the last batch, and why some of them gave no record.

import type { SourceInput } from '../../../contracts/source.js';

export class InputCount {
  #lines = 0;
  #skipped: Record<string, number> = {};

  get hasMore(): boolean {
    return this.#lines > 0;
  }

  add(lines: number, skipped: Readonly<Record<string, number>>): void {
    this.#lines += lines;
    for (const [reason, count] of Object.entries(skipped)) {
      this.#skipped[reason] = (this.#skipped[reason] ?? 0) + count;
    }
  }

  take(): SourceInput {
    const input = { lines: this.#lines, skipped: this.#skipped };
    this.#lines = 0;
    this.#skipped = {};
    return input;
  }
}
