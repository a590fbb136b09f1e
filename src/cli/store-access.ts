// Reading the store that `--store` names, and finding the checkpoint that a person means.

import { join } from 'node:path';
import { nodeFileSystem } from '../runtime/file-system-node.js';
import { errnoOf } from '../runtime/file-system.js';
import type { CheckpointListing, StoreReader } from '../store/checkpoint-store.js';
import { idOfCheckpointName } from '../store/layout.js';
import type { Context, StoreOptions } from './context.js';
import { CommandError, UsageError } from './problems.js';
import { isAddress, shownPlace, storeAt } from './store-place.js';

export interface OpenedReader {
  /** As the person named it, without user and password. */
  readonly directory: string;
  readonly reader: StoreReader;
}

/** How a checkpoint is named on the command line. */
export type CheckpointChoice = { readonly kind: 'latest' } | { readonly kind: 'id'; id: number };

/** Takes nothing, writes nothing, and works beside an owner that is alive. */
export async function openReader(
  { store: directory }: StoreOptions,
  { signal }: Context,
): Promise<OpenedReader> {
  const store = await storeAt(directory);
  return { directory: shownPlace(directory), reader: await store.openReadOnly({ signal }) };
}

/** All checkpoints, newest first; a note when there are none. */
export async function listAll(
  { directory, reader }: OpenedReader,
  { signal, terminal }: Context,
): Promise<readonly CheckpointListing[]> {
  const listings = await reader.list({ signal });
  if (listings.length === 0) terminal.note(await whyEmpty(directory));
  return listings;
}

/** @throws UsageError unless the text is a checkpoint id, a directory's name or `latest`. */
export function parseChoice(text: string): CheckpointChoice {
  if (text === 'latest') return { kind: 'latest' };
  const id = idOfCheckpointName(text) ?? (/^\d{1,16}$/.test(text) ? Number(text) : 0);
  if (Number.isSafeInteger(id) && id >= 1) return { kind: 'id', id };
  throw new UsageError(`"${text}" is not a checkpoint: give its id, or "latest"`);
}

/** @throws CommandError when there is no such checkpoint. */
export function choose(
  listings: readonly CheckpointListing[],
  choice: CheckpointChoice,
): CheckpointListing {
  if (choice.kind === 'latest') {
    const complete = listings.find(({ state }) => state === 'complete');
    if (complete !== undefined) return complete;
    throw new CommandError(
      'there is no complete checkpoint',
      '"tidegate list" shows what there is.',
    );
  }
  const found = listings.find(({ id }) => id === choice.id);
  if (found !== undefined) return found;
  throw new CommandError(
    `there is no checkpoint ${choice.id}`,
    '"tidegate list" shows which there are.',
  );
}

async function whyEmpty(directory: string): Promise<string> {
  if (isAddress(directory)) return `no checkpoints in ${directory}`;
  const below = join(directory, 'checkpoints');
  try {
    const facts = await nodeFileSystem.stat(below);
    if (facts.kind === 'directory') {
      return `no checkpoints in ${directory}, but there is ${below}: did you mean --store ${below}?`;
    }
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
  return `no checkpoints in ${directory}`;
}
