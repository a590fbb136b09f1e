// Mistakes in the use of a loop's safe points, each with what to do instead.

import { TidegateError } from '../../errors.js';

/** Why a stop commits nothing of the batch in hand. */
export function leftHalfway(): TidegateError {
  return new TidegateError(
    'TIDEGATE_LIFECYCLE',
    'the loop over batches() was left in the middle of a batch, by break, return or an exception, and ' +
      'half of a batch is never committed: to end behind a batch call its end(), or stop(), and let the ' +
      'loop come to its end',
  );
}

/** A cut there would commit half of a batch. */
export function insideBatches(): TidegateError {
  return new TidegateError(
    'TIDEGATE_LIFECYCLE',
    'safePoint() does not fit into a loop over batches(), which comes to a safe point by itself between ' +
      'two batches: in the middle of one it would commit half of it',
  );
}

/** A timer beside the loop would cut in the middle of a record. */
export function enteredTwice(): TidegateError {
  return new TidegateError(
    'TIDEGATE_LIFECYCLE',
    'a second safePoint() was called while the first waits: only the loop itself calls it, between two ' +
      'records, and no timer beside it; batches() needs neither lock nor timer',
  );
}

/** Told apart from a wait for the next safe point, which would end at its bound only. */
export function waitsForItself(call: string): TidegateError {
  return new TidegateError(
    'TIDEGATE_LIFECYCLE',
    `${call} is awaited by the loop itself, between two of its safe points, and the cut is taken at the ` +
      'next one: call it without await, and look at the event checkpoint-completed; it is taken all the same',
  );
}
