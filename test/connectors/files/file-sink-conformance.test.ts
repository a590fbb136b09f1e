import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from '@jest/globals';
import { fileSink } from 'tidegate/files';
import { SimulatedDisk, describeTwoPhaseSink } from 'tidegate/testing';
import { published, sinkOn, type Numbered } from './sink-world.js';

describeTwoPhaseSink<Numbered>(
  {
    name: 'the file sink on a simulated disk',
    record: (number) => ({ number }),
    create() {
      const disk = new SimulatedDisk();
      return {
        connect: () => sinkOn(disk.mount().fileSystem),
        visible: () => recordsIn(published(disk)),
      };
    },
  },
  { describe, test },
);

describeTwoPhaseSink<Numbered>(
  {
    name: 'the file sink that writes each record and folds each marker at once',
    record: (number) => ({ number }),
    create() {
      const disk = new SimulatedDisk();
      const options = { bufferBytes: 1, maxLooseMarkers: 1 };
      return {
        connect: () => sinkOn(disk.mount().fileSystem, options),
        visible: () => recordsIn(published(disk)),
      };
    },
  },
  { describe, test },
);

describeTwoPhaseSink<Numbered>(
  {
    name: "the file sink on the machine's disk",
    record: (number) => ({ number }),
    async create() {
      const directory = await mkdtemp(join(tmpdir(), 'tidegate-files-'));
      return {
        connect: () => fileSink({ directory }),
        visible: () => readAll(directory),
        close: () => rm(directory, { recursive: true }),
      };
    },
  },
  { describe, test },
);

async function readAll(directory: string): Promise<readonly Numbered[]> {
  const names = (await readdir(directory)).filter((name) => name.startsWith('part-')).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')));
  return recordsIn(texts.join(''));
}

function recordsIn(text: string): readonly Numbered[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Numbered);
}
