import { describe, expect, test } from '@jest/globals';
import type { FileSystem, Offsets, ReadableSource, SourceBatch } from 'tidegate/extend';
import { csvSource, jsonLinesSource } from 'tidegate/files';
import type { BadRecord, FileSourceOptions } from 'tidegate/files';
import { SimulatedDisk } from 'tidegate/testing';
import { calm } from './sink-world.js';

const path = '/input';

describe('a JSON Lines source', () => {
  test('hands out every value, whatever ends the lines, and passes over blank ones', async () => {
    const text = '\ufeff{"a":1}\r\n\n \t\r\n"two"\n[3]\n{"__proto__":4}';
    expect(JSON.stringify(await allOf(jsonLines(text)))).toBe(
      '[{"a":1},"two",[3],{"__proto__":4}]',
    );
  });

  test('hands out nothing of an empty file', async () => {
    expect(await allOf(jsonLines(''))).toEqual([]);
    expect(await allOf(jsonLines('\ufeff'))).toEqual([]);
  });

  test('goes on behind any batch, in a later process, with the same records', async () => {
    const lines = Array.from({ length: 9_000 }, (_, index) => {
      return JSON.stringify({ index, text: 'é€😀'.repeat(index % 90) });
    });
    const text = lines.join('\n');
    const batches = await batchesOf(jsonLines(text, { batchRecords: 7 }));
    expect(batches.flatMap(({ records }) => records)).toHaveLength(lines.length);
    for (let index = 0; index < batches.length; index += 131) {
      const source = jsonLines(text, { batchRecords: 1_000 });
      await source.restore(batches[index]!.offsets, calm);
      const rest = batches.slice(index + 1).flatMap(({ records }) => records);
      expect(await allOf(source)).toEqual(rest);
    }
  });

  test('reads a record that is longer than a block, and refuses one above the limit', async () => {
    const text = `${JSON.stringify('x'.repeat(1_000_000))}\n1\n`;
    expect(await allOf(jsonLines(text))).toEqual(['x'.repeat(1_000_000), 1]);
    const refused = allOf(jsonLines(text, { maxRecordBytes: 500_000 }));
    await expect(refused).rejects.toMatchObject({
      code: 'TIDEGATE_SOURCE_RECORD',
      message: `${path}, byte 0: a record is longer than maxRecordBytes, 500000`,
    });
  });

  test('stops soon after its signal is aborted, and closes the file', async () => {
    const counted = countOpenFiles(diskWith(numberedLines(100_000)).mount().fileSystem);
    const source = jsonLinesSource(path, { fileSystem: counted.fileSystem });
    const ending = new AbortController();
    const reading = async (): Promise<void> => {
      for await (const _ of source.read({ signal: ending.signal }))
        ending.abort(new Error('enough'));
    };
    await expect(reading()).rejects.toThrow('enough');
    expect(counted.open()).toBe(0);
    for await (const _ of source.read(calm)) break;
    expect(counted.open()).toBe(0);
  });

  test('reads what was appended since, behind the last position', async () => {
    const disk = diskWith(numberedLines(3));
    const [batch] = await batchesOf(sourceOn(disk));
    disk.writeFile(path, Buffer.from(numberedLines(5)));
    const source = sourceOn(disk);
    await source.restore(batch!.offsets, calm);
    expect(await allOf(source)).toEqual([{ number: 3 }, { number: 4 }]);
  });

  test('takes the line feed that its last line lacked, but not more of that line', async () => {
    const disk = diskWith('1\n2');
    const [batch] = await batchesOf(sourceOn(disk));
    disk.writeFile(path, Buffer.from('1\n2\n3\n'));
    const source = sourceOn(disk);
    await source.restore(batch!.offsets, calm);
    expect(await allOf(source)).toEqual([3]);
    disk.writeFile(path, Buffer.from('1\n22\n'));
    await expect(sourceOn(disk).restore(batch!.offsets, calm)).rejects.toMatchObject({
      code: 'TIDEGATE_SOURCE_CHANGED',
      message: `${path} goes on in line 2, which was read as its last line`,
    });
  });
});

describe('a file source refuses by name a file that', () => {
  const text = numberedLines(200_000);
  const change = (index: number, by: string): string =>
    text.slice(0, index) + by + text.slice(index + by.length);
  test.each<[string, string | undefined, RegExp]>([
    ['is gone', undefined, /\/input does not exist/],
    ['shrank', text.slice(0, 100), /\/input shrank: it has 100 bytes and was read up to \d+/],
    ['begins differently', change(20, '?'), /\/input was changed before byte \d+/],
    ['is different in a sampled place', change(1_048_600, '?'), /was changed/],
    ['is different right before the position', change(1_500_000, '?'), /was changed/],
    ['lost a byte anywhere before it', text.slice(0, 700_000) + text.slice(700_001), /was changed/],
    [
      'gained a byte anywhere before it',
      `${text.slice(0, 9_000)} ${text.slice(9_000)}`,
      /was changed/,
    ],
  ])('%s', async (_what, now, message) => {
    const disk = diskWith(text);
    const offsets = await positionNear(sourceOn(disk), 1_502_000);
    await sourceOn(disk).restore(offsets, calm);
    if (now === undefined) await disk.mount().fileSystem.removeFile(path);
    else disk.writeFile(path, Buffer.from(now));
    await expect(sourceOn(disk).restore(offsets, calm)).rejects.toMatchObject({
      code: 'TIDEGATE_SOURCE_CHANGED',
      message: expect.stringMatching(message),
    });
  });

  test('shrinks while it is read', async () => {
    const disk = diskWith(numberedLines(100_000));
    const { fileSystem } = disk.mount();
    const cut: FileSystem = {
      ...fileSystem,
      openFile: async (name) => {
        const file = await fileSystem.openFile(name);
        const read = async (target: Uint8Array, byteOffset: number) =>
          byteOffset > 0 ? Math.min(5, target.byteLength) : file.read(target, byteOffset);
        return { ...file, read };
      },
    };
    const refused = allOf(jsonLinesSource(path, { fileSystem: cut }));
    await expect(refused).rejects.toMatchObject({
      code: 'TIDEGATE_SOURCE_CHANGED',
      message: expect.stringMatching(/shrank while it was read/),
    });
  });
});

test.each<[string, Offsets]>([
  ['of another kind of source', { lsn: '0/16B3748' }],
  ['that are no numbers', { byteOffset: '-1', lines: '0', skipped: '0', fingerprint: '' }],
  [
    'too large to be exact',
    { byteOffset: '9007199254740993', lines: '0', skipped: '0', fingerprint: '' },
  ],
])('offsets %s are refused', async (_what, offsets) => {
  await expect(jsonLines('1\n').restore(offsets, calm)).rejects.toMatchObject({
    code: 'TIDEGATE_SOURCE_OFFSETS',
  });
});

describe('a record that cannot be parsed', () => {
  const text = '{"a":1}\n{"secret": 42\n{"a":3}\n';

  test('ends the reading with its place, and without its content', async () => {
    await expect(allOf(jsonLines(text))).rejects.toMatchObject({
      code: 'TIDEGATE_SOURCE_RECORD',
      message: expect.stringMatching(/^\/input, line 2, byte 8: not JSON/),
      details: { path, line: 2, byteOffset: 8 },
    });
    const { message } = await allOf(jsonLines(text)).then(
      () => new Error('not refused'),
      (error: unknown) => error as Error,
    );
    expect(message).not.toMatch(/secret|42/);
  });

  test('is skipped and counted in the offsets, so that a restart does not count it twice', async () => {
    const options = { onBadRecord: 'skip', batchRecords: 1 } as const;
    const batches = await batchesOf(jsonLines(text, options));
    expect(batches.map(({ offsets }) => offsets.skipped)).toEqual(['0', '1', '1']);
    const later = jsonLines(text, options);
    await later.restore(batches[0]!.offsets, calm);
    expect((await batchesOf(later)).at(-1)!.offsets.skipped).toBe('1');
  });

  test('is replaced by what a function gives, which knows place and text', async () => {
    const seen: BadRecord[] = [];
    const onBadRecord = (bad: BadRecord): unknown => {
      seen.push(bad);
      return { dead: bad.text };
    };
    const source = jsonLines(text, { onBadRecord });
    expect(await allOf(source)).toEqual([{ a: 1 }, { dead: '{"secret": 42\n' }, { a: 3 }]);
    expect(seen).toMatchObject([{ path, line: 2, byteOffset: 8, text: '{"secret": 42\n' }]);
  });

  test('because it is not UTF-8 is refused with its place', async () => {
    const bytes = Buffer.concat([
      Buffer.from('1\n2\n"'),
      Buffer.from([0xc3, 0x28]),
      Buffer.from('"\n'),
    ]);
    await expect(allOf(jsonLines(bytes))).rejects.toMatchObject({
      code: 'TIDEGATE_SOURCE_ENCODING',
      message: `${path}, line 3, byte 4: not UTF-8`,
    });
  });

  test('because the file is UTF-16 is refused, whatever the policy', async () => {
    for (const mark of [
      [0xff, 0xfe],
      [0xfe, 0xff],
    ]) {
      const source = jsonLines(Buffer.from([...mark, 0x31, 0x00]), { onBadRecord: 'skip' });
      await expect(allOf(source)).rejects.toMatchObject({
        code: 'TIDEGATE_SOURCE_ENCODING',
        message: `${path}, byte 0: it begins with the mark of UTF-16`,
      });
    }
  });
});

describe('a CSV source', () => {
  test('reads quoted fields with delimiters, line feeds and quotes in them', async () => {
    const text = '\ufeffname,note\r\n"a, b","two\nlines"\r\nc,"say ""x"""\r\n,\n';
    expect(await allOf(csv(text))).toEqual([
      { name: 'a, b', note: 'two\nlines' },
      { name: 'c', note: 'say "x"' },
      { name: '', note: '' },
    ]);
  });

  test('goes on behind any record, with the columns of the header', async () => {
    const rows = Array.from({ length: 3_000 }, (_, index) => {
      const field = ['"x\ny"', 'plain', '"a "" b, c"', '€'][index % 4] ?? '';
      return `${index},${field}`;
    });
    const text = `id,field\n${rows.join('\n')}`;
    const batches = await batchesOf(csv(text, { batchRecords: 3 }));
    expect(batches.flatMap(({ records }) => records)).toHaveLength(rows.length);
    for (let index = 0; index < batches.length; index += 97) {
      const source = csv(text);
      await source.restore(batches[index]!.offsets, calm);
      expect(await allOf(source)).toEqual(
        batches.slice(index + 1).flatMap(({ records }) => records),
      );
    }
  });

  test('takes columns, delimiter and quote as they are given', async () => {
    const source = csv("1;'a;b'\n", { columns: ['id', '__proto__'], delimiter: ';', quote: "'" });
    const [record] = (await allOf(source)) as [object];
    expect(Object.entries(record)).toEqual([
      ['id', '1'],
      ['__proto__', 'a;b'],
    ]);
  });

  test('finds one bad record between good ones, by its first line', async () => {
    const rows = ['1,"a\nb"', '2,5" pipe', '3,c,d', '4,e', '5,"x" y', '6,f', '7'];
    const seen: BadRecord[] = [];
    const onBadRecord = (bad: BadRecord): undefined => {
      seen.push(bad);
      return undefined;
    };
    const source = csv(`id,name\n${rows.join('\n')}\n`, { onBadRecord });
    expect(await allOf(source)).toMatchObject([{ id: '1' }, { id: '4' }, { id: '6' }]);
    expect(seen.map(({ line, reason }) => [line, reason.split(':')[0]])).toEqual([
      [4, 'not CSV'],
      [5, '3 fields, and 2 columns'],
      [7, 'not CSV'],
      [9, '1 fields, and 2 columns'],
    ]);
  });

  test('refuses a file whose header names a column twice or none', async () => {
    for (const text of ['a,a\n1,2\n', '\n1\n']) {
      await expect(allOf(csv(text))).rejects.toMatchObject({
        code: 'TIDEGATE_SOURCE_RECORD',
        message: expect.stringMatching(/line 1, byte 0: the header names/),
      });
    }
  });

  test('refuses a quote that is never closed', async () => {
    await expect(allOf(csv('a\n1\n"2\n3\n'))).rejects.toMatchObject({
      code: 'TIDEGATE_SOURCE_RECORD',
      message: expect.stringMatching(/line 3, byte 4: not CSV: CSV_QUOTE_NOT_CLOSED/),
    });
  });

  test('refuses options that cannot work, all at once', () => {
    expect(() => csvSource(path, { delimiter: '\n', quote: '""', columns: [] })).toThrow(
      /columns are none.*delimiter "\\n".*quote "\\"\\""/,
    );
  });
});

type Options = FileSourceOptions<unknown>;

function jsonLines(text: string | Buffer, options: Options = {}): ReadableSource {
  return jsonLinesSource(path, { fileSystem: diskWith(text).mount().fileSystem, ...options });
}

function csv(text: string, options: Parameters<typeof csvSource<unknown>>[1] = {}): ReadableSource {
  return csvSource(path, { fileSystem: diskWith(text).mount().fileSystem, ...options });
}

function sourceOn(disk: SimulatedDisk): ReadableSource {
  return jsonLinesSource(path, { fileSystem: disk.mount().fileSystem });
}

function diskWith(text: string | Buffer): SimulatedDisk {
  const disk = new SimulatedDisk();
  disk.writeFile(path, Buffer.from(text));
  return disk;
}

function numberedLines(count: number): string {
  return Array.from({ length: count }, (_, number) => `{"number":${number}}\n`).join('');
}

async function batchesOf(source: ReadableSource): Promise<readonly SourceBatch<unknown>[]> {
  const batches: SourceBatch<unknown>[] = [];
  for await (const batch of source.read(calm)) batches.push(batch);
  return batches;
}

async function allOf(source: ReadableSource): Promise<readonly unknown[]> {
  return (await batchesOf(source)).flatMap(({ records }) => records);
}

async function positionNear(source: ReadableSource, byteOffset: number): Promise<Offsets> {
  for await (const { offsets } of source.read(calm)) {
    if (Number(offsets.byteOffset) >= byteOffset) return offsets;
  }
  throw new Error(`the file ends before byte ${byteOffset}`);
}

function countOpenFiles(inner: FileSystem): { fileSystem: FileSystem; open: () => number } {
  let open = 0;
  const openFile: FileSystem['openFile'] = async (name) => {
    const file = await inner.openFile(name);
    open += 1;
    return {
      ...file,
      close: async () => {
        open -= 1;
        await file.close();
      },
    };
  };
  return { fileSystem: { ...inner, openFile }, open: () => open };
}
