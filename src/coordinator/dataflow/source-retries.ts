// A source that fails in a way that passes: a pause, back to the last batch, and on.

import type { SourcePatience } from '../../contracts/barrier.js';
import { mayPass } from '../../contracts/source-failure.js';
import type { CallOptions } from '../../contracts/source.js';
import { TidegateError, toError } from '../../errors.js';
import { backoffMs } from '../../runtime/backoff.js';
import { sleep } from '../../runtime/deadline.js';

export interface SourceRetriesOptions {
  readonly source: string;
  /** Puts the source back behind the last batch that was handed out. */
  readonly goBack: (options: CallOptions) => Promise<void>;
  /** Undefined: the first failure lasts. */
  readonly patience: SourcePatience | undefined;
  readonly signal: AbortSignal;
}

/** Failures in a row: a batch ends the row, and so does a reading that goes on for long. */
interface Row {
  failures: number;
  readonly sinceMs: number;
}

/** Longer than a try takes to connect: quiet input gives no batch that would show that it is back. */
const steadyAfterMs = 60_000;

/**
 * A broker that restarts ends the iteration of a source, and nothing else: what was read so far is
 * processed, cuts are taken, the other sources go on.
 */
export class SourceRetries {
  readonly #options: SourceRetriesOptions;
  #row: Row | undefined;
  #isAway = false;
  #readsSinceMs = 0;

  constructor(options: SourceRetriesOptions) {
    this.#options = options;
  }

  /** It has failed, and has not been put back yet. */
  get isAway(): boolean {
    return this.#isAway;
  }

  /** A reading begins. */
  begins(): void {
    this.#readsSinceMs = this.#options.patience?.clock.monotonicMs() ?? 0;
  }

  /** It has handed a batch out, or come to its end. */
  answered(): void {
    if (this.#row === undefined) return;
    const { source, patience } = this.#options;
    const { failures, sinceMs } = this.#row;
    this.#row = undefined;
    patience?.back({ source, failures, awayMs: patience.clock.monotonicMs() - sinceMs });
  }

  /**
   * Settles when it can be read anew, or the signal is aborted.
   *
   * @throws What the source threw, where that lasts; `TIDEGATE_SOURCE_UNANSWERED` when it does not come
   * back in time.
   */
  async failed(error: unknown): Promise<void> {
    const { patience, goBack, signal } = this.#options;
    const readsForMs = (patience?.clock.monotonicMs() ?? 0) - this.#readsSinceMs;
    if (readsForMs >= steadyAfterMs) this.#row = undefined;
    this.#isAway = true;
    for (let problem = error; ;) {
      await this.#pause(problem);
      if (signal.aborted) return;
      try {
        await goBack({ signal });
        this.#isAway = false;
        return;
      } catch (again) {
        problem = again;
      }
    }
  }

  async #pause(error: unknown): Promise<void> {
    const { source, patience, signal } = this.#options;
    if (patience === undefined || !mayPass(error)) throw error;
    const { clock, random, giveUpAfterMs } = patience;
    const nowMs = clock.monotonicMs();
    const row = (this.#row ??= { failures: 0, sinceMs: nowMs });
    row.failures += 1;
    const { failures } = row;
    const pauseMs = backoffMs(failures - 1, random.next());
    const awayMs = nowMs - row.sinceMs;
    if (awayMs + pauseMs >= giveUpAfterMs) {
      const why = toError(error).message;
      throw new TidegateError(
        'TIDEGATE_SOURCE_UNANSWERED',
        `source ${source} failed ${failures} times in ${Math.round(awayMs)} ms: ${why}`,
        { cause: error, details: { source, failures, awayMs } },
      );
    }
    patience.waiting({ source, error, failures, pauseMs });
    await sleep(clock, pauseMs, signal);
  }
}
