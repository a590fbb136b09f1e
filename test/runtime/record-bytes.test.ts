import { describe, expect, test } from '@jest/globals';
import { bytesOf, bytesOfRecord, BytesMeter } from '../../src/runtime/record-bytes.js';

const large = 'y'.repeat(200_000);

describe('the estimated size of a record', () => {
  test.each<[string, unknown]>([
    ['a text', large],
    ['a buffer', Buffer.alloc(200_000)],
    ['typed numbers', new Float64Array(25_000)],
    ['a bare buffer', { body: new ArrayBuffer(200_000) }],
    ['a member', { id: 1, body: large }],
    ['a member deep inside', { a: { b: { c: [{ d: large }] } } }],
    ['an entry of a map', { body: new Map([['a', large]]) }],
    ['an entry of a set', { body: new Set([large]) }],
    ['many small texts', Array.from({ length: 20_000 }, () => '12')],
  ])('counts %s', (_, record) => {
    expect(bytesOfRecord(record)).toBeGreaterThanOrEqual(200_000);
    expect(bytesOfRecord(record)).toBeLessThan(201_000);
  });

  test('ends for a record that holds itself, and for one that cannot be read', () => {
    const own: Record<string, unknown> = { name: 'own' };
    own.self = own;
    expect(bytesOfRecord(own)).toBeLessThan(10_000);
    const shy = Object.defineProperty({}, 'a', {
      enumerable: true,
      get: () => {
        throw new Error('not now');
      },
    });
    expect(bytesOfRecord(shy)).toBeLessThan(100);
  });

  test('is that of a sample for small records, and of all where one in the sample is large', () => {
    const small = Array.from({ length: 1_000 }, (_, id) => ({ id, name: 'ann' }));
    expect(bytesOf(small)).toBe(1_000 * bytesOfRecord(small[0]));
    const mixed = small.map((one, index) => (index % 8 === 0 ? { ...one, body: large } : one));
    expect(bytesOf(mixed)).toBeGreaterThanOrEqual(125 * 200_000);
    expect(bytesOf(mixed)).toBeLessThan(126 * 200_000);
    expect(bytesOf(['', large, ...Array.from({ length: 100 }, () => '')])).toBeGreaterThan(200_000);
  });

  test('adds up for records that come one by one', () => {
    const meter = new BytesMeter();
    expect(meter.add({ body: large })).toBeGreaterThan(200_000);
    expect(meter.add({ body: large })).toBeGreaterThan(400_000);
    expect(meter.add({ body: '' })).toBeLessThan(401_000);
    meter.reset();
    expect(meter.add({ body: '' })).toBeLessThan(100);
  });
});
