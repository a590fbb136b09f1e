// All rules that a run must keep, each in a file of its own.

import { acknowledgedIsDurable } from './acknowledged.js';
import { idsMonotonic } from './ids-monotonic.js';
import { lastValues } from './last-values.js';
import { nothingDuplicated } from './nothing-duplicated.js';
import { nothingLeftPrepared } from './nothing-left-prepared.js';
import { nothingLost } from './nothing-lost.js';
import type { Checker, Observation, Violation } from './observation.js';
import { oneInDoubt } from './one-in-doubt.js';
import { orderKept } from './order-kept.js';
import { overtakenOwnerStops } from './overtaken-owner.js';
import { refusalJustified } from './refusal-justified.js';

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
