// What the tests of the file sources share: a file on a simulated disk, and all that is handed out.

import type { FileSystem, ReadableSource, SourceBatch } from 'tidegate/extend';
import { csvSource, jsonLinesSource } from 'tidegate/files';
import type { CsvSourceOptions, JsonLinesSourceOptions } from 'tidegate/files';
import { SimulatedDisk } from 'tidegate/testing';
import { calm } from './sink-world.js';

export const path = '/input';

export function diskWith(text: string | Buffer): SimulatedDisk {
  const disk = new SimulatedDisk();
  disk.writeFile(path, Buffer.from(text));
  return disk;
}

export function jsonLines(
  text: string | Buffer | SimulatedDisk,
  options: JsonLinesSourceOptions<unknown> = {},
): ReadableSource {
  return jsonLinesSource(path, { fileSystem: fileSystemOf(text), ...options });
}

export function csv(
  text: string | Buffer | SimulatedDisk,
  options: CsvSourceOptions<unknown> = {},
): ReadableSource {
  return csvSource(path, { fileSystem: fileSystemOf(text), ...options });
}

function fileSystemOf(text: string | Buffer | SimulatedDisk): FileSystem {
  const disk = text instanceof SimulatedDisk ? text : diskWith(text);
  return disk.mount().fileSystem;
}

export async function batchesOf(source: ReadableSource): Promise<readonly SourceBatch<unknown>[]> {
  const batches: SourceBatch<unknown>[] = [];
  for await (const batch of source.read(calm)) batches.push(batch);
  return batches;
}

export async function allOf(source: ReadableSource): Promise<readonly unknown[]> {
  return (await batchesOf(source)).flatMap(({ records }) => records);
}

/** What was read, as a report of the run would add it up. */
export async function inputOf(
  source: ReadableSource,
): Promise<{ readonly lines: number; readonly skipped: Record<string, number> }> {
  let lines = 0;
  const skipped: Record<string, number> = {};
  for (const { input } of await batchesOf(source)) {
    lines += input?.lines ?? 0;
    for (const [reason, count] of Object.entries(input?.skipped ?? {})) {
      skipped[reason] = (skipped[reason] ?? 0) + count;
    }
  }
  return { lines, skipped };
}
