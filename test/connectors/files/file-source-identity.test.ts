// A position is one of a file: another one that was put in its place is refused, each time.

import { mkdtemp, rename, rm, writeFile, appendFile, copyFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Offsets, ReadableSource } from 'tidegate/extend';
import { jsonLinesSource } from 'tidegate/files';
import type { JsonLinesSourceOptions } from 'tidegate/files';
import { calm } from './sink-world.js';
import { allOf, batchesOf, diskWith, jsonLines, path } from './source-world.js';

const firstLines = '{"n":0}\n{"n":1}\n{"n":2}\n';

/** Behind the second record. */
async function positionIn(source: ReadableSource): Promise<Offsets> {
  return (await batchesOf(source))[1]!.offsets;
}

async function inRealFile(
  work: (
    file: string,
    source: (more?: JsonLinesSourceOptions<unknown>) => ReadableSource,
  ) => Promise<void>,
): Promise<void> {
  const room = await mkdtemp(join(tmpdir(), 'tidegate-source-'));
  const file = join(room, 'input.jsonl');
  try {
    await writeFile(file, firstLines);
    await work(file, (more) => jsonLinesSource(file, { batchRecords: 1, ...more }));
  } finally {
    await rm(room, { recursive: true });
  }
}

test('a file that was put in its place is refused at each start, though it begins alike', async () => {
  await inRealFile(async (file, source) => {
    const offsets = await positionIn(source());
    await writeFile(`${file}.new`, `${firstLines}{"n":"other"}\n`);
    await rename(`${file}.new`, file);
    for (let start = 1; start <= 2; start += 1) {
      await expect(source().restore(offsets, calm)).rejects.toMatchObject({
        code: 'TIDEGATE_SOURCE_CHANGED',
        message: expect.stringMatching(
          /is not the file that was read: that was inode \d+ of device \d+, 24 bytes, this is inode \d+ of device \d+, 38 bytes; .*resumeBy: "content"/,
        ) as unknown,
      });
    }
    const later = source({ resumeBy: 'content' });
    await later.restore(offsets, calm);
    expect(await allOf(later)).toEqual([{ n: 2 }, { n: 'other' }]);
  });
});

test('a file that was moved, and one that has grown, is the one that was read', async () => {
  await inRealFile(async (file, source) => {
    const offsets = await positionIn(source());
    await rename(file, `${file}.moved`);
    await appendFile(`${file}.moved`, '{"n":3}\n');
    const later = jsonLinesSource(`${file}.moved`);
    await later.restore(offsets, calm);
    expect(await allOf(later)).toEqual([{ n: 2 }, { n: 3 }]);
  });
});

test('a whole copy in another place is the one that was read, and from then on it may grow', async () => {
  await inRealFile(async (file, source) => {
    const offsets = await positionIn(source());
    await copyFile(file, `${file}.copy`);
    const copy = jsonLinesSource(`${file}.copy`);
    await copy.restore(offsets, calm);
    const [batch] = await batchesOf(copy);
    await appendFile(`${file}.copy`, '{"n":3}\n');
    const later = jsonLinesSource(`${file}.copy`);
    await later.restore(batch!.offsets, calm);
    expect(await allOf(later)).toEqual([{ n: 3 }]);
  });
});

describe('where a new file has got the inode of the old one', () => {
  test.each([
    ['it is shorter than what was there', '{"n":0}\n{"n":1}\n'],
    ['its first bytes behind the position differ', '{"n":0}\n{"n":1}\n{"n":9}\n{"n":3}\n'],
  ])('%s', async (_what, text) => {
    const disk = diskWith(firstLines);
    const offsets = await positionIn(jsonLines(disk, { batchRecords: 1 }));
    disk.writeFile(path, Buffer.from(text));
    await expect(jsonLines(disk).restore(offsets, calm)).rejects.toMatchObject({
      code: 'TIDEGATE_SOURCE_CHANGED',
    });
    await jsonLines(disk, { resumeBy: 'content' }).restore(offsets, calm);
  });
});

test('offsets of an older version, which name no file, are held against the content', async () => {
  const { byteOffset, lines, skipped, fingerprint } = await positionIn(
    jsonLines(firstLines, { batchRecords: 1 }),
  );
  const older = { byteOffset, lines, skipped, fingerprint } as Offsets;
  const source = jsonLines(firstLines);
  await source.restore(older, calm);
  expect(await allOf(source)).toEqual([{ n: 2 }]);
});
