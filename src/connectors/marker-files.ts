// Which checkpoints are committed: one small file each, and a ledger of ranges for those of long ago.

import { basename, dirname, join } from 'node:path';
import { TidegateError } from '../errors.js';
import { checkpointId, type CheckpointId } from '../ids.js';
import { readSmallFile, type FileSystem } from '../runtime/file-system.js';
import {
  factsOrNothing,
  namesIn,
  unlessMissing,
  writeNewFile,
  parseJsonObject,
} from '../runtime/small-files.js';

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

/** Whether a checkpoint is committed. No id is ever forgotten, so the answer never ages. */
export async function isCommitted(ports: MarkerPorts, id: CheckpointId): Promise<boolean> {
  const { fileSystem, layout } = ports;
  // The ledger second: that is where markers go, so one on its way is seen in one of the two.
  if ((await factsOrNothing(fileSystem, layout.marker(id))) !== undefined) return true;
  return (await readLedger(ports)).some(([first, last]) => first <= id && id <= last);
}

export async function newestCommitted(ports: MarkerPorts): Promise<CheckpointId | undefined> {
  const loose = await looseMarkers(ports);
  const newest = Math.max(loose.at(-1) ?? 0, (await readLedger(ports)).at(-1)?.[1] ?? 0);
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
  const ranges = addToRanges(await readLedger(ports), loose);
  const temporary = join(staging, basename(layout.ledger));
  await unlessMissing(fileSystem.removeFile(temporary));
  await writeNewFile(
    fileSystem,
    temporary,
    Buffer.from(JSON.stringify({ formatVersion, ranges })),
    {
      sync: true,
    },
  );
  await fileSystem.rename(temporary, layout.ledger);
  await fileSystem.syncDirectory(dirname(layout.ledger));
  for (const id of loose) {
    const marker = layout.marker(id);
    const away = join(staging, basename(marker));
    await unlessMissing(fileSystem.rename(marker, away));
    await unlessMissing(fileSystem.removeFile(away));
  }
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
const ledgerMaxBytes = 256 * 1_048_576;

async function readLedger({ fileSystem, layout }: MarkerPorts): Promise<Ranges> {
  if ((await factsOrNothing(fileSystem, layout.ledger)) === undefined) return [];
  const bytes = await readSmallFile(fileSystem, layout.ledger, ledgerMaxBytes);
  const ranges = bytes === undefined ? undefined : parseRanges(bytes);
  if (ranges !== undefined) return ranges;
  // Never read as empty: what was committed would be committed again.
  throw new TidegateError('TIDEGATE_FILES_CORRUPT', `${layout.ledger} is not a ledger of markers`);
}

function parseRanges(bytes: Uint8Array): Ranges | undefined {
  const { ranges } = parseJsonObject(bytes) ?? {};
  return Array.isArray(ranges) && isAscending(ranges) ? ranges : undefined;
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
