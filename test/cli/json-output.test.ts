// JSON for machines that a terminal may show: the same document, and no command in it.

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { toJsonText } from '../../src/cli/json-output.js';
import { printable } from '../../src/cli/printable.js';

const dangerous = [
  '\u007f',
  '\u0080',
  '\u009b',
  '\u009f',
  '\u2028',
  '\u2029',
  '\u202e',
  '\u2066',
  '\u2069',
  '\u200f',
  '\u061c',
  '\ufeff',
];

test.each(dangerous)('%j is escaped in names and in texts, plain ones too', (character) => {
  const text = toJsonText({ [`a${character}`]: [`b${character}c`] });
  expect(text).not.toContain(character);
  expect(JSON.parse(text)).toEqual({ [`a${character}`]: [`b${character}c`] });
  expect(printable(`a${character}`)).not.toContain(character);
});

test('whatever the text is, the document is the same and nothing in it reaches a terminal', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const document = toJsonText({ text });
      expect(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/.test(document)).toBe(false);
      expect((JSON.parse(document) as { text: string }).text).toBe(text);
    }),
  );
});
