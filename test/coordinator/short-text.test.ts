// What others say, as one short line.

import { describe, expect, test } from '@jest/globals';
import { TidegateError } from 'tidegate';
import type { Sink, TwoPhaseSinkSession } from 'tidegate/extend';
import { shortMessage, shortText } from '../../src/runtime/short-text.js';
import { Harness } from './support/harness.js';

describe('a short text', () => {
  test.each([
    ['is left as it is', 'the table is gone', 'the table is gone'],
    ['is one line', 'first\n\tsecond\u0000\u001b[31m', 'first second [31m'],
    ['has no half of a pair', 'a\ud800b', 'a\ufffdb'],
  ])('%s', (_how, given, expected) => {
    expect(shortText(given)).toBe(expected);
  });

  test.each(['x'.repeat(201), 'x'.repeat(3_000_000), ' '.repeat(900) + 'x', '😀'.repeat(150)])(
    'ends in a mark when it was cut',
    (given) => {
      const short = shortText(given);
      expect(short.length).toBeLessThanOrEqual(200);
      expect(short.endsWith('…')).toBe(true);
      expect(short).not.toMatch(/\p{Cs}/u);
    },
  );

  test('of an error begins with its code, or its name', () => {
    const away = new TidegateError('TIDEGATE_STORE_FULL', 'no room');
    expect(shortMessage(away)).toBe('TIDEGATE_STORE_FULL: no room');
    expect(shortMessage(new RangeError('no'))).toBe('RangeError: no');
  });
});

test('what a sink says when it cannot commit is kept short in the manifest and in the event', async () => {
  const harness = new Harness({
    sinks: { left: 'durable' },
    checkpoint: { timeouts: { commitMs: 20 } },
  });
  await harness.start();
  await harness.turn();
  const statement = `INSERT INTO secrets VALUES\n${'(42),'.repeat(5_000)}`;
  harness.sink('left').next('commit', () => {
    throw Object.assign(new Error(statement), { code: '57P01' });
  });
  const asked = harness.coordinator.checkpoint();
  await harness.coordinator.safePoint();
  await harness.settle(asked);
  const saved = harness.log.findLast((call) => call.kind === 'saved' && call.how === 'update');
  if (saved?.kind !== 'saved') throw new Error('nothing was saved again');
  const status = saved.manifest.sinkCommitStatuses.get('left');
  if (status?.kind !== 'failed') throw new Error('it did not fail');
  expect(status.message).toMatch(/^57P01: INSERT INTO secrets VALUES \(42\),.*…$/);
  expect(status.message).toHaveLength(200);
  const told = harness.seen.find(({ name }) => name === 'sink-not-committed');
  expect(told?.fact).toMatchObject({ message: status.message });
});

test('a handle that is given twice is named by its beginning', async () => {
  const session: TwoPhaseSinkSession = {
    write: () => undefined,
    preCommit: async () => ({ handle: 'h'.repeat(60_000) }),
    commit: async () => 'applied',
    inspect: async () => 'committed',
    lastCommitted: async () => undefined,
    listPrepared: async () => [],
    rollback: async () => new Map(),
  };
  const open = async (): Promise<TwoPhaseSinkSession> => session;
  const same: Sink = { durability: 'durable', open, openReadOnly: open };
  const harness = new Harness({ more: { sinks: { same } } });
  await harness.start();
  await harness.turn();
  expect((await harness.checkpoint()).kind).toBe('completed');
  await harness.turn();
  const outcome = await harness.checkpoint();
  if (outcome.kind !== 'failed' || outcome.cause.kind !== 'failed') throw new Error('it passed');
  const { message } = outcome.cause.error as Error;
  expect(message).toContain('for two attempts');
  expect(message.length).toBeLessThan(400);
});
