// Every durable name of a write-ahead sink, and why an overtaken owner can change nothing under them.
//
//   <directory>/
//     owners/000000002/          made by the opening of generation 2, before anything is looked at
//     staging/000000002-<nonce>/ the owner's own, and all that is not committed
//       open                     the open epoch
//       000000002-0000000033554433.staged   an epoch that was pre-committed
//       marker-0000000033554433  a marker in the making
//       000000001-<nonce>/       the directory of an older generation, while it is emptied
//     applied/0000000033554433   commit point of an epoch, where the wrapped sink has no marker of its own
//     ledger.json                the markers of long ago, as ranges of ids
//     identity.json              store id, pipeline and sink
//
// The argument is in durable-directory/fence.ts. What is special here:
//
// - Claims (`owners/`) and staging directories are apart. A staging directory's nonce belongs to one
//   opening, so entries of older owners can be removed: an opening that claims such a number again
//   makes a directory of its own, finds a higher number, and gives up before it moves anything.
// - The entry of the highest generation is the generation that the sink remembers.
// - Whether an owner is still the newest is seen by its own staging directory, so a commit lists nothing.

import { join } from 'node:path';
import type { CheckpointId, Generation } from '../../ids.js';
import { numberIn, padded } from '../staging/numbered-names.js';

export class WriteAheadLayout {
  readonly identity: string;
  readonly owners: string;
  readonly staging: string;
  readonly committed: string;
  readonly ledger: string;

  /** @param directory Absolute. */
  constructor(readonly directory: string) {
    this.identity = join(directory, 'identity.json');
    this.owners = join(directory, 'owners');
    this.staging = join(directory, 'staging');
    this.committed = join(directory, 'applied');
    this.ledger = join(directory, 'ledger.json');
  }

  ownerOf(generation: number): string {
    return join(this.owners, padded(generation, 9));
  }

  stagingOf(generation: number, nonce: string): string {
    return join(this.staging, `${padded(generation, 9)}-${nonce}`);
  }

  marker(id: number): string {
    return join(this.committed, padded(id, 16));
  }

  idOfMarker(name: string): CheckpointId | undefined {
    return numberIn(/^(\d{16})$/, name) as CheckpointId | undefined;
  }
}

export const openName = 'open';

export function markerDraftName(id: CheckpointId): string {
  return `marker-${padded(id, 16)}`;
}

export function stagedName(generation: Generation, id: CheckpointId): string {
  return `${padded(generation, 9)}-${padded(id, 16)}.staged`;
}

export function readStagedName(
  name: string,
): { readonly generation: Generation; readonly id: CheckpointId } | undefined {
  const [, generation, id] = /^(\d{9})-(\d{16})\.staged$/.exec(name) ?? [];
  if (generation === undefined || id === undefined) return undefined;
  return { generation: Number(generation) as Generation, id: Number(id) as CheckpointId };
}

export function generationOfOwner(name: string): Generation | undefined {
  return numberIn(/^(\d{9})$/, name) as Generation | undefined;
}

/** Those that an older version made have no nonce. */
export function generationOfStaging(name: string): Generation | undefined {
  return numberIn(/^(\d{9})(?:-[0-9a-f]{16})?$/, name) as Generation | undefined;
}
