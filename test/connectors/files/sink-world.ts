// What the tests of the file sink share: records, owners, and what a reader of the directory sees.

import { seededRandom } from 'tidegate/extend';
import type {
  FileSystem,
  PreCommitRequest,
  SinkOwner,
  TwoPhaseSink,
  TwoPhaseSinkSession,
} from 'tidegate/extend';
import { fileSink } from 'tidegate/files';
import type { FileSinkOptions } from 'tidegate/files';
import type { SimulatedDisk } from 'tidegate/testing';
import { checkpointIdOf, epoch, generation, storeId } from '../../../src/ids.js';

export interface Numbered {
  readonly number: number;
}

export const calm = { signal: new AbortController().signal };
export const directory = '/data/out';
const firstStore = storeId('018f0000-0000-7000-8000-000000000001');

let seed = 0;

/** Processes differ in their randomness: two that made one nonce would share a directory. */
function nextSeed(): number {
  return (seed += 1);
}

export function sinkOn(
  fileSystem: FileSystem,
  options: Partial<FileSinkOptions<Numbered>> = {},
): TwoPhaseSink<Numbered> {
  return fileSink<Numbered>({
    directory,
    fileSystem,
    random: seededRandom(nextSeed()),
    ...options,
  });
}

export function ownerOf(number: number, more: Partial<SinkOwner> = {}): SinkOwner {
  const names = { storeId: firstStore, pipeline: 'orders', sink: 'out' };
  return { ...names, generation: generation(number), ...more };
}

export function attempt(number: number, sequence: number): PreCommitRequest {
  return {
    checkpointId: checkpointIdOf(generation(number), sequence),
    epoch: epoch(sequence),
    generation: generation(number),
  };
}

export async function prepare(
  session: TwoPhaseSinkSession<Numbered>,
  request: PreCommitRequest,
  numbers: readonly number[],
): Promise<string> {
  await session.write(numbers.map((number) => ({ number })));
  return (await session.preCommit(request, calm)).handle;
}

/** The published files of a simulated disk, concatenated in order of their names. */
export function published(disk: SimulatedDisk): string {
  return [...disk.tree()]
    .filter(([path]) => /^\/data\/out\/[^/_][^/]*$/.test(path))
    .map(([, bytes]) => Buffer.from(bytes).toString('utf8'))
    .join('');
}

export function linesOf(numbers: readonly number[]): string {
  return numbers.map((number) => `{"number":${number}}\n`).join('');
}
