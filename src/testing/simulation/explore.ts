// Walks the schedules of one pipeline: every single fault, and pairs of faults drawn by a seed.

import type { Random } from '../../runtime/random.js';
import { seededRandom } from '../../runtime/random.js';
import type { Point } from './director.js';
import { faultCountAt, faultsAt } from './fault-variants.js';
import type { Fault, FaultKind, Schedule } from './faults.js';
import { runSchedule, type RunOptions, type RunResult } from './run-schedule.js';

export type Subject = Omit<RunOptions, 'schedule' | 'expected'>;

export interface ExploreOptions {
  /** How many faults a schedule has at most: 1 or 2. */
  readonly depth: 1 | 2;
  /** How many second faults are tried after each first one. */
  readonly secondsPerFirst: number;
  /** Only every `stride`-th first fault, from `offset` on: to share the work, or to do less. */
  readonly stride: number;
  readonly offset: number;
  /** One of each `stride` by chance, instead of the first: no kind of fault is always passed over. */
  readonly isDrawn?: boolean;
  /** Default all. */
  readonly kinds?: readonly FaultKind[];
  readonly beforeEach?: () => void | Promise<void>;
}

export interface Explored {
  readonly schedule: Schedule;
  readonly result: RunResult;
}

/** The run without faults: what every other run is compared with. */
export async function referenceRun(
  subject: Subject,
  beforeEach?: () => void | Promise<void>,
): Promise<RunResult> {
  await beforeEach?.();
  const result = await runSchedule({ ...subject, schedule: [] });
  if (result.ending !== 'completed' || result.violations.length > 0) {
    const seen = result.violations.map(({ rule, seen: what }) => `${rule}: ${what}`).join('; ');
    throw new Error(`the pipeline does not work without any fault: ${seen}`, {
      cause: result.lastError,
    });
  }
  return result;
}

/** All first faults of a pipeline, in the order of its points. */
export function firstFaults(reference: RunResult, kinds?: readonly FaultKind[]): readonly Fault[] {
  return reference.points.flatMap((point) => faultsAt(point, kinds));
}

/** Runs schedule after schedule; no two are the same. */
export async function* explore(
  subject: Subject,
  reference: RunResult,
  options: ExploreOptions,
): AsyncGenerator<Explored> {
  const run = async (schedule: Schedule): Promise<Explored> => {
    await options.beforeEach?.();
    const result = await runSchedule({ ...subject, schedule, expected: reference.visible });
    return { schedule, result };
  };
  const firsts = firstFaults(reference, options.kinds);
  const place = seededRandom(subject.seed * 1_000_007);
  for (let index = options.offset; index < firsts.length; index += options.stride) {
    const room = Math.min(options.stride, firsts.length - index);
    const drawn = options.isDrawn === true ? Math.floor(place.next() * room) : 0;
    const first = firsts[index + drawn];
    if (first === undefined) break;
    const explored = await run([first]);
    yield explored;
    if (options.depth < 2) continue;
    const random = seededRandom(subject.seed * 1_000_003 + index);
    const seconds = draw(later(explored.result.points), options, random);
    for (const second of seconds) yield await run([first, second]);
  }
}

/** The points after the first fault of a run. */
function later(points: readonly Point[]): readonly Point[] {
  const struck = points.findIndex((point) => point.fault !== undefined);
  return struck < 0 ? [] : points.slice(struck + 1);
}

/**
 * A draw without putting back: the first places of a shuffled deck of all faults at these points. A
 * deck has thousands of faults and few are drawn, so only the places that were swapped are kept.
 */
function draw(
  points: readonly Point[],
  { secondsPerFirst, kinds }: ExploreOptions,
  random: Random,
): readonly Fault[] {
  const deckSize = points.reduce((sum, point) => sum + faultCountAt(point, kinds), 0);
  const swapped = new Map<number, number>();
  const drawn: Fault[] = [];
  const count = Math.min(secondsPerFirst, deckSize);
  for (let index = 0; index < count; index += 1) {
    const other = index + Math.floor(random.next() * (deckSize - index));
    const place = swapped.get(other) ?? other;
    swapped.set(other, swapped.get(index) ?? index);
    const fault = faultAtPlace(points, place, kinds);
    if (fault !== undefined) drawn.push(fault);
  }
  return drawn;
}

function faultAtPlace(
  points: readonly Point[],
  place: number,
  kinds: readonly FaultKind[] | undefined,
): Fault | undefined {
  let left = place;
  for (const point of points) {
    const count = faultCountAt(point, kinds);
    if (left < count) return faultsAt(point, kinds)[left];
    left -= count;
  }
  return undefined;
}
