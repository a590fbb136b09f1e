// The plan that recovery would carry out now, from read-only openings: nothing is fenced or changed.

import { buildReport } from './report.js';
import { type RecoveryPlan, unansweredRow } from './table.js';
import { isTwoPhase, type SinkInspector } from '../contracts/sink.js';
import { isTidegateError, TidegateError } from '../errors.js';
import { storeId as toStoreId } from '../ids.js';
import { clockProblem } from '../runtime/clock.js';
import type { StoreReader } from '../store/checkpoint-store.js';
import { ask, type RetryBudget } from './ask.js';
import { closeSinks, toSinkAnswer } from './open-sinks.js';
import type { SinkAnswer } from './facts.js';
import { planRecovery } from './plan.js';
import { readFacts } from './read-facts.js';
import type { RecoveryReport, RecoveryRequest } from './request.js';

/** What recovery can decide to do. */
type RecoveryPlanKind =
  'fresh' | 'resume' | 'roll-forward' | 'roll-back' | 'restore' | 'halt' | 'refuse';

export interface DryRunRequest extends Omit<RecoveryRequest, 'store'> {
  readonly store: StoreReader;
  /** Name of the pipeline, where the store does not know it. */
  readonly pipeline: string;
}

export interface DryRun {
  /** What would be done, by name; with a cause where a person is needed. */
  readonly plan: { readonly kind: RecoveryPlanKind; readonly cause?: TidegateError };
  readonly report: RecoveryReport;
}

/**
 * What `recover` would decide if nothing changed in between. Without a fence an owner that is alive
 * may commit while the questions are asked: for people to read, never to act on.
 */
export async function planOnly(request: DryRunRequest): Promise<DryRun> {
  const { clock } = request.ports;
  const startedAtMs = clock.monotonicMs();
  const { callMs, inDoubtMs } = request.options.timeouts;
  const budget = {
    ports: request.ports,
    callTimeoutMs: callMs,
    deadlineMs: startedAtMs + Math.min(inDoubtMs, callMs),
    signal: request.signal,
  };
  const { inspectors, answers } = await openInspectors(request, budget);
  try {
    const { store } = request;
    const isInDoubtTimeoutReached = false;
    const reading = { question: request, store, inspectors, answers, budget };
    const { facts } = await readFacts({ ...reading, isInDoubtTimeoutReached });
    const unownable = await ask(budget, async () => store.checkOwnable?.(request.pipeline));
    const plan = unownable.kind === 'answered' ? planRecovery(facts) : refusedBy(unownable.problem);
    const report = buildReport({
      facts,
      plan,
      generation: undefined,
      resumed: 'resume' in plan ? plan.resume.manifest : undefined,
      accepted: request.acceptLostInput,
      rereadings: 0,
      durationMs: clock.monotonicMs() - startedAtMs,
      clockProblem: clockProblem(clock),
    });
    return { plan, report };
  } finally {
    await closeSinks(inspectors, budget);
  }
}

/** No row of the table: a start ends here, before there are facts. */
function refusedBy(problem: Error): RecoveryPlan {
  const cause = isTidegateError(problem)
    ? problem
    : new TidegateError('TIDEGATE_RECOVERY_UNANSWERED', problem.message, { cause: problem });
  return { kind: 'refuse', row: unansweredRow, cause };
}

async function openInspectors(
  { participants, store, pipeline }: DryRunRequest,
  budget: RetryBudget,
): Promise<{
  readonly inspectors: ReadonlyMap<string, SinkInspector>;
  readonly answers: ReadonlyMap<string, SinkAnswer>;
}> {
  const inspectors = new Map<string, SinkInspector>();
  const answers = new Map<string, SinkAnswer>();
  // A store that tidegate never owned has no id; no sink can remember this one.
  const storeId = store.storeId ?? toStoreId('none');
  const openings = [...participants.sinks].map(async ([name, sink]) => {
    if (!isTwoPhase(sink)) {
      answers.set(name, { kind: 'answered' });
      return;
    }
    const identity = { storeId, pipeline: store.pipeline ?? pipeline, sink: name };
    const answer = await ask(budget, (signal) => sink.openReadOnly(identity, { signal }));
    if (answer.kind === 'answered') inspectors.set(name, answer.value);
    answers.set(name, toSinkAnswer(answer));
  });
  await Promise.all(openings);
  return { inspectors, answers };
}
