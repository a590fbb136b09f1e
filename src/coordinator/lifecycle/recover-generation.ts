// Recovery at a start and after a failure: suspend, take the next generation, recover.

import { TidegateError, toError } from '../../errors.js';
import type {
  LostInputChoice,
  Recover,
  RecoveryOutcome,
  RestoreChoice,
} from '../../recovery/request.js';
import { backoffMs } from '../../runtime/backoff.js';
import { sleep, withDeadline } from '../../runtime/deadline.js';
import {
  defaultWaitForOwnerMs,
  type CheckpointStore,
  type OpenStoreOptions,
  type OwnedStore,
} from '../../store/checkpoint-store.js';
import type { StepContext } from '../context.js';
import { closeSinks, openGeneration, requireSessions, type WriteFailed } from './generation.js';
import type { LifeContext, Recovered } from './life-events.js';

export interface GenerationRecoveryOptions {
  readonly context: StepContext;
  readonly store: CheckpointStore;
  readonly open: Omit<OpenStoreOptions, 'signal'>;
  readonly recover: Recover;
  readonly restoreFrom: RestoreChoice | undefined;
  readonly acceptLostInput: LostInputChoice | undefined;
  /** A participant or the store does not answer as it should, and is asked again. */
  readonly waits: (problem: Error) => void;
}

/** What recovery replaces; at a start there is no generation. */
export type PastGeneration = Pick<LifeContext, 'occasion' | 'generation'>;

/** For what nothing waits for: the end came while it was opened. */
const closeTimeoutMs = 500;

/** Between two failed tries; a store that is away is not asked without pause. */
const maxPauseMs = 5_000;

export class GenerationRecovery {
  readonly #options: GenerationRecoveryOptions;
  /** The newest store that this process has owned. */
  #store: OwnedStore | undefined;
  #closed: OwnedStore | undefined;
  #failedTries = 0;

  constructor(options: GenerationRecoveryOptions) {
    this.#options = options;
  }

  /** The newest store is the one whose sign of life would keep the next owner out. */
  async close(): Promise<void> {
    const store = this.#store;
    if (store === undefined || store === this.#closed) return;
    this.#closed = store;
    await store.close();
  }

  /** The first thing that happens is a fence. What it opened does not stay open when it is ended. */
  async recoverGeneration(
    past: PastGeneration,
    signal: AbortSignal,
    failed: WriteFailed,
  ): Promise<Recovered> {
    const { context } = this.#options;
    try {
      const outcome = await this.#recover(past, signal);
      this.#failedTries = 0;
      if (past.generation !== undefined) void closeSinks(context, past.generation);
      const { report } = outcome;
      if (outcome.kind === 'refused') return { kind: 'refused', report, cause: outcome.cause };
      await requireSessions(context, outcome.sinks);
      const generation = openGeneration(context, outcome, failed);
      if (signal.aborted) await closeSinks(context, generation, closeTimeoutMs);
      return { kind: 'resumed', report, generation };
    } catch (error) {
      this.#failedTries += 1;
      const problem = toError(error);
      if (!signal.aborted) this.#waits(problem);
      throw problem;
    } finally {
      // The end came first, and closed what was there then.
      if (signal.aborted) await this.close();
    }
  }

  async #recover(
    { occasion, generation }: PastGeneration,
    signal: AbortSignal,
  ): Promise<RecoveryOutcome> {
    const { context, recover, restoreFrom, acceptLostInput } = this.#options;
    await this.#pause(signal);
    if (generation !== undefined) await this.#suspend(signal);
    const store = await this.#nextOwner(signal);
    this.#store = store;
    for (const { writer } of generation?.sinks.values() ?? []) writer.fence();
    const { participants, options, pipelineHash, clock, random, logger } = context;
    const outcome = await recover({
      store,
      participants,
      options,
      pipelineHash,
      occasion,
      ports: { clock, random, logger, waits: this.#waits },
      signal,
      // A person's word is for the start that it was given to.
      ...(occasion === 'start' ? { restoreFrom, acceptLostInput } : {}),
    });
    this.#store = outcome.store;
    return outcome;
  }

  readonly #waits = (error: Error): void => {
    this.#options.waits(error);
    this.#options.context.events.emit('recovery-waiting', { error });
  };

  async #pause(signal: AbortSignal): Promise<void> {
    if (this.#failedTries === 0) return;
    const { clock, random } = this.#options.context;
    const pauseMs = backoffMs(this.#failedTries, random.next(), { maxMs: maxPauseMs });
    await sleep(clock, pauseMs, signal);
  }

  /** Sources and operators go back only when nothing reads or changes them. */
  async #suspend(signal: AbortSignal): Promise<void> {
    const { barriers, clock, options } = this.#options.context;
    const bound = { clock, timeoutMs: options.timeouts.inDoubtMs, signal };
    const outcome = await withDeadline(bound, (inner) => barriers.suspend({ signal: inner }));
    if (outcome.kind === 'answered') return;
    throw new TidegateError(
      'TIDEGATE_RECOVERY_FAILED',
      outcome.kind === 'timed-out'
        ? `the records did not come to rest within ${outcome.afterMs} ms: ` +
            'a loop has to call safePoint() also when there is nothing to read'
        : 'the records could not be brought to rest',
      { cause: outcome.kind === 'failed' ? outcome.error : undefined },
    );
  }

  /** An owner that was overtaken is refused here, before it touches a sink. */
  async #nextOwner(signal: AbortSignal): Promise<OwnedStore> {
    const { context, store, open } = this.#options;
    const { clock, options } = context;
    const { persistMs } = options.timeouts;
    const waitForOwnerMs = open.waitForOwnerMs ?? defaultWaitForOwnerMs;
    const timeoutMs = persistMs + waitForOwnerMs;
    const owned = this.#store;
    // A disk that never answers must not hold the process.
    const outcome = await withDeadline({ clock, timeoutMs, signal }, async (inner) => {
      const next = await (owned === undefined
        ? store.open({ ...open, signal: inner })
        : owned.takeNextGeneration({ signal: inner }));
      // The caller has stopped waiting, and left open it would count as alive.
      if (inner.aborted) await next.close();
      return next;
    });
    if (outcome.kind === 'answered') return outcome.value;
    if (outcome.kind === 'failed') throw toError(outcome.error);
    throw new TidegateError(
      'TIDEGATE_RECOVERY_FAILED',
      outcome.kind === 'timed-out'
        ? `the store could not be opened within ${outcome.afterMs} ms (timeouts.persistMs ` +
            `${persistMs} + waitForOwnerMs ${waitForOwnerMs})`
        : 'the opening of the store was ended from outside',
    );
  }
}
