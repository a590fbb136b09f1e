// Turns the flights of the vega-datasets package into the file of JSON Lines that the job reads.

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { Flight } from './flight.js';

interface Row {
  readonly date: Date;
  readonly delay: bigint;
  readonly distance: bigint;
  readonly origin: string;
  readonly destination: string;
}

/** Writes the first `rows` flights, or all; returns how many there were. */
export async function writeFlights(
  parquet: string,
  target: string,
  rows: number,
  progress: (done: number) => void,
): Promise<number> {
  const file = await asyncBufferFromFile(parquet);
  const metadata = await parquetMetadataAsync(file);
  const output = createWriteStream(target);
  let done = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = Math.min(rows, done + Number(group.num_rows));
    if (rowEnd === done) break;
    const range = { file, metadata, compressors, rowStart: done, rowEnd };
    const decoded = (await parquetReadObjects(range)) as unknown as readonly Row[];
    for (let start = 0; start < decoded.length; start += 10_000) {
      const text = decoded
        .slice(start, start + 10_000)
        .map(lineOf)
        .join('');
      if (!output.write(text)) await once(output, 'drain');
    }
    done = rowEnd;
    progress(done);
  }
  output.end();
  await once(output, 'finish');
  return done;
}

function lineOf({ date, delay, distance, origin, destination }: Row): string {
  const numbers = { time: date.getTime(), delay: Number(delay), distance: Number(distance) };
  const flight: Flight = { ...numbers, origin, destination };
  return `${JSON.stringify(flight)}\n`;
}
