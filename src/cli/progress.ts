// A bar for work that takes long, where somebody looks at stderr.

import type { Clock } from '../runtime/clock.js';
import type { Terminal } from './terminal.js';

export interface ProgressState {
  readonly done: number;
  readonly total: number;
  /** Such as `3 of 12 checkpoints`. */
  readonly label: string;
}

/** Redraws at most ten times a second; leaves nothing behind. */
export class Progress {
  readonly #terminal: Terminal;
  readonly #clock: Clock;
  #nextAtMs = 0;

  constructor(terminal: Terminal, clock: Clock) {
    this.#terminal = terminal;
    this.#clock = clock;
  }

  show({ done, total, label }: ProgressState): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#nextAtMs) return;
    this.#nextAtMs = nowMs + redrawMs;
    this.#terminal.showStatus(`${bar(done, total)} ${label}`);
  }

  end(): void {
    this.#terminal.clearStatus();
  }
}

/** Such as `[######··········]  37 %`. */
export function bar(done: number, total: number): string {
  const share = total <= 0 ? 1 : Math.min(1, Math.max(0, done / total));
  const filled = Math.floor(share * barLength);
  const percent = String(Math.floor(share * 100)).padStart(3);
  return `[${'#'.repeat(filled)}${'·'.repeat(barLength - filled)}] ${percent} %`;
}

const redrawMs = 100;
const barLength = 20;
