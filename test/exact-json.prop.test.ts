// JSON text gives back the value that it was made of, or the loss is named with its place.

import { describe, expect, test } from '@jest/globals';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { exactJson } from '../src/exact-json.js';

class Order {
  id = 1;
  toJSON(): unknown {
    return 'an order';
  }
}

class Stack extends Array<number> {}

const circle: Record<string, unknown> = { name: 'a' };
circle.inner = [circle];

const losses: readonly (readonly [what: string, value: unknown, loss: string])[] = [
  ['NaN', { amount: NaN }, 'amount is NaN'],
  ['infinity', { a: { b: [1, -Infinity] } }, 'a.b[1] is -Infinity'],
  ['undefined alone', undefined, 'it is undefined'],
  ['undefined in an array', [undefined], '[0] is undefined'],
  // eslint-disable-next-line no-sparse-arrays
  ['a hole', [1, , 3], '[1] is undefined'],
  ['undefined as a member', { note: undefined }, 'note is undefined'],
  ['a BigInt', { id: 1n }, 'id is a bigint'],
  ['a symbol', [Symbol('x')], '[0] is a symbol'],
  ['a function', { f: () => 1 }, 'f is a function'],
  ['a toJSON of its own', { toJSON: () => 1 }, 'toJSON is a function'],
  ['a Date', { at: new Date(0) }, 'at is an instance of Date'],
  ['a Map', { 'two words': new Map() }, '["two words"] is an instance of Map'],
  ['a Set', new Set(), 'it is an instance of Set'],
  ['bytes', { b: Buffer.from('ab') }, 'b is an instance of Buffer'],
  ['numbers in a row', { b: new Float32Array(2) }, 'b is an instance of Float32Array'],
  ['a number in a box', { n: Object(1) as object }, 'n is an instance of Number'],
  ['an instance', { order: new Order() }, 'order is an instance of Order'],
  ['a kind of array', { s: Stack.of(1) }, 's is an instance of Stack'],
  ['an error', { e: new TypeError('x') }, 'e is an instance of TypeError'],
  [
    'more than elements',
    { m: Object.assign([1], { index: 0 }) },
    'm.index is a property of an array',
  ],
  ['a symbol as name', { [Symbol('s')]: 1 }, '["Symbol(s)"] has a symbol as name'],
  [
    'of another realm',
    runInNewContext('({ at: new Date(0) })') as unknown,
    'at is an instance of Date',
  ],
];

test.each(losses)('%s is named, with its place', (_what, value, loss) => {
  expect(exactJson(value)).toEqual({ kind: 'loss', loss });
});

test('what holds itself is named, with the beginning of its path', () => {
  const { loss } = exactJson(circle) as { readonly loss: string };
  expect(loss).toMatch(
    /^inner\[0\]\.inner\[0\].{1,120}… is nested more than 500 deep, or holds itself$/,
  );
});

test('a member that is undefined may count as absent', () => {
  const json = exactJson({ a: undefined, b: -0 }, { undefinedMembers: 'absent' });
  expect(json).toEqual({ kind: 'text', text: '{"b":-0}' });
  expect(exactJson([undefined], { undefinedMembers: 'absent' })).toMatchObject({ kind: 'loss' });
});

describe('what is kept', () => {
  test.each([
    ['-0', { a: [-0, { b: -0, c: 'x' }], d: null }],
    ['half a surrogate pair', { half: '\ud800', line: '\u2028' }],
    ['a name that is no member of objects', JSON.parse('{"__proto__":{"a":1}}')],
    ['an object without prototype', Object.assign(Object.create(null), { a: 1 })],
    ['plain data of another realm', runInNewContext('({ a: [1, { b: 2 }] })')],
    ['the same object twice', [circle.name, ...Array<object>(2).fill({ shared: true })]],
  ])('%s', (_what, value: unknown) => {
    const json = exactJson(value) as { readonly text: string };
    expect(JSON.stringify(JSON.parse(json.text))).toBe(JSON.stringify(value));
    expect(Object.is(exactNumbers(JSON.parse(json.text)), exactNumbers(value))).toBe(true);
  });

  test('any JSON value, to the last bit', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnpairedSurrogates: false } as never), (value) => {
        const json = exactJson(value) as { readonly text: string };
        expect(JSON.parse(json.text)).toStrictEqual(value);
      }),
    );
  });

  test('any value at all is given back, or a loss is named', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: true,
      withBoxedValues: true,
      withNullPrototype: true,
    });
    fc.assert(
      fc.property(anything, (value) => {
        const json = exactJson(value);
        if (json.kind === 'loss') expect(json.loss).not.toBe('');
        // Equal to the last bit; only the prototype may differ.
        else expect(JSON.parse(json.text)).toEqual(value);
      }),
    );
  });
});

function exactNumbers(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) => (Object.is(member, -0) ? '-0' : member));
}
