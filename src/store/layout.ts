// Every durable name of a store, and why an overtaken owner can change nothing under them.
//
//   <directory>/
//     checkpoint_000042/            one checkpoint, as LaminarDB lays it out
//       manifest.json
//       state.bin                   only with a sidecar
//     corrupt_checkpoint_000041/    quarantined by recovery, never read again
//     latest.txt                    the newest checkpoint's name: a hint, never synced, never trusted
//     tidegate/
//       store.json                  store id and pipeline
//       generation_000003/          exists from the moment this generation is claimed
//         staging_<nonce>/          everything that this owner is still writing
//           owner.json              who the owner is; missing or garbled counts as dead
//       retired_000002_000003/      an older generation, renamed away by generation 3
//
// The argument is in durable-directory/fence.ts. What is special here:
//
// - The claim of a generation is the mkdir of its directory; older ones are renamed beside it (rule 4),
//   because nothing in their staging directories is kept.
// - A checkpoint comes in, a manifest is replaced, a checkpoint goes out to be deleted or quarantined,
//   the identity and the hint are written: each is one rename with one end in staging (rule 3).

import { join } from 'node:path';
import { checkpointId, highestGeneration, type CheckpointId } from '../ids.js';

/** Absolute paths of one store. */
export class StoreLayout {
  readonly ownFolder: string;
  readonly identity: string;
  readonly latestPointer: string;

  /** @param directory Absolute. */
  constructor(readonly directory: string) {
    this.ownFolder = join(directory, 'tidegate');
    this.identity = join(this.ownFolder, identityFile);
    this.latestPointer = join(directory, 'latest.txt');
  }

  checkpoint(id: number): string {
    return join(this.directory, checkpointName(id));
  }

  manifest(id: number): string {
    return join(this.checkpoint(id), manifestFile);
  }

  sidecar(id: number): string {
    return join(this.checkpoint(id), sidecarFile);
  }

  quarantined(id: number): string {
    return join(this.directory, quarantinedName(id));
  }

  generation(number: number): string {
    return join(this.ownFolder, `generation_${padded(number)}`);
  }

  /** Where `by` puts the directory of an older generation; the pair happens only once. */
  retired(number: number, by: number): string {
    return join(this.ownFolder, `retired_${padded(number)}_${padded(by)}`);
  }
}

export const manifestFile = 'manifest.json';
export const sidecarFile = 'state.bin';
const identityFile = 'store.json';
export const ownerFile = 'owner.json';

export function checkpointName(id: number): string {
  return `checkpoint_${padded(id)}`;
}

export function quarantinedName(id: number): string {
  return `corrupt_${checkpointName(id)}`;
}

export function stagingName(nonce: string): string {
  return `staging_${nonce}`;
}

export function isStagingName(name: string): boolean {
  return name.startsWith('staging_');
}

/** The id in a checkpoint's directory name; undefined for every other name. */
export function idOfCheckpointName(name: string): CheckpointId | undefined {
  const id = numberAfter('checkpoint_', name);
  // Spelled exactly as we spell it: two directories must never claim one id.
  return id === undefined || checkpointName(id) !== name ? undefined : checkpointId(id);
}

/** The id in the name of something set aside. */
export function idOfQuarantinedName(name: string): CheckpointId | undefined {
  const id = numberAfter('corrupt_checkpoint_', name);
  return id === undefined || quarantinedName(id) !== name ? undefined : checkpointId(id);
}

/** The number of a generation that is not retired. */
export function generationOfName(name: string): number | undefined {
  return generationNumber(numberAfter('generation_', name));
}

/** Both numbers in the name of a retired generation: its own and that of its successor. */
export function retiredOfName(name: string): { number: number; by: number } | undefined {
  const [, first, second] = /^retired_(\d{6,})_(\d{6,})$/.exec(name) ?? [];
  const number = generationNumber(Number(first));
  const by = generationNumber(Number(second));
  return number === undefined || by === undefined ? undefined : { number, by };
}

function generationNumber(value: number | undefined): number | undefined {
  return value !== undefined && value >= 1 && value <= highestGeneration ? value : undefined;
}

function numberAfter(prefix: string, name: string): number | undefined {
  if (!name.startsWith(prefix) || !/^\d{6,16}$/.test(name.slice(prefix.length))) return undefined;
  const value = Number(name.slice(prefix.length));
  return Number.isSafeInteger(value) && value >= 1 ? value : undefined;
}

function padded(value: number): string {
  return String(value).padStart(6, '0');
}
