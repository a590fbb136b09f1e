// What drives a coordinator through its life: recovery, generations, the final checkpoint, the end.

import { hasErrorCode, TidegateError } from '../errors.js';
import type { RecoveryReport } from '../recovery/report.js';
import { withDeadline } from '../runtime/deadline.js';
import { AttemptDesk } from './attempt-desk.js';
import { errorOf } from './attempt-error.js';
import { Chart, ChartRun } from './chart-run.js';
import { finalFailed } from './final-failed.js';
import { closeSinks, openRun, type GenerationRun } from './generation-run.js';
import {
  lifeMachine,
  lifeUpdates,
  type LifeContext,
  type Phase,
  type RecoveryVerdict,
} from './machine/life-machine.js';
import { OwedRecords } from './owed-records.js';
import { RecoveryRoad, type RecoveryRoadOptions } from './recovery-road.js';
import { resumeFlow } from './resume-flow.js';
import type { StepContext } from './step-context.js';
import { acknowledgeAndPrune } from './steps/acknowledge.js';

export interface LifecycleHooks {
  /** Phase, generation or work to do may have changed. */
  readonly changed: () => void;
  /** Whether a cut can be taken at any time, or only when a loop comes to a safe point. */
  readonly takesCutsAnyTime: boolean;
}

const lifeChart = new Chart<LifeContext>(lifeMachine, lifeUpdates);

export class Lifecycle {
  readonly desk: AttemptDesk;
  readonly done: Promise<void>;
  readonly #context: StepContext;
  readonly #hooks: LifecycleHooks;
  readonly #road: RecoveryRoad;
  readonly #chart: ChartRun<LifeContext>;
  #phase: Phase = 'created';
  #phaseWaiters: (() => void)[] = [];
  #run: GenerationRun | undefined;
  #report: RecoveryReport | undefined;
  #failure: unknown;
  readonly #owed: OwedRecords;
  #settleDone!: { readonly resolve: () => void; readonly reject: (error: unknown) => void };

  constructor(road: RecoveryRoadOptions, hooks: LifecycleHooks) {
    this.#context = road.context;
    this.#hooks = hooks;
    this.#road = new RecoveryRoad(road);
    this.#owed = new OwedRecords(road.context);
    this.desk = new AttemptDesk(road.context, {
      due: () => this.#onDue(),
      completed: () => {
        this.#owed.committed();
        this.#chart.send({ type: 'completed' });
      },
      idle: () => {
        if (!this.#owed.hasAny) this.#chart.send({ type: 'idle' });
      },
      failed: (cause) => this.fail(cause),
    });
    this.done = new Promise((resolve, reject) => {
      this.#settleDone = { resolve, reject };
    });
    // A halt is also thrown at the next safe point: nobody has to listen here.
    this.done.catch(() => undefined);
    this.#chart = this.#startChart();
  }

  get phase(): Phase {
    return this.#phase;
  }

  get run(): GenerationRun | undefined {
    return this.#run;
  }

  get report(): RecoveryReport | undefined {
    return this.#report;
  }

  /** What the last recovery is or was needed for. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Why a recovery that is under way has not ended yet. */
  get waitsFor(): Error | undefined {
    return this.#road.waitsFor;
  }

  get facts(): { readonly failuresInARow: number; readonly cause?: unknown } {
    return this.#chart.context;
  }

  isIn(...phases: readonly Phase[]): boolean {
    return phases.includes(this.#phase);
  }

  get isOver(): boolean {
    return this.#phase === 'stopped' || this.#phase === 'halted';
  }

  start(): void {
    this.#chart.send({ type: 'start' });
  }

  stop(): void {
    this.#chart.send({ type: 'stop' });
  }

  close(cause?: unknown): void {
    this.#chart.send({ type: 'close', cause });
  }

  /** Everything that ends a generation comes through here, whatever step it was in. */
  fail(cause: unknown): void {
    if (!['running', 'draining'].includes(this.#phase)) return;
    this.#failure = cause;
    this.#owed.failed(cause, this.#hooks.takesCutsAnyTime ? this.#run : undefined);
    for (const writer of this.#run?.writers.values() ?? []) writer.doom();
    this.desk.close(cause);
    this.#chart.send({ type: 'failed', cause });
  }

  /**
   * Settles when the phase is none of these. By the time the caller goes on it may be one of them
   * again: whoever depends on it looks again at once, and waits once more.
   */
  async whilePhase(...phases: readonly Phase[]): Promise<void> {
    while (phases.includes(this.#phase)) {
      await new Promise<void>((resolve) => {
        this.#phaseWaiters.push(resolve);
      });
    }
  }

  #startChart(): ChartRun<LifeContext> {
    const { clock, options } = this.#context;
    const { tolerableFailures } = options;
    const run = new ChartRun(lifeChart, {
      input: { tolerableFailures },
      clock,
      work: {
        recover: ({ occasion }: LifeContext, signal) => this.#recover(occasion, signal),
        drain: () => this.#drain(),
      },
      changed: ({ value, context }) => this.#enter(value as Phase, context.cause),
      failed: (error) => this.#breakDown(error),
    });
    return run.start();
  }

  #enter(phase: Phase, cause: unknown): void {
    if (phase === this.#phase) return;
    const previous = this.#phase;
    this.#phase = phase;
    if (phase === 'running' && previous === 'recovering') this.#resume();
    if (phase === 'stopped' || phase === 'halted') {
      this.#finish(phase, cause).catch((error: unknown) => this.#settleDone.reject(error));
    }
    this.#hooks.changed();
    for (const resolve of this.#phaseWaiters.splice(0)) resolve();
  }

  /** The chart has stopped in the middle of a step: nobody else would end the waits. */
  #breakDown(error: unknown): void {
    if (this.isOver) return;
    this.#failure = error;
    this.#enter('halted', error);
  }

  #onDue(): void {
    this.#hooks.changed();
    if (this.#phase !== 'running' || !this.#hooks.takesCutsAnyTime) return;
    this.desk.serve().catch((error: unknown) => this.fail(error));
  }

  async #recover(occasion: 'start' | 'in-process', signal: AbortSignal): Promise<RecoveryVerdict> {
    const { events } = this.#context;
    const past = this.#run;
    events.emit('recovery-started', { occasion, cause: this.#failure });
    const outcome = await this.#road.travel(occasion, past, signal);
    if (past !== undefined) {
      void closeSinks(this.#context, past);
      await this.#owed.learn();
    }
    this.#report = outcome.report;
    events.emit('recovery-ended', outcome.report);
    if (outcome.kind === 'refused') return { kind: 'refused', cause: outcome.cause };
    const run = openRun(this.#context, outcome, (error) => this.fail(error));
    if (signal.aborted) {
      // Nobody waits for this generation any more: what it opened must not stay open.
      await this.#closeAll(run);
      return { kind: 'resumed' };
    }
    this.#run = run;
    await this.#repeatAcknowledgement(run, signal);
    return { kind: outcome.kind };
  }

  /** A crash may have come between step 7 and the sources being told. */
  async #repeatAcknowledgement(run: GenerationRun, signal: AbortSignal): Promise<void> {
    const { clock, options } = this.#context;
    const bound = { clock, timeoutMs: options.acknowledgeTimeoutMs, signal };
    await withDeadline(bound, (inner) => acknowledgeAndPrune(this.#context, run, run.base, inner));
  }

  #resume(): void {
    const run = this.#run;
    if (run === undefined || !this.#resumeFlow(run)) return;
    this.desk.open(run);
  }

  #resumeFlow(run: GenerationRun): boolean {
    const failed = (error: unknown): void => {
      // A flow that is past has nothing to say about a later generation.
      if (this.#run === run) this.fail(error);
    };
    return resumeFlow(this.#context, run, failed);
  }

  async #drain(): Promise<void> {
    const { tolerableFailures } = this.#context.options;
    let abandonments = 0;
    for (;;) {
      const outcome = await this.desk.takeFinal();
      if (outcome.kind === 'completed' || outcome.kind === 'skipped') {
        if (!this.desk.hasRequests) return;
        continue;
      }
      abandonments += 1;
      const isFinal = outcome.kind === 'failed' || !this.desk.isOpen;
      if (isFinal || abandonments > tolerableFailures) throw finalFailed(errorOf(outcome.cause));
    }
  }

  async #finish(phase: 'stopped' | 'halted', cause: unknown): Promise<void> {
    const { events, logger } = this.#context;
    const isFenced = hasErrorCode(cause, 'TIDEGATE_FENCED');
    if (phase === 'halted') logger.error('the coordinator has halted', { cause });
    if (isFenced) events.emit('fenced', { generation: this.#run?.generation, error: cause });
    const reason = cause ?? new Error('the coordinator has stopped');
    for (const writer of this.#run?.writers.values() ?? []) writer.fence();
    this.desk.close(reason);
    this.desk.dismissAll(reason);
    await this.#closeAll(this.#run);
    if (phase === 'halted') {
      events.emit('halted', { cause });
      this.#settleDone.reject(halted(cause));
      return;
    }
    events.emit('stopped');
    if (cause === undefined) this.#settleDone.resolve();
    else this.#settleDone.reject(cause);
  }

  /** Each within its bound: a participant that hangs cannot keep the process. */
  async #closeAll(run: GenerationRun | undefined): Promise<void> {
    const { clock, options, barriers, logger } = this.#context;
    const bound = { clock, timeoutMs: options.callTimeoutMs };
    if (run !== undefined) {
      if (this.#hooks.takesCutsAnyTime) {
        await withDeadline(bound, (signal) => barriers.suspend({ signal }));
      }
      await closeSinks(this.#context, run);
    }
    const outcome = await withDeadline(bound, () => this.#road.close());
    if (outcome.kind !== 'answered') logger.warn('the store could not be closed', { outcome });
  }
}

function halted(cause: unknown): TidegateError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new TidegateError('TIDEGATE_HALTED', `the coordinator has halted: ${why}`, { cause });
}
