// What can go wrong at one point of a run, and how a schedule of faults is written down.

import { TidegateError } from '../../errors.js';

/**
 * What an action leaves behind: `durable` something that outlives the process; `answer` nothing,
 * it only asks; `memory` something that dies with the process; `message` something that one part of
 * the process tells another.
 */
export type ActionEffect = 'durable' | 'answer' | 'memory' | 'message';

/** Where the number of a fault (`+n`) comes from and what it means. */
type FaultNumber =
  'none' | 'points-later' | 'points-earlier' | 'commits-earlier' | 'disk-outcome' | 'milliseconds';

interface FaultKindEntry {
  /** Actions at which the fault makes sense. */
  readonly at: readonly ActionEffect[];
  /** Whether the process is gone afterwards. */
  readonly endsLife: boolean;
  /** Whether something is lost that no protocol can bring back, so that a refusal is right. */
  readonly isDisaster: boolean;
  readonly number: FaultNumber;
}

/**
 * What can be made to happen at an action. An action is one call to a disk, a sink or a source:
 * `kill-before`, `kill-after` the process dies around it; `power-before`, `power-after` the power
 * fails too, so that writes which were not synced are lost, kept or torn; `fail-before` it fails
 * without effect; `fail-after` it takes effect and fails; `answer-lost` it takes effect and never
 * answers; `late` it never answers and takes effect later, unless it was fenced by then;
 * `kill-late` the same in a process that is dead by then; `zombie` the process stands still in front
 * of the action, another one is started, and later it goes on; `lose-prepared` the system behind a sink
 * has aborted what was prepared, where the class of the sink allows it; `expire` a crash after which nothing
 * prepared is left; `store-lost` a crash after which the store directory is gone;
 * `store-restored` a crash after which the directory is a copy made earlier; `bit-rot` a crash after
 * which the newest manifest is damaged; `sink-set-back` a crash after which the sink is as it was some
 * commits earlier, as a backup has it; `outage` the participant fails every call for a while.
 */
export type FaultKind =
  | 'kill-before'
  | 'kill-after'
  | 'power-before'
  | 'power-after'
  | 'fail-before'
  | 'fail-after'
  | 'answer-lost'
  | 'late'
  | 'kill-late'
  | 'zombie'
  | 'lose-prepared'
  | 'expire'
  | 'store-lost'
  | 'store-restored'
  | 'bit-rot'
  | 'sink-set-back'
  | 'outage';

export const faultKinds: Readonly<Record<FaultKind, FaultKindEntry>> = {
  'kill-before': kind(['durable', 'answer', 'memory', 'message'], { endsLife: true }),
  'kill-after': kind(['durable'], { endsLife: true }),
  'power-before': kind(['durable', 'memory'], { endsLife: true, number: 'disk-outcome' }),
  'power-after': kind(['durable'], { endsLife: true, number: 'disk-outcome' }),
  'fail-before': kind(['durable', 'answer'], {}),
  'fail-after': kind(['durable'], {}),
  'answer-lost': kind(['durable', 'answer'], {}),
  late: kind(['durable', 'message'], { number: 'points-later' }),
  'kill-late': kind(['durable'], { endsLife: true, number: 'points-later' }),
  zombie: kind(['durable', 'answer', 'memory'], { number: 'points-later' }),
  'lose-prepared': kind(['durable'], {}),
  expire: kind(['durable'], { endsLife: true, isDisaster: true }),
  'store-lost': kind(['durable'], { endsLife: true, isDisaster: true }),
  'store-restored': kind(['durable'], {
    endsLife: true,
    isDisaster: true,
    number: 'points-earlier',
  }),
  'bit-rot': kind(['durable'], { endsLife: true, isDisaster: true }),
  'sink-set-back': kind(['durable'], {
    endsLife: true,
    isDisaster: true,
    number: 'commits-earlier',
  }),
  outage: kind(['durable', 'answer'], { number: 'milliseconds', isDisaster: true }),
};

/** The `occurrence`-th time (from 1) that an action of this name is begun, over all lives. */
export interface PointName {
  /** Such as `sink a: commit`. */
  readonly action: string;
  readonly occurrence: number;
}

/** Something that goes wrong at one point of a run. */
export interface Fault {
  readonly kind: FaultKind;
  readonly at: PointName;
  /** Points later or earlier, commits earlier, milliseconds, or the number of a disk outcome: see the kind. */
  readonly number?: number;
}

/** The faults of one run in the order in which they happen; the rest of the run is determined. */
export type Schedule = readonly Fault[];

/** Whether the fault may be put at an action with this effect. */
export function faultApplies(fault: FaultKind, effect: ActionEffect): boolean {
  return faultKinds[fault].at.includes(effect);
}

/** A schedule as one line each, such as `late sink a: commit#2 +3`: what `parseSchedule` reads. */
export function formatSchedule(schedule: Schedule): readonly string[] {
  return schedule.map(formatFault);
}

function formatFault(fault: Fault): string {
  const suffix = fault.number === undefined ? '' : ` +${fault.number}`;
  return `${fault.kind} ${fault.at.action}#${fault.at.occurrence}${suffix}`;
}

export function parseSchedule(lines: readonly string[]): Schedule {
  return lines.map(parseFault);
}

function parseFault(line: string): Fault {
  const match = /^(?<kind>[a-z-]+) (?<action>.+)#(?<occurrence>\d+)(?: \+(?<number>\d+))?$/.exec(
    line.trim(),
  );
  const { kind: name, action, occurrence, number } = match?.groups ?? {};
  if (
    name === undefined ||
    !isFaultKind(name) ||
    action === undefined ||
    occurrence === undefined
  ) {
    throw new TidegateError(
      'TIDEGATE_OPTIONS',
      `"${line}" is no fault of a schedule: expected such as "kill-after sink a: commit#2"`,
    );
  }
  const at = { action, occurrence: Number(occurrence) };
  return number === undefined ? { kind: name, at } : { kind: name, at, number: Number(number) };
}

function isFaultKind(name: string): name is FaultKind {
  return Object.hasOwn(faultKinds, name);
}

function kind(at: readonly ActionEffect[], rest: Partial<FaultKindEntry>): FaultKindEntry {
  return { at, endsLife: false, isDisaster: false, number: 'none', ...rest };
}
