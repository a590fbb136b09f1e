// The numbers and names that identify things, branded so that one is never passed for another.

import { assert } from './assert.js';

declare const brand: unique symbol;

/**
 * Number of one try to take a checkpoint: allocated when the attempt starts and never reused, also
 * not after a crash. It is the only key: handles, markers, barriers and acknowledgements are
 * matched by it. 1 to 2^53-1.
 */
export type CheckpointId = number & { readonly [brand]: 'CheckpointId' };

/**
 * Number of a cut: the records between barrier N-1 and barrier N. An abandoned or rolled-back epoch
 * keeps its number for the next attempt, so it orders and explains but is never a key. 1 to 2^53-1.
 */
export type Epoch = number & { readonly [brand]: 'Epoch' };

/** Number of an owner: each opening of a store and each recovery in process takes the next. */
export type Generation = number & { readonly [brand]: 'Generation' };

/** A uuid made once, when a store is created; sinks remember it beside their markers. */
export type StoreId = string & { readonly [brand]: 'StoreId' };

/** A uuid (version 7) of one attempt: it tells two tries apart in logs and events. */
export type AttemptId = string & { readonly [brand]: 'AttemptId' };

/** How many checkpoint ids one generation can allocate: 2^24. */
export const checkpointIdsPerGeneration = 2 ** 24;

/** The highest generation whose ids all stay at or below 2^53-1. */
export const highestGeneration = 2 ** 29 - 1;

export function checkpointId(value: number): CheckpointId {
  assertCounter('checkpoint id', value);
  return value as CheckpointId;
}

export function epoch(value: number): Epoch {
  assertCounter('epoch', value);
  return value as Epoch;
}

export function generation(value: number): Generation {
  assertCounter('generation', value);
  assert(value <= highestGeneration, `generation ${value} is above ${highestGeneration}`);
  return value as Generation;
}

export function storeId(value: string): StoreId {
  assert(value.length > 0, 'a store id is empty');
  return value as StoreId;
}

export function attemptId(value: string): AttemptId {
  assert(value.length > 0, 'an attempt id is empty');
  return value as AttemptId;
}

/**
 * The checkpoint id of the `sequence`-th attempt of an owner: `generation × 2^24 + sequence`. The
 * generation is durable before its first id is used, so that no id needs a sync of its own.
 *
 * @param sequence 0 to 2^24-1.
 */
export function checkpointIdOf(owner: Generation, sequence: number): CheckpointId {
  assert(
    Number.isSafeInteger(sequence) && sequence >= 0 && sequence < checkpointIdsPerGeneration,
    `sequence ${sequence} is outside 0 to ${checkpointIdsPerGeneration - 1}`,
  );
  return checkpointId(owner * checkpointIdsPerGeneration + sequence);
}

/** The generation that allocated an id; 0 for the small ids of a foreign store. */
export function generationOfCheckpointId(id: number): number {
  return Math.floor(id / checkpointIdsPerGeneration);
}

function assertCounter(name: string, value: number): void {
  assert(Number.isSafeInteger(value) && value >= 1, `${name} ${value} is not 1 to 2^53-1`);
}
