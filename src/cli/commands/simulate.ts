// `tidegate simulate`: crash a user's pipeline at every point, and say whether its sinks agree.

import {
  crashEverywhere,
  replaySchedule,
  type CrashOptions,
  type CrashReport,
  type ReplayOptions,
} from '../../testing/crash-everywhere.js';
import type { Violation } from '../../testing/checkers/observation.js';
import { faultKinds, parseSchedule, type FaultKind } from '../../testing/simulation/faults.js';
import type { Build, Input } from '../../testing/simulation/world.js';
import { hasErrorCode, toError } from '../../errors.js';
import { loadModule } from '../connection.js';
import type { CommonOptions, Context } from '../context.js';
import { exitCodes, type ExitCode } from '../exit-codes.js';
import { readInput } from '../input-file.js';
import { toJsonText, type Jsonable } from '../json-output.js';
import { CommandError, UsageError } from '../problems.js';
import { Progress } from '../progress.js';
import { toned } from '../table.js';
import type { Line } from '../terminal.js';
import { count } from '../units.js';

export interface SimulateOptions extends CommonOptions {
  /** A file of records; without it the module's `input`. */
  readonly input?: string;
  readonly crashes: 1 | 2;
  readonly schedules: number;
  readonly seed: number;
  readonly faults?: readonly string[];
  readonly violations: number;
  readonly matrix?: boolean;
  /** One schedule to run again instead, as a violation has printed it. */
  readonly replay?: readonly string[];
}

interface Subject {
  readonly build: Build;
  readonly input: Input;
  readonly beforeEach?: () => void | Promise<void>;
}

export async function simulate(
  module: string,
  options: SimulateOptions,
  context: Context,
): Promise<ExitCode> {
  const faults = faultsOf(options.faults);
  const { build, ...subject } = await subjectOf(module, options);
  if (options.replay !== undefined) {
    return replay(
      build,
      { ...subject, schedule: options.replay, seed: options.seed },
      options,
      context,
    );
  }
  const progress = new Progress(context.terminal, context.clock);
  const startedAtMs = context.clock.monotonicMs();
  try {
    const report = await crashEverywhere(build, {
      ...subject,
      ...(faults === undefined ? {} : { faults }),
      crashes: options.crashes,
      maxSchedules: options.schedules,
      seed: options.seed,
      maxViolations: options.violations,
      signal: context.signal,
      onProgress: ({ schedules, planned }) => {
        const label = `${schedules} of about ${planned} schedules`;
        progress.show({ done: schedules, total: planned, label });
      },
    });
    progress.end();
    const durationMs = context.clock.monotonicMs() - startedAtMs;
    print(report, options, context, durationMs);
    return report.violations.length === 0 ? exitCodes.fine : exitCodes.findings;
  } finally {
    progress.end();
  }
}

async function subjectOf(module: string, { input: file }: SimulateOptions): Promise<Subject> {
  const { default: build, input, beforeEach } = await loadModule(module);
  if (typeof build !== 'function') {
    throw new CommandError(
      `${module} has no default export build(world)`,
      'Export the function that you would give to crashEverywhere.',
    );
  }
  const records = file === undefined ? input : await readInput(file);
  if (typeof records !== 'object' || records === null) {
    throw new CommandError(
      `there are no records to read`,
      `Export them from ${module} as "input", or name a file with --input.`,
    );
  }
  return {
    build: build as Build,
    input: records as Input,
    ...(typeof beforeEach === 'function'
      ? { beforeEach: beforeEach as NonNullable<CrashOptions['beforeEach']> }
      : {}),
  };
}

function faultsOf(names: readonly string[] | undefined): readonly FaultKind[] | undefined {
  if (names === undefined) return undefined;
  const unknown = names.filter((name) => !Object.hasOwn(faultKinds, name));
  if (unknown.length === 0) return names as readonly FaultKind[];
  const known = Object.keys(faultKinds).join(', ');
  throw new UsageError(`there is no fault ${unknown.join(', ')}; there are: ${known}`);
}

async function replay(
  build: Build,
  given: ReplayOptions,
  { json }: CommonOptions,
  { terminal }: Context,
): Promise<ExitCode> {
  const { ending, violations } = await replayed(build, given);
  if (json) {
    terminal.printDocument(
      toJsonText({ schedule: given.schedule, ending, violations: violations.map(violationAsJson) }),
    );
  } else {
    terminal.print(...violations.map(({ rule, seen }): Line => [toned('bad', rule), `: ${seen}`]));
    const verdict = violations.length === 0 ? toned('good', 'no violation') : 'violated';
    terminal.note([`the run ended as ${ending}: `, verdict]);
  }
  return violations.length === 0 ? exitCodes.fine : exitCodes.findings;
}

/** A line that is no fault is a mistake on the command line, not a bug in tidegate. */
async function replayed(build: Build, given: ReplayOptions): ReturnType<typeof replaySchedule> {
  try {
    parseSchedule(given.schedule);
  } catch (error) {
    if (hasErrorCode(error, 'TIDEGATE_OPTIONS')) throw new UsageError(toError(error).message);
    throw error;
  }
  return replaySchedule(build, given);
}

function print(
  report: CrashReport,
  { json, matrix = false, seed }: SimulateOptions,
  { terminal }: Context,
  durationMs: number,
): void {
  if (json) {
    terminal.printDocument(toJsonText(asJson(report, seed)));
    return;
  }
  const { schedules, points, violations } = report;
  for (const { schedule, violations: broken, test } of violations) {
    terminal.print(
      [toned('bad', 'violation'), ` after ${schedule.join(', then ')}`],
      ...broken.map(({ rule, seen }) => `  ${rule}: ${seen}`),
      '  as a test:',
      ...test.split('\n').map((line): Line => [toned('quiet', `    ${line}`)]),
    );
  }
  if (matrix) terminal.print(...report.matrix.render().split('\n'), '');
  const verdict =
    violations.length === 0
      ? toned('good', 'no violation')
      : toned('bad', count(violations.length, 'violation'));
  const seconds = (durationMs / 1_000).toFixed(1);
  terminal.print([
    `${count(schedules, 'schedule')} over ${count(points, 'point')}, seed ${seed}, ${seconds} s: `,
    verdict,
  ]);
  terminal.print(...rowLines(report));
}

/** Which rows of the recovery table decided, and how often. */
function rowLines({ matrix }: CrashReport): readonly Line[] {
  return [...matrix.rowCounts()].map(
    ([row, times]) =>
      `  recovery, row ${row}: ${count(times, 'time')} (${matrix.rowLabels[row] ?? ''})`,
  );
}

function asJson({ schedules, points, violations, matrix }: CrashReport, seed: number): Jsonable {
  return {
    seed,
    schedules,
    points,
    rows: matrix.rowCounts(),
    violations: violations.map(({ schedule, violations: broken, test }) => ({
      schedule,
      violations: broken.map(violationAsJson),
      test,
    })),
  };
}

function violationAsJson({ rule, seen }: Violation): Jsonable {
  return { rule, seen };
}
