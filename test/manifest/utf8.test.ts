// The first byte that is no UTF-8, beside what Node accepts.

import { isUtf8 } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import { firstInvalidUtf8 } from '../../src/manifest/json/utf8.js';

/** On both sides of every border in the table of RFC 3629. */
const leads = [
  0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1,
  0xf3, 0xf4, 0xf5, 0xff,
];
const seconds = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
const tails = [0x7f, 0x80, 0xbf, 0xc0];

describe('the first invalid byte', () => {
  test.each(leads)('behind a lead of %d', (lead) => {
    for (const bytes of sequences(lead)) {
      expect([...bytes, '->', firstInvalidUtf8(bytes)]).toEqual([...bytes, '->', expected(bytes)]);
    }
  });

  test('is counted from the beginning, behind characters of every length', () => {
    const good = Buffer.from('aé日😀');
    expect(firstInvalidUtf8(good)).toBe(-1);
    expect(firstInvalidUtf8(Buffer.concat([good, Buffer.of(0xff)]))).toBe(good.length);
  });
});

function* sequences(lead: number): Generator<Uint8Array> {
  yield Uint8Array.of(lead);
  for (const second of seconds) {
    yield Uint8Array.of(lead, second);
    for (const third of tails) {
      yield Uint8Array.of(lead, second, third);
      for (const fourth of tails) yield Uint8Array.of(lead, second, third, fourth);
    }
  }
}

/** Where the longest prefix ends that is UTF-8; -1 when it is all of it. */
function expected(bytes: Uint8Array): number {
  if (isUtf8(bytes)) return -1;
  let end = bytes.length;
  while (!isUtf8(bytes.subarray(0, end))) end--;
  return end;
}
