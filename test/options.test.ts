// One table says what each option may be, and all problems come in one message.

import { describe, expect, test } from '@jest/globals';
import { silentLogger } from 'tidegate/extend';
import {
  callback,
  completeOptions,
  contract,
  custom,
  flag,
  nested,
  oneOf,
  path,
  required,
  text,
  texts,
  whole,
  type OptionTable,
} from '../src/options.js';

interface Given {
  readonly directory: string;
  readonly bufferBytes?: number;
  readonly mode?: 'fast' | 'safe';
  readonly isNew?: boolean;
  readonly name?: string;
  readonly encode?: () => string;
  readonly logger?: object;
  readonly columns?: readonly string[];
  readonly timeouts?: { readonly commitMs?: number };
  readonly extra?: unknown;
}

const table = {
  directory: required(path()),
  bufferBytes: whole({ min: 1, max: 9 }, 4),
  mode: oneOf(['fast', 'safe'], 'safe'),
  isNew: flag(false),
  name: text('none'),
  encode: callback(() => 'text'),
  logger: contract(['warn'], silentLogger),
  columns: texts(),
  timeouts: nested({ commitMs: whole({ min: 1, unit: 'milliseconds' }, 7) }),
  extra: custom((value) => (value === 'odd' ? 'is odd' : undefined)),
} satisfies OptionTable<Given>;

const complete = (given: unknown, rules?: () => readonly (string | undefined)[]) =>
  completeOptions('thing', given as Given, table, rules === undefined ? {} : { rules });

test('what is left out has its default, and what has none stays out', () => {
  expect(complete({ directory: 'd', isNew: undefined })).toEqual({
    directory: 'd',
    bufferBytes: 4,
    mode: 'safe',
    isNew: false,
    name: 'none',
    encode: table.encode.default,
    timeouts: { commitMs: 7 },
    logger: silentLogger,
  });
});

test('what is given is kept, also what is not copied by JSON', () => {
  const encode = (): string => '';
  const given = { directory: 'd', encode, timeouts: { commitMs: 3 }, columns: ['a'], extra: 1n };
  expect(complete(given)).toMatchObject(given);
});

describe('refused', () => {
  test.each([
    ['hunter2', 'thing: expected an options object, got string'],
    [null, 'thing: expected an options object, got null'],
    [[], 'thing: expected an options object, got an array'],
    [{}, 'thing: directory is missing'],
    [{ directory: '' }, 'thing: directory is empty, not a path'],
    [{ directory: 'd', mode: 'quick' }, 'thing: mode is "quick", not one of fast, safe'],
    [{ directory: 'd', mode: 'hunter2' }, 'thing: mode is of type string, not one of fast, safe'],
    [{ directory: 'd', isNew: 1 }, 'thing: isNew is 1, not true or false'],
    [{ directory: 'd', name: 3 }, 'thing: name is of type number, not text'],
    [{ directory: 'd', encode: {} }, 'thing: encode is of type object, not a function'],
    [{ directory: 'd', logger: {} }, 'thing: logger has no warn()'],
    [{ directory: 'd', columns: [1] }, 'thing: columns is an array, not a list of texts'],
    [{ directory: 'd', extra: 'odd' }, 'thing: extra is odd'],
    [
      { directory: 'd', timeouts: { commitMs: 0, comitMs: 1 } },
      'thing: there is no option timeouts.comitMs; timeouts.commitMs is 0, not whole milliseconds of 1 or more',
    ],
  ])('%j', (given, message) => {
    expect(() => complete(given)).toThrow(
      expect.objectContaining({ code: 'TIDEGATE_OPTIONS', message }),
    );
  });

  test('all problems at once, the unknown names first, and no text is quoted', () => {
    const given = { directory: 'd', constructor: 1, bufferBytes: 10, isNew: 'hunter2' };
    expect(() => complete(given)).toThrow(
      /^thing: there is no option constructor: there are .*; bufferBytes is 10, not a whole number from 1 to 9; isNew is of type string, not true or false$/,
    );
  });

  test('rules are asked only when each option fits by itself', () => {
    let asked = 0;
    const rules = () => {
      asked++;
      return [undefined, 'mode and name exclude each other'];
    };
    expect(() => complete({ directory: 1 }, rules)).toThrow('not a path');
    expect(asked).toBe(0);
    expect(() => complete({ directory: 'd' }, rules)).toThrow(
      'thing: mode and name exclude each other',
    );
  });
});
