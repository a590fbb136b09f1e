// The handle of an epoch: pipeline, sink, generation and checkpoint id, as in every durable name.

import { TidegateError } from '../../errors.js';
import { checkpointId, type CheckpointId } from '../../ids.js';
import type { SinkOwner } from '../../contracts/sink.js';

export function handleOf({ pipeline, sink, generation }: SinkOwner, id: CheckpointId): string {
  return `${pipeline}/${sink}/${generation}/${id}`;
}

/** @throws TidegateError `TIDEGATE_SINK_HANDLE` for a handle that another sink gave. */
export function checkpointIdIn(
  { pipeline, sink }: Pick<SinkOwner, 'pipeline' | 'sink'>,
  handle: string,
): CheckpointId {
  const start = `${pipeline}/${sink}/`;
  const [, id] = /^\d+\/(\d+)$/.exec(handle.slice(start.length)) ?? [];
  const number = Number(id);
  if (handle.startsWith(start) && Number.isSafeInteger(number) && number > 0) {
    return checkpointId(number);
  }
  throw new TidegateError(
    'TIDEGATE_SINK_HANDLE',
    `${JSON.stringify(handle)} is no handle of sink ${sink} of pipeline ${pipeline}`,
  );
}
