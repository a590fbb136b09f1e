// Every durable name of a file sink, and why an overtaken owner can change nothing under them.
//
//   <directory>/
//     part-0000000050331649.jsonl     published output of one checkpoint, for readers
//     _tidegate/
//       sink.json                     store id, pipeline and sink that the directory belongs to
//       generation_000003/            exists from the moment this generation has opened the sink
//         staging_<nonce>/            everything that is not committed yet
//           open_000001               output of the open epoch
//           part-0000000050331650.jsonl      output of a prepared epoch
//           prepared_0000000050331650.json   its commit record
//           inherited_000002/         the directory of an older generation, for as long as it is sorted
//       committed/
//         checkpoint_0000000050331649.json   a commit record that was committed: the marker
//       ledger.json                   the markers of long ago, as ranges of ids
//
// The argument is in durable-directory/fence.ts. What is special here:
//
// 1. An epoch is prepared when its output, its commit record and then, once, the names of both are
//    synced. A record without its output is a pre-commit that a power loss cut short: not prepared.
// 2. THE COMMIT POINT is one rename: the commit record leaves the staging directory and becomes the
//    marker. It is durable before the output is published. Publishing is a second rename, repeated by
//    `commit` and by `open` for as long as the output of a marker lies in a staging directory.
//    Markers do not depend on published files: a reader may move those away.
// 3. The directories of older generations are renamed into the owner's staging directory. The highest
//    generation's directory is the generation that the sink remembers.

import { join } from 'node:path';
import { checkpointId, highestGeneration, type CheckpointId } from '../../../ids.js';
import { numberIn, padded } from '../../staging/numbered-names.js';
import type { StagingPorts } from '../../staging/opening.js';

export type FileSinkPorts = StagingPorts<FileSinkLayout>;

/** Absolute paths of one sink's directory. */
export class FileSinkLayout {
  readonly ownFolder: string;
  readonly identity: string;
  readonly committed: string;
  readonly ledger: string;

  /** @param directory Absolute. */
  constructor(readonly directory: string) {
    this.ownFolder = join(directory, '_tidegate');
    this.identity = join(this.ownFolder, 'sink.json');
    this.committed = join(this.ownFolder, 'committed');
    this.ledger = join(this.ownFolder, 'ledger.json');
  }

  generation(number: number): string {
    return join(this.ownFolder, `generation_${padded(number, 6)}`);
  }

  published(partName: string): string {
    return join(this.directory, partName);
  }

  marker(id: number): string {
    return join(this.committed, `checkpoint_${padded(id, idDigits)}.json`);
  }

  idOfMarker(name: string): CheckpointId | undefined {
    return idIn(/^checkpoint_(\d{16})\.json$/, name);
  }
}

export function stagingName(nonce: string): string {
  return `staging_${nonce}`;
}

export function inheritedName(generation: number): string {
  return `inherited_${padded(generation, 6)}`;
}

/** Output of an epoch that has no checkpoint id yet; `count` tells those of one session apart. */
export function openName(count: number): string {
  return `open_${padded(count, 6)}`;
}

/** Sorts by name as the checkpoints were committed, because ids only grow. */
export function partName(id: number, extension: string): string {
  return `part-${padded(id, idDigits)}.${extension}`;
}

export function preparedName(id: number): string {
  return `prepared_${padded(id, idDigits)}.json`;
}

export function isExtension(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/.test(text);
}

export function generationOfName(name: string): number | undefined {
  const value = numberIn(/^generation_(\d{6,9})$/, name);
  return value !== undefined && value <= highestGeneration ? value : undefined;
}

export function idOfPartName(name: string): CheckpointId | undefined {
  return idIn(/^part-(\d{16})\./, name);
}

export function idOfPreparedName(name: string): CheckpointId | undefined {
  return idIn(/^prepared_(\d{16})\.json$/, name);
}

/** As many as 2^53-1 has, so that names sort as numbers. */
const idDigits = 16;

function idIn(pattern: RegExp, name: string): CheckpointId | undefined {
  const value = numberIn(pattern, name);
  return value === undefined ? undefined : checkpointId(value);
}
