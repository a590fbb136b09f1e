// All rules that a run must keep.

import {
  acknowledgedIsDurable,
  idsMonotonic,
  oneInDoubt,
  overtakenOwnerStops,
} from './history-rules.js';
import type { Checker, Observation, Violation } from './observation.js';
import {
  lastValues,
  nothingDuplicated,
  nothingLeftPrepared,
  nothingLost,
  orderKept,
  refusalJustified,
} from './sink-rules.js';

/** Every checker by its name. */
export const checkers: readonly Checker[] = [
  nothingLost,
  nothingDuplicated,
  orderKept,
  lastValues,
  nothingLeftPrepared,
  idsMonotonic,
  oneInDoubt,
  overtakenOwnerStops,
  acknowledgedIsDurable,
  refusalJustified,
];

/** Everything that is wrong with a run. */
export function check(observation: Observation): readonly Violation[] {
  return checkers.flatMap((checker) => checker(observation));
}

export type {
  Checker,
  Ending,
  HistoryEvent,
  Observation,
  ObservedSink,
  Violation,
} from './observation.js';
