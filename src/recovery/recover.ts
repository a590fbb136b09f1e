// Recovery: fence, read the facts, decide purely, act; again under a new fence when an outcome is unknown.

import { buildReport } from './report.js';
import { type RecoveryPlan, unansweredRow } from './table.js';
import { hasErrorCode, isTidegateError, TidegateError } from '../errors.js';
import type { CheckpointId } from '../ids.js';
import type { CheckpointManifest } from '../manifest/types.js';
import type { OwnedStore } from '../store/checkpoint-store.js';
import { type SinkInspector, type SinkSession, isTwoPhase } from '../contracts/sink.js';
import type { Participants } from '../contracts/participants.js';
import { backoffMs } from '../runtime/backoff.js';
import { clockProblem } from '../runtime/clock.js';
import { sleep } from '../runtime/deadline.js';
import { abortedBy, ask, PassEnded, type Answer, type RetryBudget } from './ask.js';
import { executePlan } from './execute.js';
import { closeSinks, openSinks } from './open-sinks.js';
import { planRecovery } from './plan.js';
import { readFacts, type Reading } from './read-facts.js';
import type { RecoveryReport, Recover, RecoveryOutcome, RecoveryRequest } from './request.js';

/** Passes after the in-doubt timeout, with a shorter budget: time to act on what it changes. */
const passesAfterTimeout = 3;

/**
 * The one road after a crash and after a failure in process. Returns when everything is where the
 * resumed checkpoint says, or with a refusal that a human has to read; it rejects only for bugs.
 */
export const recover: Recover = async (request) => {
  const { clock } = request.ports;
  const startedAtMs = clock.monotonicMs();
  const state: RecoveryRun = {
    request,
    startedAtMs,
    deadlineMs: startedAtMs + request.options.timeouts.inDoubtMs,
    store: request.store,
    passes: 0,
    passesInOvertime: 0,
  };
  for (;;) {
    const outcome = await runPass(state);
    if (outcome.kind !== 'again') return outcome.outcome;
    const next = await nextPass(state, outcome.problem);
    if (next !== undefined) return next;
  }
};

/** What changes from pass to pass. */
interface RecoveryRun {
  readonly request: RecoveryRequest;
  readonly startedAtMs: number;
  readonly deadlineMs: number;
  store: OwnedStore;
  passes: number;
  passesInOvertime: number;
  /** Why the newest pass had to be followed by another one. */
  problem?: TidegateError;
  /** The newest reading and plan, for the report of a refusal. */
  reading?: Reading;
  plan?: RecoveryPlan;
}

type PassOutcome =
  | { readonly kind: 'settled'; readonly outcome: RecoveryOutcome }
  | { readonly kind: 'again'; readonly problem: TidegateError };

async function runPass(run: RecoveryRun): Promise<PassOutcome> {
  const budget = budgetOf(run);
  let sessions: ReadonlyMap<string, SinkSession> = new Map();
  try {
    const opened = await openSinks(run.request, run.store, budget);
    sessions = opened.sessions;
    const outcome = await decideAndAct(run, opened, budget);
    if (outcome.kind === 'refused') await closeSinks(sessions, budget);
    return { kind: 'settled', outcome };
  } catch (error) {
    await closeSinks(sessions, budget);
    if (!(error instanceof PassEnded)) throw error;
    if (error.how === 'again') return { kind: 'again', problem: error.problem };
    return { kind: 'settled', outcome: refusal(run, error.problem) };
  }
}

async function decideAndAct(
  run: RecoveryRun,
  { sessions, answers }: Awaited<ReturnType<typeof openSinks>>,
  budget: RetryBudget,
): Promise<RecoveryOutcome> {
  const { request, store } = run;
  const reading = await readFacts({
    question: request,
    store,
    inspectors: inspectorsOf(request.participants, sessions),
    answers,
    budget,
    isInDoubtTimeoutReached: isTimeUp(run),
  });
  const plan = planRecovery(reading.facts);
  run.reading = reading;
  run.plan = plan;
  if (plan.kind === 'refuse' || plan.kind === 'halt') {
    const isBySink =
      hasErrorCode(plan.cause, 'TIDEGATE_FENCED') && reading.facts.store.kind === 'read';
    return refusal(run, isBySink ? await whoFences(run, plan.cause) : withReason(run, plan.cause));
  }
  // Acting has its own budget: reading may have used up all of the first.
  const pass = {
    ...{ request, store, sinks: sessions, loaded: reading.loaded },
    lastCommitted: lastCommittedIn(reading),
  };
  const done = await executePlan({ ...pass, budget: budgetOf(run) }, plan);
  return { ...done, store, sinks: sessions, report: reportOf(run, plan, done.base.manifest) };
}

function lastCommittedIn({ facts }: Reading): ReadonlyMap<string, CheckpointId | undefined> {
  const twoPhase = [...facts.sinks].filter(([, sink]) => sink.twoPhase);
  return new Map(twoPhase.map(([name, { lastCommitted }]) => [name, lastCommitted]));
}

/**
 * A sink fences an owner that was overtaken, and the owner of an old copy of the store as well. An
 * owner that overtakes takes the store first: while the store gives out its next generation, it was not taken.
 */
async function whoFences(run: RecoveryRun, cause: TidegateError): Promise<TidegateError> {
  const answer = await takeNextGeneration(run);
  if (answer.kind !== 'answered') return cause;
  const message =
    `${cause.message}; no other owner has taken the store, so the store is older than what the sink ` +
    'remembers (most often a copy: bring the newer one back), or two sinks share one place';
  return new TidegateError('TIDEGATE_RECOVERY_SINK_REFUSED', message, { cause: cause.cause });
}

function inspectorsOf(
  { sinks }: Participants,
  sessions: ReadonlyMap<string, SinkSession>,
): ReadonlyMap<string, SinkInspector> {
  const inspectors = new Map<string, SinkInspector>();
  for (const [name, sink] of sinks) {
    const session = sessions.get(name);
    if (isTwoPhase(sink) && session !== undefined) inspectors.set(name, session as SinkInspector);
  }
  return inspectors;
}

/**
 * Takes the next generation, so that no call of the pass that ended can still take effect: a
 * commit that had timed out must not land between the questions and a roll back.
 */
async function nextPass(
  run: RecoveryRun,
  problem: TidegateError,
): Promise<RecoveryOutcome | undefined> {
  const { request } = run;
  const { clock, random, logger } = request.ports;
  run.problem = problem;
  if (isTimeUp(run)) run.passesInOvertime += 1;
  if (run.passesInOvertime > passesAfterTimeout) return refusal(run, problem);
  request.ports.waits?.(problem);
  logger.warn({ because: problem.message, pass: run.passes }, 'recovery reads the facts again');
  await sleep(clock, backoffMs(run.passes, random.next()), request.signal);
  const answer = await takeNextGeneration(run);
  if (answer.kind === 'answered') {
    run.passes += 1;
    return undefined;
  }
  if (request.signal.aborted) return refusal(run, abortedBy(request.signal));
  return refusal(run, isTidegateError(answer.problem) ? answer.problem : problem);
}

async function takeNextGeneration(run: RecoveryRun): Promise<Answer<OwnedStore>> {
  const answer = await ask(budgetOf(run), (signal) => run.store.takeNextGeneration({ signal }));
  if (answer.kind === 'answered') run.store = answer.value;
  return answer;
}

function budgetOf({ request, deadlineMs }: RecoveryRun): RetryBudget {
  const { ports, options, signal } = request;
  const callTimeoutMs = options.timeouts.callMs;
  const leastMs = ports.clock.monotonicMs() + passesAfterTimeout * callTimeoutMs;
  return { ports, callTimeoutMs, signal, deadlineMs: Math.max(deadlineMs, leastMs) };
}

function isTimeUp({ request, deadlineMs }: RecoveryRun): boolean {
  return request.ports.clock.monotonicMs() >= deadlineMs;
}

function refusal(run: RecoveryRun, cause: TidegateError): RecoveryOutcome {
  const plan: RecoveryPlan = { kind: 'refuse', row: run.plan?.row ?? unansweredRow, cause };
  return { kind: 'refused', cause, store: run.store, report: reportOf(run, plan, undefined) };
}

/** A decision for a person after several tries: what they failed of is the first thing to know. */
function withReason({ problem }: RecoveryRun, cause: TidegateError): TidegateError {
  if (problem === undefined || cause.cause !== undefined) return cause;
  const message = `${cause.message}; before that: ${problem.message}`;
  return new TidegateError(cause.code, message, { cause: problem, details: cause.details });
}

function reportOf(
  run: RecoveryRun,
  plan: RecoveryPlan,
  resumed: CheckpointManifest | undefined,
): RecoveryReport {
  const { request, startedAtMs, passes, store, reading } = run;
  return buildReport({
    facts: reading?.facts,
    plan,
    generation: store.generation,
    resumed,
    rereadings: passes,
    ...(run.problem === undefined ? {} : { rereadBecause: run.problem.message }),
    durationMs: request.ports.clock.monotonicMs() - startedAtMs,
    clockProblem: clockProblem(request.ports.clock),
  });
}
