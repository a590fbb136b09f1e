// The commit handle of a staged epoch: pipeline, sink, generation and checkpoint id, as one small text.

import type { SinkOwner } from '../../contracts/sink.js';
import { TidegateError } from '../../errors.js';
import { checkpointId, type CheckpointId } from '../../ids.js';

type Named = Pick<SinkOwner, 'pipeline' | 'sink'>;

export function handleOf(owner: Named & Pick<SinkOwner, 'generation'>, id: CheckpointId): string {
  return `${prefixOf(owner)}${owner.generation}/${id}`;
}

/** The id in a handle of this sink; undefined for any other. */
export function readHandle(identity: Named, handle: string): CheckpointId | undefined {
  const prefix = prefixOf(identity);
  const rest = handle.startsWith(prefix) ? handle.slice(prefix.length) : '';
  const id = Number(/^\d{1,9}\/(\d{1,16})$/.exec(rest)?.[1]);
  return Number.isSafeInteger(id) && id >= 1 ? checkpointId(id) : undefined;
}

/** @throws TidegateError `TIDEGATE_SINK_HANDLE` for a handle that this sink did not give. */
export function idOfHandle(identity: Named, handle: string): CheckpointId {
  const id = readHandle(identity, handle);
  if (id !== undefined) return id;
  throw new TidegateError(
    'TIDEGATE_SINK_HANDLE',
    `${JSON.stringify(handle.slice(0, 250))} is not a handle of sink ` +
      `${JSON.stringify(identity.sink)} of pipeline ${JSON.stringify(identity.pipeline)}`,
  );
}

/** A name may hold any character, also a slash; half a surrogate pair has no place in a URI. */
function prefixOf({ pipeline, sink }: Named): string {
  const parts = [pipeline, sink].map((name) => encodeURIComponent(name.toWellFormed()));
  return `${parts.join('/')}/`;
}
