// JSON of PostgreSQL in JavaScript and back: every number with its digits, every other value as it was.

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseArray, printArray } from '../../src/connectors/postgres/array-text.js';
import { dateTextOf } from '../../src/connectors/postgres/date-text.js';
import { JsonText } from 'tidegate/postgres';
import {
  jsonText,
  parseJson,
  parseJsonAsWritten,
} from '../../src/connectors/postgres/json-text.js';

const seed = 20_261;

describe('JSON', () => {
  test('that JavaScript holds is the value that JSON.parse gives', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const text = JSON.stringify(value);
        if (value === null || /[eE]/.test(text)) return;
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
      { seed },
    );
  });

  test('of any numbers is written with the digits that it came with', () => {
    const digits = fc.stringMatching(/^-?(0|[1-9]\d{0,30})(\.\d{1,30})?$/);
    const strings = fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed());
    fc.assert(
      fc.property(fc.array(fc.tuple(strings, digits)), (members) => {
        const text = `[${members.map(([name, number]) => `{${JSON.stringify(name)}:${number}}`).join(',')}]`;
        expect(jsonText(parseJson(text))).toBe(text);
      }),
      { seed },
    );
  });

  test('numbers are numbers, BigInts, or a JsonText that counts as the nearest number', () => {
    const value = parseJson('[1,-1.5,9007199254740993,1.10,"\\"9007199254740993"]') as unknown[];
    expect(value.slice(0, 3)).toEqual([1, -1.5, 9_007_199_254_740_993n]);
    expect(value[3]).toBeInstanceOf(JsonText);
    expect((value[3] as number) * 2).toBe(2.2);
    expect(String(value[3])).toBe('1.10');
    expect(value[4]).toBe('"9007199254740993');
  });

  test('a name such as __proto__ is a member like any other', () => {
    const text = '{"__proto__": 1.10, "a": {"__proto__": 2}}';
    expect(jsonText(parseJson(text))).toBe(text.replaceAll(' ', ''));
  });

  test('JSON null is no NULL', () => {
    expect(parseJson('null')).toEqual(new JsonText('null'));
    expect(jsonText(new JsonText('null'))).toBe('null');
  });

  test('a value of a json column keeps its text until it is changed', () => {
    const text = '{ "b" : 1.0, "1": 2,"b":3 }';
    const value = parseJsonAsWritten(text) as Record<string, unknown>;
    expect(value).toEqual({ 1: 2, b: 3 });
    expect(jsonText(value)).toBe(text);
    value.b = 4;
    expect(jsonText(value)).toBe('{"1":2,"b":4}');
  });

  test.each([
    ['NaN', { a: [1, NaN] }, /a\[1\] is NaN/],
    ['a Map', { a: new Map() }, /a is an instance of Map/],
    ['a Map beside a BigInt', [1n, { a: new Map() }], /\[1\]\.a is an instance of Map/],
    ['bytes', Buffer.of(1), /instance of Buffer/],
    ['a Date', { at: new Date(0) }, /at is an instance of Date/],
    ['undefined', { a: undefined }, /a is undefined/],
    ['a function', [() => 1], /is a function/],
  ])('%s is refused, with its place', (_what, value, message) => {
    expect(() => jsonText(value)).toThrow(message);
  });

  test('what holds itself is refused', () => {
    const circle: unknown[] = [1n];
    circle.push(circle);
    expect(() => jsonText(circle)).toThrow(/holds itself/);
  });

  test('a JsonText is JSON, is changed by no JSON.stringify, and quotes nothing', () => {
    expect(() => new JsonText('secret')).toThrow(/no JSON/);
    expect(() => new JsonText('secret')).not.toThrow(/secret/);
    expect(() => JSON.stringify({ a: new JsonText('1.10') })).toThrow(/JSON\.stringify/);
  });
});

test('arrays of texts come back as they were, whatever is in them', () => {
  const element = fc.oneof(fc.constant(null), fc.constant('NULL'), fc.string({ unit: 'binary' }));
  fc.assert(
    fc.property(fc.array(element), fc.constantFrom(',', ';'), (elements, delimiter) => {
      expect(parseArray(printArray(elements, delimiter), delimiter)).toEqual(elements);
    }),
    { seed },
  );
  expect(parseArray('[0:1]={1,2}', ',')).toBeUndefined();
  expect(parseArray('{{1,NULL},{"a","}"}}', ',')).toEqual([
    ['1', null],
    ['a', '}'],
  ]);
});

test.each([
  ['2024-03-10T01:02:03.004Z', '2024-03-10 01:02:03.004', undefined],
  ['2024-03-10T00:00:00.000Z', '2024-03-10 00:00:00.000', '2024-03-10'],
  ['+012024-03-10T00:00:00.000Z', '12024-03-10 00:00:00.000', '12024-03-10'],
  ['+123456-01-01T00:00:00.000Z', '123456-01-01 00:00:00.000', '123456-01-01'],
  ['0000-12-31T00:00:00.000Z', '0001-12-31 00:00:00.000 BC', '0001-12-31 BC'],
  ['-000043-03-15T00:00:00.000Z', '0044-03-15 00:00:00.000 BC', '0044-03-15 BC'],
])(
  'a Date of %s is an instant, a clock of UTC, or its day where it is midnight',
  (iso, clock, day) => {
    const date = new Date(iso);
    expect(dateTextOf(date, 'timestamp')).toBe(clock);
    expect(dateTextOf(date, 'timestamptz')).toBe(clock.replace(/( BC)?$/, '+00$1'));
    expect(dateTextOf(date, 'date')).toBe(day);
  },
);
