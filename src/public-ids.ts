// Ids as callers make them: what is none is a mistake of the caller's, where inside it is one of ours.

import { TidegateError } from './errors.js';
import { kindOf } from './given.js';
import {
  checkpointId,
  epoch,
  generation,
  highestGeneration,
  storeId,
  type CheckpointId,
  type Epoch,
  type Generation,
  type StoreId,
} from './ids.js';

/**
 * @param value 1 to 2^53-1, as `tidegate list` shows it.
 * @throws TidegateError `TIDEGATE_OPTIONS` for anything else.
 */
export function toCheckpointId(value: number): CheckpointId {
  requireCounter('checkpoint id', value, Number.MAX_SAFE_INTEGER);
  return checkpointId(value);
}

/**
 * @param value 1 to 2^53-1.
 * @throws TidegateError `TIDEGATE_OPTIONS` for anything else.
 */
export function toEpoch(value: number): Epoch {
  requireCounter('epoch', value, Number.MAX_SAFE_INTEGER);
  return epoch(value);
}

/**
 * @param value 1 to 2^29-1.
 * @throws TidegateError `TIDEGATE_OPTIONS` for anything else.
 */
export function toGeneration(value: number): Generation {
  requireCounter('generation', value, highestGeneration);
  return generation(value);
}

/** @throws TidegateError `TIDEGATE_OPTIONS` for an empty text. */
export function toStoreId(value: string): StoreId {
  if (typeof value === 'string' && value !== '') return storeId(value);
  throw new TidegateError('TIDEGATE_OPTIONS', `a store id is ${kindOf(value)}, not a text`);
}

function requireCounter(name: string, value: unknown, most: number): void {
  if (Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= most) return;
  const given = typeof value === 'number' ? String(value) : kindOf(value);
  throw new TidegateError(
    'TIDEGATE_OPTIONS',
    `${name} is ${given}, not a whole number from 1 to ${most}`,
  );
}
