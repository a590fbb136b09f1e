// The commit handle: pipeline, sink, generation and checkpoint id, as one small text.

import type { PreCommitRequest } from '../../../contracts/sink.js';
import { TidegateError } from '../../../errors.js';
import { checkpointId, type CheckpointId } from '../../../ids.js';
import type { SinkIdentity } from '../../sink-identity.js';

export function handleOf(
  { pipeline, sink }: SinkIdentity,
  { generation, checkpointId: id }: Pick<PreCommitRequest, 'generation' | 'checkpointId'>,
): string {
  return `${prefixOf(pipeline, sink)}${generation}/${id}`;
}

/** @throws TidegateError `TIDEGATE_SINK_HANDLE` for a handle that this sink did not give. */
export function idOfHandle({ pipeline, sink }: SinkIdentity, handle: string): CheckpointId {
  const prefix = prefixOf(pipeline, sink);
  const rest = handle.startsWith(prefix) ? handle.slice(prefix.length) : '';
  const id = Number(/^\d{1,9}\/(\d{1,16})$/.exec(rest)?.[1]);
  if (Number.isSafeInteger(id) && id >= 1) return checkpointId(id);
  throw new TidegateError(
    'TIDEGATE_SINK_HANDLE',
    `${JSON.stringify(handle)} is not a handle of sink ${JSON.stringify(sink)} ` +
      `of pipeline ${JSON.stringify(pipeline)}`,
  );
}

/** A name may hold any character, also a slash; half a surrogate pair has no place in a URI. */
function prefixOf(pipeline: string, sink: string): string {
  const parts = [pipeline, sink].map((name) => encodeURIComponent(name.toWellFormed()));
  return `${parts.join('/')}/`;
}
