// Who gets which partition when members come and go: few move, and the load stays even.

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createRequire } from 'node:module';
import type { KafkaJsCluster } from '../../../src/connectors/kafka/kafkajs-client.js';
import { stick, stickyAssigner } from '../../../src/connectors/kafka/kafkajs-sticky.js';

/** kafkajs' own codec: what we write is what its members read. */
const { AssignerProtocol } = createRequire(import.meta.url)('kafkajs') as {
  AssignerProtocol: {
    MemberAssignment: { decode(bytes: Buffer): { assignment: Record<string, number[]> } };
    MemberMetadata: {
      decode(bytes: Buffer): { topics: string[]; userData: Buffer };
      encode(metadata: { version: number; topics: string[]; userData: Buffer }): Buffer;
    };
  };
};
const twelve = Array.from({ length: 12 }, (_, partition) => partition);

describe('an assignment that sticks', () => {
  test('gives a new member its share, and moves nothing else', () => {
    const before = new Map([
      ['a', [0, 1, 2, 3]],
      ['b', [4, 5, 6, 7]],
      ['c', [8, 9, 10, 11]],
      ['d', []],
    ]);
    const after = stick(twelve, before);
    expect([...after.values()].map((its) => its.length)).toEqual([3, 3, 3, 3]);
    for (const member of ['a', 'b', 'c']) {
      expect(before.get(member)).toEqual(expect.arrayContaining([...after.get(member)!]));
    }
  });

  test('gives what a dead member had to the others, which keep all they had', () => {
    const after = stick(
      twelve,
      new Map([
        ['a', [0, 1, 2]],
        ['b', [3, 4, 5]],
        ['c', [6, 7, 8]],
      ]),
    );
    expect(after.get('a')).toEqual([0, 1, 2, 9]);
    expect([...after.values()].flat().sort((one, other) => one - other)).toEqual(twelve);
  });

  test('has every partition once and an even load, whatever members claim', () => {
    const claims = fc.dictionary(fc.string({ minLength: 1 }), fc.array(fc.nat(15)), { minKeys: 1 });
    fc.assert(
      fc.property(claims, fc.integer({ min: 1, max: 12 }), (claimed, count) => {
        const partitions = twelve.slice(0, count);
        const after = stick(partitions, new Map(Object.entries(claimed)));
        const all = [...after.values()];
        expect(all.flat().sort((one, other) => one - other)).toEqual(partitions);
        const sizes = all.map((its) => its.length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        expect(after.size).toBe(Object.keys(claimed).length);
      }),
    );
  });

  test('is written as kafkajs reads it, and reads what other programs wrote as nothing', async () => {
    const cluster = {
      findTopicPartitionMetadata: () => [0, 1, 2].map((partitionId) => ({ partitionId })),
    } as unknown as KafkaJsCluster;
    const assigner = stickyAssigner('orders', () => [2])({ cluster });
    const { metadata } = assigner.protocol({ topics: ['orders'] });
    expect(AssignerProtocol.MemberMetadata.decode(metadata).topics).toEqual(['orders']);
    const other = AssignerProtocol.MemberMetadata.encode({
      ...{ version: 1, topics: ['orders'], userData: Buffer.from('not ours') },
    });
    const assigned = await assigner.assign({
      members: [
        { memberId: 'b', memberMetadata: metadata },
        { memberId: 'a', memberMetadata: other },
      ],
      topics: ['orders'],
    });
    const decoded = assigned.map(
      ({ memberId, memberAssignment }) =>
        [memberId, AssignerProtocol.MemberAssignment.decode(memberAssignment).assignment] as const,
    );
    expect(Object.fromEntries(decoded)).toEqual({ a: { orders: [1] }, b: { orders: [2, 0] } });
  });
});
