// `tidegate list`: every checkpoint of a store, newest first.

import type { CheckpointListing } from '../../store/checkpoint-store.js';
import { kindText, sinkStatuses, sinksText, stateText } from '../checkpoint-text.js';
import type { Context, StoreOptions } from '../context.js';
import { exitCodes, type ExitCode } from '../exit-codes.js';
import { toJsonText, type Jsonable } from '../json-output.js';
import { listAll, openReader } from '../store-access.js';
import { table, toned } from '../table.js';
import type { Line, Text } from '../terminal.js';
import { droppedNote, idsWithoutOwnFields } from '../verify-rules.js';
import { formatAge, formatBytes } from '../units.js';

export async function list(options: StoreOptions, context: Context): Promise<ExitCode> {
  const { terminal, clock } = context;
  const opened = await openReader(options, context);
  const listings = await listAll(opened, context);
  const skipped = (await opened.reader.skipped?.({ signal: context.signal })) ?? [];
  const dropped = idsWithoutOwnFields(listings, opened.reader.storeId);
  if (options.json) {
    const { storeId, pipeline } = opened.reader;
    const checkpoints = listings.map((listing) => ({
      ...listingAsJson(listing),
      ...(dropped.has(listing.id) ? { note: droppedNote } : {}),
    }));
    const left = skipped.map(({ name, why }) => ({ name, why }));
    terminal.printDocument(
      toJsonText({ store: opened.directory, storeId, pipeline, checkpoints, skipped: left }),
    );
  } else {
    if (listings.length > 0) terminal.print(...listingLines(listings, clock.now()));
    for (const id of dropped) terminal.note(`checkpoint ${id}: ${droppedNote}`);
    for (const { name, why } of skipped) terminal.note(`${name} is left out: ${why}`);
  }
  return exitCodes.fine;
}

/** What a scan says about one checkpoint, without the manifest itself. */
export function listingAsJson(listing: CheckpointListing): Readonly<Record<string, Jsonable>> {
  const { id, state, kind, manifest, integrity, byteLength, problem } = listing;
  return {
    id,
    epoch: manifest?.epoch,
    kind,
    label: manifest?.tidegate?.label,
    state,
    integrity,
    timestampMs: manifest?.timestampMs,
    byteLength,
    sinks: manifest === undefined ? undefined : sinksAsJson(manifest),
    problem: problem?.message,
  };
}

function sinksAsJson(manifest: NonNullable<CheckpointListing['manifest']>): Jsonable {
  return new Map(sinkStatuses(manifest).map(([sink, status]) => [sink, status.kind]));
}

function listingLines(listings: readonly CheckpointListing[], nowMs: number): readonly Line[] {
  const titles = ['ID', 'EPOCH', 'KIND', 'STATE', 'AGE', 'SIZE', 'SINKS'];
  const rows = listings.map((listing): readonly Text[] => {
    const { id, state, manifest, byteLength, problem } = listing;
    return [
      String(id),
      String(manifest?.epoch ?? '-'),
      kindText(listing),
      stateText(state),
      manifest === undefined ? '-' : formatAge(manifest.timestampMs, nowMs),
      formatBytes(byteLength),
      problem === undefined ? sinksText(manifest) : toned('bad', problem.message),
    ];
  });
  return table([titles.map((title) => toned('strong', title)), ...rows], { right: [0, 1, 4, 5] });
}
