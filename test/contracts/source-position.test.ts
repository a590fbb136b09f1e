// A position that a manifest cannot keep is refused with a sentence that says what to give.

import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import { TidegateError } from 'tidegate';
import { checkedPosition, requireOffsets } from '../../src/contracts/source-position.js';

class Offset {
  readonly line = '3';
}

describe('a position', () => {
  test.each<[string, object]>([
    ['of texts', { line: '3', file: '' }],
    ['without a prototype', Object.assign(Object.create(null) as object, { line: '3' })],
    ['of another realm', runInNewContext('({ line: "3" })') as object],
    ['of nothing', {}],
    ['with a name that every object has', { constructor: 'x', toString: 'y', offsets: 'z' }],
  ])('%s is taken as offsets', (_what, offsets) => {
    expect(checkedPosition('source a', offsets)).toEqual({ offsets });
  });

  test('with metadata and a watermark is taken as it is', () => {
    const position = { offsets: { line: '3' }, metadata: { topic: 'a' }, watermark: 5n };
    expect(checkedPosition('source a', position)).toBe(position);
  });

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'is undefined, not a plain object of texts'],
    ['null', null, 'is null, not a plain object of texts'],
    ['a number', 3, 'is of type number, not'],
    ['a text', '3', 'is of type string, not'],
    ['an array', ['3'], 'is an array, not'],
    ['a Map', new Map([['line', '3']]), 'is a Map, not'],
    ['a Set', new Set(['3']), 'is a Set, not'],
    ['an instance', new Offset(), 'is a Offset, not'],
    ['a date', new Date(0), 'is a Date, not'],
    ['a function', () => ({ line: '3' }), 'is of type function, not'],
    [
      'a number in it',
      { line: 3 },
      'has an offset, line, that is of type number, not a text: give String(value)',
    ],
    [
      'a bigint in it',
      { line: 3n },
      'has an offset, line, that is of type bigint, not a text: give String(value)',
    ],
    ['nothing in it', { line: undefined }, 'has an offset, line, that is undefined, not a text'],
    ['null in it', { line: null }, 'has an offset, line, that is null'],
    [
      'an object in it',
      { part: { line: '3' } },
      'has an offset, part, that is an object, not a text',
    ],
    ['a Map in it', { part: new Map() }, 'has an offset, part, that is a Map, not a text'],
    ['an array in it', { part: ['3'] }, 'has an offset, part, that is an array'],
    [
      'offsets that are a Map',
      { offsets: new Map([['a', '1']]) },
      'has offsets that are a Map, not',
    ],
    ['offsets that are null', { offsets: null }, 'has offsets that are null'],
    [
      'offsets that are numbers',
      { offsets: { line: 3 } },
      'has an offset, line, that is of type number',
    ],
    [
      'offsets beside offsets',
      { offsets: { line: '3' }, file: 'a' },
      'has file beside its offsets',
    ],
    ['metadata that is a Map', { offsets: {}, metadata: new Map() }, 'has metadata that is a Map'],
    [
      'metadata of numbers',
      { offsets: {}, metadata: { n: 3 } },
      'has a member of its metadata, n, that is',
    ],
    [
      'a watermark in milliseconds',
      { offsets: {}, watermark: 5 },
      'has a watermark that is of type number, not a bigint',
    ],
  ])('that is or has %s is refused, saying so', (_what, given, why) => {
    expect(() => checkedPosition('source a', given)).toThrow(`the position of source a ${why}`);
    expect(() => checkedPosition('source a', given)).toThrow(TidegateError);
  });

  test('behind a batch has offsets only', () => {
    requireOffsets('source a behind a batch', { line: '3' });
    expect(() => requireOffsets('source a behind a batch', new Map())).toThrow(
      'the position of source a behind a batch is a Map, not a plain object of texts',
    );
    expect(() => requireOffsets('source a', undefined)).toThrow('is undefined');
  });

  test('that is wrong shows no value', () => {
    expect(() => checkedPosition('source a', { token: 4711 })).not.toThrow('4711');
  });
});
