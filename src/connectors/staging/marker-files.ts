// Which checkpoints are committed: one small file each, and a ledger of ranges for those of long ago.

import { basename, join } from 'node:path';
import { publishFile, syncParent } from '../../durable-directory/fence.js';
import { TidegateError } from '../../errors.js';
import { checkpointId, type CheckpointId } from '../../ids.js';
import { readSmallFile, type FileSystem } from '../../runtime/file-system.js';
import {
  statIfExists,
  namesIn,
  unlessMissing,
  parseJsonObject,
} from '../../runtime/small-files.js';

/** Where a sink keeps its markers; an owner changes them through its own staging directory only. */
export interface MarkerPorts {
  readonly fileSystem: FileSystem;
  readonly layout: {
    /** Directory of the marker files. */
    readonly committed: string;
    readonly ledger: string;
    marker(id: number): string;
    /** Undefined for a name that is no marker's. */
    idOfMarker(name: string): CheckpointId | undefined;
  };
}

/** Ids from the first to the last, all of them committed; ascending and apart. */
export type Ranges = readonly (readonly [first: number, last: number])[];

/** The markers of long ago. */
interface Ledger {
  readonly ranges: Ranges;
  /** Below it ids were forgotten: that one is not in a range proves nothing. 0 for none. */
  readonly prunedBelow: number;
}

/**
 * Ranges that a ledger holds; each is a run of commits, most often all those of one generation. A
 * manifest names the newest ids, and those of savepoints, about which a sink that has committed later
 * ones is not asked.
 */
const maxRanges = 1_000;

/**
 * Whether a checkpoint is committed.
 *
 * @throws TidegateError `TIDEGATE_FILES_MARKER_PRUNED` where "no marker" proves nothing.
 */
export async function isCommitted(ports: MarkerPorts, id: CheckpointId): Promise<boolean> {
  const { fileSystem, layout } = ports;
  // The ledger second: that is where markers go, so one on its way is seen in one of the two.
  if ((await statIfExists(fileSystem, layout.marker(id))) !== undefined) return true;
  const { ranges, prunedBelow } = await readLedger(ports);
  if (ranges.some(([first, last]) => first <= id && id <= last)) return true;
  if (id >= prunedBelow) return false;
  throw new TidegateError(
    'TIDEGATE_FILES_MARKER_PRUNED',
    `${layout.ledger} has no marker of checkpoint ${id}, and those below ${prunedBelow} were forgotten`,
    { details: { checkpoint: id, prunedBelow } },
  );
}

export async function newestCommitted(ports: MarkerPorts): Promise<CheckpointId | undefined> {
  const loose = await looseMarkers(ports);
  const newest = Math.max(loose.at(-1) ?? 0, (await readLedger(ports)).ranges.at(-1)?.[1] ?? 0);
  return newest === 0 ? undefined : checkpointId(newest);
}

/** Ids that have a marker file, ascending. */
export async function looseMarkers(ports: MarkerPorts): Promise<readonly CheckpointId[]> {
  const { fileSystem, layout } = ports;
  const names = await namesIn(fileSystem, layout.committed);
  return names
    .map((name) => layout.idOfMarker(name))
    .filter((id) => id !== undefined)
    .sort((left, right) => left - right);
}

/**
 * Moves the marker files into the ledger, which is durable before the first of them goes. Markers
 * leave through the staging directory, so that an overtaken owner cannot take one away later.
 *
 * @param kept Markers that stay files: something is still to be read in them.
 */
export async function foldMarkers(
  ports: MarkerPorts,
  staging: string,
  kept: ReadonlySet<number> = new Set(),
): Promise<void> {
  const { fileSystem, layout } = ports;
  const loose = (await looseMarkers(ports)).filter((id) => !kept.has(id));
  const ledger = withoutOldest(await readLedger(ports), loose);
  await unlessMissing(fileSystem.removeFile(join(staging, basename(layout.ledger))));
  const bytes = Buffer.from(JSON.stringify({ formatVersion, ...ledger }));
  await publishFile(fileSystem, staging, layout.ledger, bytes);
  await syncParent(fileSystem, layout.ledger);
  for (const id of loose) {
    const marker = layout.marker(id);
    const away = join(staging, basename(marker));
    await unlessMissing(fileSystem.rename(marker, away));
    await unlessMissing(fileSystem.removeFile(away));
  }
}

/** With the ids added, and no longer than a ledger may be. */
function withoutOldest({ ranges, prunedBelow }: Ledger, added: readonly number[]): Ledger {
  const all = addToRanges(ranges, added);
  const kept = all.slice(-maxRanges);
  const oldestKept = kept[0]?.[0] ?? prunedBelow;
  return { ranges: kept, prunedBelow: all.length === kept.length ? prunedBelow : oldestKept };
}

/** The union of ranges and ids, with neighbours joined. */
export function addToRanges(ranges: Ranges, ids: readonly number[]): Ranges {
  const all = [...ranges, ...ids.map((id) => [id, id] as const)];
  all.sort(([left], [right]) => left - right);
  const joined: [number, number][] = [];
  for (const [first, last] of all) {
    const previous = joined.at(-1);
    if (previous === undefined || first > previous[1] + 1) joined.push([first, last]);
    else previous[1] = Math.max(previous[1], last);
  }
  return joined;
}

const formatVersion = 1;
const maxLedgerBytes = 256 * 1_048_576;

async function readLedger({ fileSystem, layout }: MarkerPorts): Promise<Ledger> {
  if ((await statIfExists(fileSystem, layout.ledger)) === undefined) {
    return { ranges: [], prunedBelow: 0 };
  }
  const bytes = await readSmallFile(fileSystem, layout.ledger, maxLedgerBytes);
  const ledger = bytes === undefined ? undefined : parseLedger(bytes);
  if (ledger !== undefined) return ledger;
  // Never read as empty: what was committed would be committed again.
  throw new TidegateError('TIDEGATE_FILES_CORRUPT', `${layout.ledger} is not a ledger of markers`);
}

function parseLedger(bytes: Uint8Array): Ledger | undefined {
  const { ranges, prunedBelow = 0 } = parseJsonObject(bytes) ?? {};
  if (!Array.isArray(ranges) || !isAscending(ranges)) return undefined;
  const isBound = typeof prunedBelow === 'number' && Number.isSafeInteger(prunedBelow);
  return isBound ? { ranges: ranges as Ranges, prunedBelow } : undefined;
}

function isAscending(ranges: readonly unknown[]): boolean {
  let end = 0;
  return ranges.every((range) => {
    if (!Array.isArray(range) || range.length !== 2) return false;
    const [first, last] = range as readonly unknown[];
    if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last)) return false;
    const isAfter = end < Number(first) && Number(first) <= Number(last);
    end = Number(last);
    return isAfter;
  });
}
