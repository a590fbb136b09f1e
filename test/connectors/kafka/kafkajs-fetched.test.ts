// What the adapter makes of raw answers to fetches: aborted ranges, overlaps, and batches without records.

import { describe, expect, test } from '@jest/globals';
import { behindEmptyBatches } from '../../../src/connectors/kafka/kafkajs-empty-batches.js';
import type { KafkaJsFetchedMessage } from 'tidegate/kafka';
import { committedRecords } from '../../../src/connectors/kafka/kafkajs-fetched.js';

/** One letter for each offset: a record of the producer, `A` its abort, `C` its commit. */
function fetched(log: readonly string[], aborted: readonly (readonly [string, number])[]) {
  return {
    partition: 0,
    highWatermark: String(log.length),
    lastStableOffset: String(log.length),
    abortedTransactions: aborted.map(([producerId, first]) => ({
      producerId,
      firstOffset: String(first),
    })),
    messages: log.map((entry, offset) => message(entry, offset)),
  };
}

function message(entry: string, offset: number): KafkaJsFetchedMessage {
  const [producerId = '', marker] = entry;
  const isControlRecord = marker !== undefined && marker !== '0';
  const type = marker === 'A' ? 0 : 1;
  return {
    offset: String(offset),
    timestamp: '1',
    // A record with the suffix 0 has the key of an abort marker.
    key: isControlRecord ? Buffer.from([0, 0, 0, type]) : Buffer.alloc(marker === '0' ? 4 : 1),
    value: Buffer.from(entry),
    isControlRecord,
    batchContext: {
      firstOffset: String(offset),
      lastOffsetDelta: 0,
      producerId,
      inTransaction: producerId !== '-',
    },
  };
}

function seen(log: readonly string[], aborted: readonly (readonly [string, number])[]): string[] {
  return committedRecords(fetched(log, aborted), 0n).records.map(({ value }) => String(value));
}

describe('read_committed', () => {
  test('leaves out transactions that overlap, whatever ended first', () => {
    const log = ['p', 'q', '-', 'q', 'qA', 'p', 'pA', 'p', 'pC'];
    expect(
      seen(log, [
        ['q', 1],
        ['p', 0],
      ]),
    ).toEqual(['-', 'p']);
  });

  test('leaves out two aborts of one producer, and a record with the key of a marker', () => {
    const log = ['p', 'p0', 'p', 'pA', '-', 'p', 'pC', 'p', 'pA', '-'];
    expect(
      seen(log, [
        ['p', 0],
        ['p', 7],
      ]),
    ).toEqual(['-', 'p', '-']);
  });

  test('knows transactions that began before what was fetched', () => {
    const answer = fetched(
      ['q', 'p', 'q', 'pA', 'qA', '-'],
      [
        ['p', 0],
        ['q', 0],
      ],
    );
    expect(committedRecords(answer, 0n).records.map(({ offset }) => offset)).toEqual([5n]);
  });

  test('goes on behind a batch whose last records are gone, and hands out none from before', () => {
    const answer = fetched(['-', '-', '-'], []);
    const messages = answer.messages.map((one) => ({
      ...one,
      batchContext: { ...one.batchContext, firstOffset: '0', lastOffsetDelta: 9 },
    })) as KafkaJsFetchedMessage[];
    const { records, nextOffset } = committedRecords({ ...answer, messages }, 2n);
    expect(records.map(({ offset }) => offset)).toEqual([2n]);
    expect(nextOffset).toBe(10n);
  });
});

test('batches without records are stepped over, up to the last stable offset', async () => {
  const firstFull = 53n;
  const isEmptyAt = (offset: bigint): Promise<boolean> => Promise.resolve(offset < firstFull);
  expect(await behindEmptyBatches({ from: 3n, end: 90n, isEmptyAt })).toBe(firstFull);
  expect(await behindEmptyBatches({ from: 3n, end: 40n, isEmptyAt })).toBe(40n);
});
