// Partitions of keys, against the values that Kafka's Java client has in its own tests, and kafkajs.

import { expect, test } from '@jest/globals';
import { murmur2, partitionOf } from '../../../src/connectors/kafka/murmur2.js';
import { Partitioners } from 'kafkajs';

test('murmur2 gives what Java gives', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ];
  for (const [text, hash] of cases) expect(murmur2(Buffer.from(text))).toBe(hash);
});

test('a key gets the partition that kafkajs gives it', () => {
  const partitionMetadata = Array.from({ length: 7 }, (_, partitionId) => ({
    partitionErrorCode: 0,
    partitionId,
    leader: 1,
    replicas: [1],
    isr: [1],
  }));
  const other = Partitioners.DefaultPartitioner();
  for (let number = 0; number < 500; number++) {
    const key = Buffer.from(`key-${number * number}`);
    const message = { key, value: null };
    expect(partitionOf(key, 7)).toBe(other({ topic: 't', partitionMetadata, message }));
  }
});
