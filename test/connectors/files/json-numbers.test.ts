// Numbers of JSON Lines that a JavaScript number cannot hold: a bad record, or read exactly.

import { describe, expect, test } from '@jest/globals';
import { jsonLinesSource } from 'tidegate/files';
import fc from 'fast-check';
import { allOf, jsonLines } from './source-world.js';

test('an integer beyond 2^53-1 is a bad record, with its place and without its digits', async () => {
  const text = '{"id":9007199254740991}\n{"id":9007199254740993}\n';
  const refused = await allOf(jsonLines(text)).then(
    () => undefined,
    (error: unknown) => error as Error,
  );
  expect(refused).toMatchObject({
    code: 'TIDEGATE_SOURCE_RECORD',
    message: expect.stringMatching(
      /line 2, byte 24: an integer beyond 2\^53-1, which numbers: "bigint" would read exactly, at position 6$/,
    ) as unknown,
  });
  expect(await allOf(jsonLines(text, { onBadRecord: 'skip' }))).toEqual([{ id: 9007199254740991 }]);
});

test('integers beyond 2^53-1 are read exactly where it is asked for', async () => {
  const text = '{"id":9007199254740992,"n":[-18446744073709551616,1]}\n{"id":9007199254740993}\n';
  expect(await allOf(jsonLines(text, { numbers: 'bigint' }))).toEqual([
    { id: 9007199254740992n, n: [-18446744073709551616n, 1] },
    { id: 9007199254740993n },
  ]);
});

describe('a number that cannot be held', () => {
  test.each([
    ['9007199254740992', /an integer beyond/],
    ['-9007199254740992', /an integer beyond/],
    ['100000000000000000000000000000000', /an integer beyond/],
    [`1${'0'.repeat(400)}`, /too large or too small/],
    ['1e400', /too large or too small/],
    ['-1E+400', /too large or too small/],
    ['1e-400', /too large or too small/],
    ['0.1234567890123456789', /more digits than a number keeps/],
    ['123456789012345678.5', /more digits than a number keeps/],
    [`0.${'123456789'.repeat(20)}`, /more digits than a number keeps/],
  ])('%s is a bad record wherever it stands', async (number, reason) => {
    for (const line of [number, `[1, ${number}]`, `{"a b": {"\\"": ${number}}}`]) {
      await expect(allOf(jsonLines(line))).rejects.toThrow(reason);
      const nearest = allOf(jsonLines(line, { numbers: 'nearest' }));
      if (reason.source.includes('too large')) await expect(nearest).rejects.toThrow(reason);
      else expect(await nearest).toEqual([JSON.parse(line)]);
    }
  });
});

test.each([
  ['-0', -0],
  ['0e999', 0],
  ['0.1', 0.1],
  ['0.30000000000000004', 0.30000000000000004],
  ['0.1000000000000000055511151231257827', 0.1],
  ['0.10000000000000001', 0.1],
  ['5e-324', 5e-324],
  ['4.9406564584124654e-324', 5e-324],
  ['1.7976931348623157e308', Number.MAX_VALUE],
  ['1e22', 1e22],
  ['1.0000000000000000000000000', 1],
  ['"9007199254740993"', '9007199254740993'],
  ['"1e400 0.12345678901234567890"', '1e400 0.12345678901234567890'],
])('%s is kept as it is', async (text, value) => {
  expect(await allOf(jsonLines(text))).toStrictEqual([value]);
  expect(await allOf(jsonLines(text, { numbers: 'bigint' }))).toStrictEqual([value]);
});

test('a function makes a value of the text of every number', async () => {
  const numbers = (text: string): unknown => ({ decimal: text });
  expect(await allOf(jsonLines('{"price":1.10,"n":[2]}\n"3"\n', { numbers }))).toEqual([
    { price: { decimal: '1.10' }, n: [{ decimal: '2' }] },
    '3',
  ]);
});

test('names are the same whichever way a line is read', async () => {
  const line = '{"__proto__":{"a":1},"twice":1,"twice":2,"id":9007199254740993}';
  const [record] = (await allOf(jsonLines(line, { numbers: 'bigint' }))) as [object];
  expect(Object.entries(record)).toEqual([
    ['__proto__', { a: 1 }],
    ['twice', 2],
    ['id', 9007199254740993n],
  ]);
});

test('JSON that is nested too deep for the exact reading is a bad record', async () => {
  const line = `${'['.repeat(100_000)}9007199254740993${']'.repeat(100_000)}`;
  await expect(allOf(jsonLines(line, { numbers: 'bigint' }))).rejects.toMatchObject({
    code: 'TIDEGATE_SOURCE_RECORD',
  });
});

test('what JavaScript writes as JSON is read again, whatever number it is', async () => {
  const number = fc.oneof(fc.double({ noDefaultInfinity: true, noNaN: true }), fc.maxSafeInteger());
  await fc.assert(
    fc.asyncProperty(fc.array(number), async (numbers) => {
      // Integers beyond 2^53-1 are written without an exponent up to 10^21.
      const held = numbers.filter((one) => !Number.isInteger(one) || Math.abs(one) < 2 ** 53);
      const [given] = await allOf(jsonLines(JSON.stringify(held)));
      expect(given).toEqual(held.map((one) => (one === 0 ? 0 : one)));
    }),
  );
});

test('a number half-way between two texts is read by the one that JavaScript writes', async () => {
  expect(await allOf(jsonLines('[-2008086591888067.2]'))).toEqual([[-2008086591888067.25]]);
});

test('an option that there is not is refused', () => {
  expect(() => jsonLinesSource('/x', { numbers: 'text' as 'exact' })).toThrow(
    /numbers is "text", not "exact", "bigint", "nearest" or a function/,
  );
  expect(() => jsonLinesSource('/x', { number: 'exact' } as object)).toThrow(/no option number/);
  expect(() => jsonLinesSource('/x', { onBadRecord: 'drop' as 'skip' })).toThrow(
    /onBadRecord is "drop"/,
  );
  expect(() => jsonLinesSource('/x', { resumeBy: 'path' as 'file' })).toThrow(/resumeBy is "path"/);
});
