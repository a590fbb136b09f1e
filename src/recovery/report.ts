// The report of a recovery: built from its facts and its plan, and as text for people. Pure.

import { assertNever } from '../assert.js';
import { checkpointId, epoch, type Generation } from '../ids.js';
import type { CheckpointManifest, LostInput } from '../manifest/types.js';
import { isReadable, newestOf, standingsOf, type SinkStanding } from './candidates.js';
import type { RecoveryFacts, SinkFacts, StoredCheckpoint } from './facts.js';
import { findingsOf, warningsOf } from './findings.js';
import { type RecoveryPlan, rowName } from './table.js';
import type { LostInputChoice, RecoveryReport, SinkReport, SkippedCheckpoint } from './request.js';

export interface ReportInput {
  /** Undefined when it ended before anything was read. */
  readonly facts: RecoveryFacts | undefined;
  readonly plan: RecoveryPlan;
  /** Undefined in a dry run. */
  readonly generation: Generation | undefined;
  /** The manifest that everything was put back to; in a dry run, that it would be. */
  readonly resumed: CheckpointManifest | undefined;
  /** What a person may have given up. */
  readonly accepted?: LostInputChoice | undefined;
  readonly rereadings: number;
  readonly rereadBecause?: string;
  readonly durationMs: number;
  /** What is wrong with the clock that times are recorded by, if anything is. */
  readonly clockProblem?: string | undefined;
}

export function buildReport(input: ReportInput): RecoveryReport {
  const { facts, plan, generation, resumed } = input;
  return {
    ...(generation === undefined ? {} : { generation }),
    row: { number: plan.row.number, variant: plan.row.variant, label: plan.row.label },
    decision: decisionOf(plan),
    isDryRun: generation === undefined,
    examined: facts?.checkpoints.length ?? 0,
    skipped: facts === undefined ? [] : skippedBy(plan, facts),
    sinks: facts === undefined ? [] : sinksBy(plan, facts),
    ...(resumed === undefined
      ? {}
      : { resumed: { id: checkpointId(resumed.checkpointId), epoch: epoch(resumed.epoch) } }),
    lostInput: [...lossesIn(resumed), ...(generation === undefined ? acceptedBy(input) : [])],
    warnings: [
      ...(input.clockProblem === undefined ? [] : [input.clockProblem]),
      ...(facts?.storeWarnings ?? []),
      ...[...(facts?.sinks ?? [])].flatMap(([sink, { warnings = [] }]) =>
        warnings.map((warning) => `sink ${sink}: ${warning}`),
      ),
      ...(facts?.skipped ?? []).map(({ name, why }) => `${name} was passed over: ${why}`),
      ...(facts === undefined ? [] : warningsBy(plan, facts)),
    ],
    rereadings: input.rereadings,
    ...(input.rereadBecause === undefined ? {} : { rereadBecause: input.rereadBecause }),
    durationMs: input.durationMs,
  };
}

/** Also what was given up before, for as long as its source goes on. */
function lossesIn(resumed: CheckpointManifest | undefined): readonly string[] {
  return [...(resumed?.tidegate?.lostInput ?? [])].map(([source, loss]) => lossText(source, loss));
}

/** A dry run asks no source: it can only say what a start would be allowed to do. */
function acceptedBy({ accepted = {}, plan }: ReportInput): readonly string[] {
  if (!('resume' in plan)) return [];
  const { id, manifest } = plan.resume;
  return Object.entries(accepted).map(([source, named]) =>
    named === id || named === manifest.tidegate?.restoredFrom
      ? `source ${source} may give up input that is gone behind checkpoint ${id} (acceptLostInput)`
      : `source ${source} may not: acceptLostInput names checkpoint ${named}, and ${id} is resumed`,
  );
}

/** One loss, for people. */
function lossText(source: string, { checkpointId: id, from, to }: LostInput): string {
  const texts = (offsets: ReadonlyMap<string, string>): string =>
    [...offsets].map(([name, value]) => `${name}=${value}`).join(', ');
  return `source ${source} gave up input behind checkpoint ${id}: from ${texts(from)} to ${texts(to)}`;
}

function decisionOf(plan: RecoveryPlan): string {
  const by = plan.row.number === 0 ? plan.row.label : `row ${rowName(plan.row)}: ${plan.row.label}`;
  switch (plan.kind) {
    case 'fresh':
      return `start fresh with a start checkpoint (${by})`;
    case 'resume':
      return `resume checkpoint ${plan.resume.id} (${by})`;
    case 'roll-forward':
      return `commit checkpoint ${plan.resume.id} at ${listed(plan.commit)}, then resume it (${by})`;
    case 'roll-back':
      return `roll back checkpoint ${plan.target.id} and resume ${plan.resume.id} (${by})`;
    case 'restore':
      return `restore checkpoint ${plan.resume.id} as a new one of epoch ${plan.restoredEpoch} (${by})`;
    case 'halt':
    case 'refuse':
      return `${plan.kind}: ${plan.cause.message}`;
    default:
      return assertNever(plan, 'plan');
  }
}

function listed(sinks: ReadonlyMap<string, unknown>): string {
  return [...sinks.keys()].join(', ');
}

function warningsBy(plan: RecoveryPlan, facts: RecoveryFacts): readonly string[] {
  return 'resume' in plan ? warningsOf(findingsOf(plan.resume.manifest, facts)) : [];
}

function sinksBy(plan: RecoveryPlan, facts: RecoveryFacts): readonly SinkReport[] {
  const newest = newestOf(facts.checkpoints);
  const isInDoubt = newest?.state === 'in-doubt' && isReadable(newest);
  const standings = isInDoubt ? standingsOf(facts, newest) : new Map<string, SinkStanding>();
  return [...facts.sinks].map(([sink, sinkFacts]) => ({
    sink,
    found: foundAt(sinkFacts, standings.get(sink)),
    became: becomes(plan, sink, sinkFacts),
  }));
}

/** Everything above what is resumed; all of it when nothing is. */
function skippedBy(plan: RecoveryPlan, facts: RecoveryFacts): readonly SkippedCheckpoint[] {
  const resumedId = 'resume' in plan ? plan.resume.id : 0;
  return facts.checkpoints
    .filter(({ id }) => id > resumedId)
    .map((stored) => ({ id: stored.id, why: whySkipped(stored) }));
}

function whySkipped({ state, problem, manifest }: StoredCheckpoint): string {
  const reason = problem?.message ?? manifest?.tidegate?.rolledBack?.reason;
  return reason === undefined ? state : `${state}: ${reason}`;
}

function foundAt(
  { twoPhase, answer, lastCommitted }: SinkFacts,
  standing: SinkStanding | undefined,
): string {
  if (answer.kind === 'unanswered' || answer.kind === 'refused') {
    return `${answer.kind}: ${answer.problem.message}`;
  }
  if (answer.kind === 'not-asked') return 'not asked';
  if (!twoPhase) return 'not asked: it has no second phase';
  const last = lastCommitted === undefined ? 'none committed' : `newest committed ${lastCommitted}`;
  return standing === undefined ? last : `${standing}, ${last}`;
}

function becomes(plan: RecoveryPlan, sink: string, { twoPhase }: SinkFacts): SinkReport['became'] {
  if (plan.kind === 'halt' || plan.kind === 'refuse' || !twoPhase) return 'unchanged';
  if (plan.kind === 'roll-forward' && plan.commit.has(sink)) {
    return `committed checkpoint ${plan.resume.id}`;
  }
  if (plan.kind === 'roll-back') return `without checkpoint ${plan.target.id}`;
  return 'without anything prepared';
}

/** Several lines without a final newline; stable enough to read, not meant to be parsed. */
export function renderReport(report: RecoveryReport): string {
  const { generation, resumed, skipped, sinks, lostInput, warnings } = report;
  const { rereadings, rereadBecause } = report;
  const lines = [
    report.isDryRun
      ? 'Recovery, dry run: nothing was fenced or changed, and all may change before a real one.'
      : `Recovery of generation ${generation ?? '?'}, ${Math.round(report.durationMs)} ms`,
    `  decided   ${report.decision}`,
    `  examined  ${count(report.examined, 'checkpoint')}`,
    ...skipped.map(({ id, why }) => `  skipped   checkpoint ${id}: ${why}`),
    ...sinks.map(({ sink, found, became }) => `  sink      ${sink}: ${found}; ${became}`),
    ...lostInput.map((sentence) => `  lost      ${sentence}`),
    ...warnings.map((warning) => `  warning   ${warning}`),
  ];
  if (rereadings > 0) {
    const why = rereadBecause === undefined ? '' : `: ${rereadBecause}`;
    lines.push(`  repeated  ${count(rereadings, 'time')}, under a new fence each${why}`);
  }
  const label = report.isDryRun ? 'resumes' : 'resumed';
  const what =
    resumed === undefined ? 'nothing' : `checkpoint ${resumed.id} of epoch ${resumed.epoch}`;
  return [...lines, `  ${label}   ${what}`].join('\n');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
