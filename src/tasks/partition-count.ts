// How many partitions there were when a task began: with another number, keys are in other partitions.

import { TidegateError } from '../errors.js';
import type { CheckpointStore } from '../store/checkpoint-store.js';
import { taskOf, type Task } from './task.js';

/** Beside the position of each source in every checkpoint of a task. */
const recordedAs = 'tidegate:partitions';

export function partitionMetadata({ partitions }: Task): Readonly<Record<string, string>> {
  return { [recordedAs]: String(partitions) };
}

/**
 * Compares with the checkpoints of the task, or, where it has none, with those of the others: a
 * partition that was added has a task without checkpoints, whose keys have their state elsewhere.
 *
 * @throws TidegateError `TIDEGATE_TASKS_PARTITIONS`, naming both numbers.
 */
export async function checkPartitionCount(
  task: Task,
  own: CheckpointStore,
  storeOf: (task: Task) => CheckpointStore | Promise<CheckpointStore>,
  signal: AbortSignal,
): Promise<void> {
  const { partition, partitions } = task;
  let recorded = await recordedIn(own, signal);
  let by = task;
  for (let other = 0; recorded === undefined && other < partitions; other += 1) {
    if (other === partition) continue;
    by = taskOf(other, partitions);
    recorded = await recordedIn(await storeOf(by), signal);
  }
  if (recorded !== undefined && recorded !== String(partitions)) {
    throw otherCount(Number(recorded), partitions, `the checkpoints of task ${by.partition} have`);
  }
}

export function otherCount(was: number, is: number, who: string): TidegateError {
  return new TidegateError(
    'TIDEGATE_TASKS_PARTITIONS',
    `${who} ${was} partitions, and the inputs have ${is} now`,
    { details: { recorded: was, partitions: is } },
  );
}

/** By the newest checkpoint that says it; undefined for a store without one. */
async function recordedIn(store: CheckpointStore, signal: AbortSignal) {
  const reader = await store.openReadOnly({ signal });
  try {
    for (const { manifest } of await reader.list({ signal })) {
      for (const { metadata } of manifest?.sourceOffsets.values() ?? []) {
        const count = metadata.get(recordedAs);
        if (count !== undefined) return count;
      }
    }
    return undefined;
  } finally {
    await reader.close();
  }
}
