// No line of a file is gone without a word: it is handed out, refused, or counted with the reason.

import { describe, expect, test } from '@jest/globals';
import { allOf, batchesOf, csv, inputOf, jsonLines } from './source-world.js';

const skip = { onBadRecord: 'skip' } as const;

describe('a CSV file', () => {
  test.each([
    ['carriage returns alone', 'id,name\r1,a\r2,b\r', /line 1, byte 0: a carriage return without/],
    ['one in a record', 'id,name\n1,a\r2,b\n', /line 2, byte 8: a carriage return without/],
    ['a header whose quote closes too late', '"id\n1\n2\n"\n3\n', /the header has 4 lines/],
    [
      'a header whose quote never closes',
      '"id,name\n1,a\n',
      /byte 0: not CSV: CSV_QUOTE_NOT_CLOSED/,
    ],
    ['a blank header', '\n1\n2\n', /the header names no column/],
    ['a byte order mark between records', 'a,b\n1,2\n\ufeffa,b\n', /line 3.*byte order mark/],
    ['zero bytes', 'a,b\n1,2\0\n', /line 2, byte 4: a zero byte, as UTF-16/],
    [
      'a line with an empty text in quotes',
      'a,b\n\n""\n',
      /line 3, byte 5: 1 fields, and 2 columns/,
    ],
    ['ragged rows', 'a,b\n1\n', /line 2, byte 4: 1 fields, and 2 columns/],
    ['a name twice', 'a,a\n1,2\n', /names no column, or one twice/],
  ])('with %s is refused', async (_what, text, message) => {
    await expect(allOf(csv(text))).rejects.toMatchObject({
      code: 'TIDEGATE_SOURCE_RECORD',
      message: expect.stringMatching(message) as unknown,
    });
  });

  test('that is UTF-16 without a mark is refused', async () => {
    await expect(allOf(csv(Buffer.from('a,b\n1,2\n', 'utf16le')))).rejects.toMatchObject({
      code: 'TIDEGATE_SOURCE_RECORD',
      message: expect.stringMatching(/line 1, byte 0: a zero byte/) as unknown,
    });
  });

  test('of one column has a record where a line is blank', async () => {
    expect(await allOf(csv('id\n1\n\n2\r\n\r\n'))).toEqual(
      ['1', '', '2', ''].map((id) => ({ id })),
    );
    expect(await allOf(csv('\n7', { columns: ['id'] }))).toEqual([{ id: '' }, { id: '7' }]);
  });

  test('may have carriage returns inside of quotes', async () => {
    expect(await allOf(csv('a,b\n1,"x\ry"\n'))).toEqual([{ a: '1', b: 'x\ry' }]);
  });

  test('may have a header of several lines where that is allowed', async () => {
    const text = '"net\nprice",b\n1,2\n';
    expect(await allOf(csv(text, { maxHeaderLines: 2 }))).toEqual([{ 'net\nprice': '1', b: '2' }]);
    expect(await inputOf(csv(text, { maxHeaderLines: 2 }))).toEqual({
      lines: 3,
      skipped: { header: 2 },
    });
  });

  test('counts header, blank lines, and the lines of bad records by their reasons', async () => {
    const text = '\ufeffa,b\n\n1,2\n\r\n3\n4,5,6\n"7,\n8,9\n';
    expect(await inputOf(csv(text, skip))).toEqual({
      lines: 8,
      skipped: { header: 1, blank: 2, 'number of fields': 2, 'not CSV': 2 },
    });
  });

  test('with nothing but a header tells so', async () => {
    for (const text of ['a,b\n', 'a,b', '\ufeffa,b\r\n']) {
      expect(await inputOf(csv(text))).toEqual({ lines: 1, skipped: { header: 1 } });
    }
  });
});

describe('a file of JSON Lines', () => {
  test.each([
    ['carriage returns alone', '{"a":1}\r{"a":2}\r', /line 1, byte 0: not JSON/],
    ['a byte order mark between records', '1\n\ufeff2\n', /line 2, byte 2: not JSON/],
    ['zero bytes', '1\n\0\n', /line 2, byte 2: not JSON/],
    ['white space that JSON has not', '1\n\u00a0\n', /line 2, byte 2: not JSON/],
    ['a last line that was cut', '1\n{"a":', /line 2, byte 2: not JSON/],
  ])('with %s is refused', async (_what, text, message) => {
    await expect(allOf(jsonLines(text))).rejects.toMatchObject({
      code: 'TIDEGATE_SOURCE_RECORD',
      message: expect.stringMatching(message) as unknown,
    });
  });

  test('counts its lines, the blank ones, and the bad ones by their reasons', async () => {
    const bad = Buffer.from([0x22, 0xff, 0x22, 0x0a]);
    const text = Buffer.concat([Buffer.from('1\n\n \t\r\nx\n1e999\n'), bad, Buffer.from('2')]);
    expect(await inputOf(jsonLines(text, skip))).toEqual({
      lines: 7,
      skipped: { blank: 2, 'not JSON': 1, number: 1, 'not UTF-8': 1 },
    });
  });

  test('counts a bad record that a function has replaced as none that was skipped', async () => {
    const source = jsonLines('1\nx\n', { onBadRecord: ({ reason }) => ({ reason }) });
    expect(await inputOf(source)).toEqual({ lines: 2, skipped: {} });
  });

  test('that is empty has no line', async () => {
    expect(await inputOf(jsonLines(''))).toEqual({ lines: 0, skipped: {} });
    expect(await inputOf(jsonLines('\ufeff'))).toEqual({ lines: 0, skipped: {} });
  });

  test('counts what was read behind a position only', async () => {
    const text = '1\n\n2\n\n3\n';
    const [first] = await batchesOf(jsonLines(text, { batchRecords: 2 }));
    const later = jsonLines(text);
    await later.restore(first!.offsets, { signal: new AbortController().signal });
    expect(await inputOf(later)).toEqual({ lines: 3, skipped: { blank: 1 } });
  });
});
