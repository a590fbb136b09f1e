import { describe, expect, test } from '@jest/globals';
import { memorySink } from 'tidegate';
import { describeTwoPhaseSink } from 'tidegate/testing';
import { attempt, calm, ownerOf } from '../../src/testing/conformance/sink-bench.js';

describeTwoPhaseSink<{ number: number }>(
  {
    name: 'a memory sink',
    record: (number) => ({ number }),
    create: () => {
      const sink = memorySink<{ number: number }>();
      return { connect: () => sink, visible: () => sink.records };
    },
  },
  { describe, test },
);

test('a batch of any length is taken', async () => {
  const sink = memorySink<number>();
  const session = await sink.open(ownerOf(1));
  // More than the arguments of one call.
  const records = Array.from({ length: 300_000 }, (_, index) => index);
  await session.write(records);
  const { handle } = await session.preCommit(attempt(1, 1), calm);
  expect(await session.commit(handle, calm)).toBe('applied');
  expect(sink.records).toHaveLength(records.length);
});
