// `tidegate prune`: delete old checkpoints as the owner of the store, or say who that is.

import type { CheckpointId } from '../../ids.js';
import type { CheckpointListing } from '../../store/checkpoint-store.js';
import { checkpointsToPrune } from '../../store/retention.js';
import type { Context, StoreOptions } from '../context.js';
import { exitCodes, type ExitCode } from '../exit-codes.js';
import { toJsonText } from '../json-output.js';
import { CommandError } from '../problems.js';
import { openReader } from '../store-access.js';
import { storeAt } from '../store-place.js';
import { count, formatBytes } from '../units.js';

export interface PruneCommandOptions extends StoreOptions {
  /** How many complete checkpoints stay. */
  readonly keep: number;
  readonly dryRun?: boolean;
}

/**
 * Takes the next generation, so a live owner is never disturbed: it is asked for, named, and the
 * command refuses.
 */
export async function prune(options: PruneCommandOptions, context: Context): Promise<ExitCode> {
  const { terminal, signal } = context;
  const { reader, directory } = await openReader(options, context);
  const listings = await reader.list({ signal });
  if (options.dryRun) {
    const wouldDelete = checkpointsToPrune(listings, options.keep);
    report(wouldDelete, listings, options, context);
    return exitCodes.fine;
  }
  if (reader.pipeline === undefined) {
    throw new CommandError(
      `${directory} has never been owned by tidegate`,
      'Prune it with the program that writes it; reading commands work.',
    );
  }
  const store = await storeAt(options.store);
  const owned = await store.open({ pipeline: reader.pipeline, liveOwner: 'refuse', signal });
  try {
    terminal.note(`took generation ${owned.generation} of ${directory}`);
    const { deleted } = await owned.prune({ retainedCheckpoints: options.keep, signal });
    report(deleted, listings, options, context);
  } finally {
    await owned.close();
  }
  return exitCodes.fine;
}

function report(
  ids: readonly CheckpointId[],
  listings: readonly CheckpointListing[],
  { json, dryRun = false }: PruneCommandOptions,
  { terminal }: Context,
): void {
  const gone = new Set<number>(ids);
  const freedBytes = listings
    .filter(({ id }) => gone.has(id))
    .reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (json) {
    terminal.printDocument(toJsonText({ dryRun, deleted: ids, freedBytes }));
    return;
  }
  terminal.print(...ids.map((id) => `${dryRun ? 'would delete' : 'deleted'} ${id}`));
  const verb = dryRun ? 'would free' : 'freed';
  terminal.note(`${count(ids.length, 'checkpoint')}, ${verb} ${formatBytes(freedBytes)}`);
}
