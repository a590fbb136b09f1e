// Crashes a pipeline at every point, restarts it, and checks what its sinks hold in the end.

import {
  callback,
  completeOptions,
  contract,
  custom,
  required,
  texts,
  whole,
  type Completed,
  type OptionTable,
} from '../options.js';
import type { Violation } from './checkers/observation.js';
import { explore, firstFaults, referenceRun, type Subject } from './simulation/explore.js';
import {
  faultKinds,
  formatSchedule,
  parseSchedule,
  type FaultKind,
  type Schedule,
} from './simulation/faults.js';
import { Matrix } from './simulation/matrix.js';
import { runSchedule, type RunResult } from './simulation/run-schedule.js';
import { asTest, shrink } from './simulation/shrink.js';
import type { Build, Input } from './simulation/world.js';

/** Options of `crashEverywhere`. */
export interface CrashOptions {
  /** Records of each source by name, or of every source. */
  readonly input: Input;
  /** Faults in one run: 1, or 2 so that recovery is crashed too. Default 1. */
  readonly crashes?: 1 | 2;
  /**
   * About how many schedules to run. Where there are more single faults than that, a part of them is
   * drawn by the seed, evenly over the run; the report says how many. Of two crashes, a third of the
   * schedules have one fault, and some with a second one follow each of them. Default 2 000.
   */
  readonly maxSchedules?: number;
  /** Default 1. */
  readonly seed?: number;
  /** Default all. */
  readonly faults?: readonly FaultKind[];
  /** Simulated milliseconds before each record, so that intervals come due. Default 100. */
  readonly recordIntervalMs?: number;
  /** Empties the storage of sinks of your own before each run. */
  readonly beforeEach?: () => void | Promise<void>;
  /** How many violations to look for before giving up. Default 1. */
  readonly maxViolations?: number;
  /** Called after each schedule; `planned` is about how many there will be. */
  readonly onProgress?: (progress: CrashProgress) => void;
  /** Ends the enumeration between two schedules, with the signal's reason. */
  readonly signal?: AbortSignal;
}

const sharedTable = {
  input: required(custom()),
  seed: whole({}, 1),
  recordIntervalMs: whole({ min: 0, unit: 'milliseconds' }, 100),
  beforeEach: callback(),
  maxViolations: whole({ min: 1 }, 1),
  onProgress: callback(),
  signal: contract(['throwIfAborted']),
};

const crashTable = {
  ...sharedTable,
  crashes: whole({ min: 1, max: 2 }, 1),
  maxSchedules: whole({ min: 1 }, 2_000),
  faults: custom(faultsProblem),
} satisfies OptionTable<CrashOptions>;

const replayTable = {
  ...sharedTable,
  schedule: required(texts()),
} satisfies OptionTable<ReplayOptions>;

/** How far `crashEverywhere` is. */
export interface CrashProgress {
  readonly schedules: number;
  readonly planned: number;
}

/** A schedule that broke a rule, made as short as it gets. */
export interface FoundViolation {
  readonly schedule: readonly string[];
  readonly violations: readonly Violation[];
  /** A test that shows it, to be pasted into a suite. */
  readonly test: string;
}

/** What `crashEverywhere` has found. */
export interface CrashReport {
  /** How many different schedules were run. */
  readonly schedules: number;
  /** Points that a run without faults passes. */
  readonly points: number;
  /** Single faults that there are at these points, and how many of them were run. */
  readonly singleFaults: { readonly all: number; readonly run: number };
  /** Wrapped sinks without `visible`: what they held in the end was not looked at. */
  readonly unseen: readonly string[];
  readonly violations: readonly FoundViolation[];
  /** How often each kind of fault struck at each action, and which rows of recovery decided then. */
  readonly matrix: Matrix;
}

/** Options of `replaySchedule`. */
export interface ReplayOptions extends Omit<CrashOptions, 'crashes' | 'maxSchedules' | 'faults'> {
  /** Lines such as `kill-after sink a: commit#2`. */
  readonly schedule: readonly string[];
}

/**
 * Runs the pipeline once without faults, to learn its points and its output, and then once for each
 * schedule of faults, restarting it after every crash. `build` is called for each process and makes
 * everything anew on the world it is given.
 *
 * @throws Error when the pipeline does not come to its end even without faults.
 */
export async function crashEverywhere(build: Build, options: CrashOptions): Promise<CrashReport> {
  const completed = completeOptions('crashEverywhere', options, crashTable);
  const subject = subjectOf(build, completed);
  const { beforeEach, faults: kinds, maxViolations } = completed;
  const reference = await referenceRun(subject, beforeEach);
  const all = firstFaults(reference, kinds).length;
  const { planned, ...plan } = planOf(all, completed);
  const matrix = new Matrix();
  const found: FoundViolation[] = [];
  let schedules = 0;
  let singles = 0;
  const settings = {
    ...plan,
    offset: 0,
    isDrawn: true,
    ...(kinds === undefined ? {} : { kinds }),
    ...(beforeEach === undefined ? {} : { beforeEach }),
  };
  for await (const { schedule, result } of explore(subject, reference, settings)) {
    options.signal?.throwIfAborted();
    schedules += 1;
    if (schedule.length === 1) singles += 1;
    options.onProgress?.({ schedules, planned });
    matrix.add(result);
    if (result.violations.length === 0) continue;
    found.push(await describeViolation(subject, reference, schedule, result, options));
    if (found.length >= maxViolations) break;
  }
  return {
    schedules,
    points: reference.points.length,
    singleFaults: { all, run: singles },
    unseen: reference.unseen,
    violations: found,
    matrix,
  };
}

/**
 * Runs one schedule again, as a test does that a violation has printed.
 *
 * @throws Error when a fault of the schedule is no longer reached.
 */
export async function replaySchedule(build: Build, options: ReplayOptions): Promise<RunResult> {
  const subject = subjectOf(build, completeOptions('replaySchedule', options, replayTable));
  const reference = await referenceRun(subject, options.beforeEach);
  await options.beforeEach?.();
  const schedule = parseSchedule(options.schedule);
  const result = await runSchedule({ ...subject, schedule, expected: reference.visible });
  if (result.firedCount < schedule.length) {
    const reached = `${result.firedCount} of ${schedule.length}`;
    throw new Error(`only ${reached} faults of the schedule were reached: the run has changed`);
  }
  return result;
}

type Checked = Completed<CrashOptions, typeof crashTable>;

function subjectOf(
  build: Build,
  { input, seed, recordIntervalMs }: Pick<Checked, 'input' | 'seed' | 'recordIntervalMs'>,
): Subject {
  return { build, input, seed, recordIntervalMs };
}

function faultsProblem(kinds: unknown): string | undefined {
  const known = Object.keys(faultKinds);
  const areKnown = Array.isArray(kinds) && kinds.every((kind) => known.includes(kind as string));
  return areKnown ? undefined : `is no list of these: ${known.join(', ')}`;
}

/** Every first fault when there is room for it, else an even choice of them. */
function planOf(
  firstCount: number,
  { crashes, maxSchedules }: Checked,
): {
  readonly depth: 1 | 2;
  readonly stride: number;
  readonly secondsPerFirst: number;
  readonly planned: number;
} {
  // A third of the runs at most go to single faults when pairs were asked for.
  const forFirsts = crashes === 1 ? maxSchedules : Math.ceil(maxSchedules / 3);
  const stride = Math.max(1, Math.ceil(firstCount / forFirsts));
  const runFirsts = Math.ceil(firstCount / stride);
  const secondsPerFirst = Math.max(1, Math.floor((maxSchedules - runFirsts) / runFirsts));
  const planned = runFirsts * (crashes === 1 ? 1 : 1 + secondsPerFirst);
  return { depth: crashes, stride, secondsPerFirst, planned };
}

async function describeViolation(
  subject: Subject,
  reference: RunResult,
  schedule: Schedule,
  { violations }: RunResult,
  { beforeEach, seed = 1, recordIntervalMs }: CrashOptions,
): Promise<FoundViolation> {
  const shortest = await shrink(schedule, violations, async (candidate) => {
    await beforeEach?.();
    const again = { ...subject, schedule: candidate, expected: reference.visible };
    return (await runSchedule(again)).violations;
  });
  return {
    schedule: formatSchedule(shortest.schedule),
    violations: shortest.violations,
    test: asTest(shortest, {
      build: 'build',
      options: [
        'input',
        `seed: ${seed}`,
        ...(recordIntervalMs === undefined ? [] : [`recordIntervalMs: ${recordIntervalMs}`]),
        ...(beforeEach === undefined ? [] : ['beforeEach']),
      ].join(', '),
    }),
  };
}
