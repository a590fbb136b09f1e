// Typed JSON gives every value back as it was, or names what it cannot keep.

import { describe, expect, test } from '@jest/globals';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { parseTypedJson, typedJson } from '../src/typed-json.js';

function thereAndBack(value: unknown): unknown {
  const json = typedJson(value);
  if (json.kind === 'loss') throw new Error(json.loss);
  expect(json.text).not.toMatch(/\n/);
  return parseTypedJson(json.text);
}

test.each([
  ['numbers that JSON has not', [NaN, Infinity, -Infinity, -0, 0, 1e308, 5e-324]],
  ['undefined, alone and within', { a: undefined, b: [undefined, { c: undefined }] }],
  ['a BigInt', { id: 2n ** 70n, negative: -1n }],
  ['dates', [new Date(0), new Date(8.64e15), new Date('0001-01-01T00:00:00.001Z')]],
  [
    'bytes',
    { some: Buffer.from('ab').subarray(1), none: Buffer.alloc(0), plain: new Uint8Array([1]) },
  ],
  [
    'a Map and a Set',
    new Map<unknown, unknown>([
      [{ k: 1n }, new Set([NaN, 'x'])],
      [NaN, -0],
    ]),
  ],
  ['objects with the name of the tag', { '~': ['date', 0], a: { '~': { '~': undefined } } }],
  ['half a surrogate pair, line ends', ['\ud800', '\n\u2028']],
])('%s come back', (_what, value) => {
  expect(thereAndBack(value)).toStrictEqual(value);
});

test('a date that is none stays one', () => {
  expect((thereAndBack(new Date(NaN)) as Date).getTime()).toBeNaN();
});

test('a member named __proto__ is a member, also with a value that JSON has not', () => {
  const value: unknown = JSON.parse('{"__proto__":{"a":1},"b":2}');
  const given = thereAndBack(Object.assign(value as object, { c: NaN })) as object;
  expect(Object.keys(given)).toEqual(['__proto__', 'b', 'c']);
  expect(Object.getPrototypeOf(given)).toBe(Object.prototype);
  expect(Object.getOwnPropertyDescriptor(given, '__proto__')?.value).toEqual({ a: 1 });
});

test('values of another realm come back as those of this one', () => {
  const value: unknown = runInNewContext('({ at: new Date(5), m: new Map([[1, [2n]]]) })');
  expect(thereAndBack(value)).toEqual({ at: new Date(5), m: new Map([[1, [2n]]]) });
});

class Order {
  id = 1;
}

test.each<readonly [string, unknown, string]>([
  ['an instance', { rows: [new Order()] }, 'rows[0] is an instance of Order'],
  ['a function', { f: () => 1 }, 'f is a function'],
  ['a symbol', [Symbol('x')], '[0] is a symbol'],
  ['a symbol as name', { a: { [Symbol('s')]: 1 } }, 'a["Symbol(s)"] has a symbol as name'],
  [
    'numbers in a row',
    new Map([[1, new Float64Array(1)]]),
    '[0][1] is an instance of Float64Array',
  ],
  ['a kind of Date', { at: new (class Day extends Date {})() }, 'at is an instance of Day'],
  ['an error', new Error('x'), 'it is an instance of Error'],
])('%s is named, with its place', (_what, value, loss) => {
  expect(typedJson(value)).toEqual({ kind: 'loss', loss });
});

test('what holds itself is named', () => {
  const circle: unknown[] = [];
  circle.push(circle);
  expect(typedJson(circle)).toMatchObject({ kind: 'loss' });
});

describe('any value', () => {
  const kept = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.double(),
      fc.string({ unit: 'binary' }),
      fc.bigInt(),
      fc.date({ noInvalidDate: true }),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.constantFrom(undefined, null, true, false),
      fc.array(tie('value')),
      fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('~', '__proto__')), tie('value'), {
        noNullPrototype: true,
      }),
      fc.array(fc.tuple(tie('value'), tie('value'))).map((pairs) => new Map(pairs)),
    ),
  }));

  test('of the kinds that are kept comes back to the last bit', () => {
    fc.assert(
      fc.property(kept.value, (value) => expect(thereAndBack(value)).toStrictEqual(value)),
      { numRuns: 500 },
    );
  });
});
