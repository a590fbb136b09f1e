// States as streams: who is blamed when one breaks, and that none is left half read.

import { describe, expect, test } from '@jest/globals';
import type { EncodedState, Operator } from 'tidegate/extend';
import { Harness, type HarnessOptions } from './support/harness.js';
import { fails } from './support/scripted-sink.js';

const chunk = new Uint8Array(64);

/** An operator whose states stream, from the second on: the first is for the start checkpoint. */
function streaming(encode: () => EncodedState | Promise<EncodedState>): Operator {
  let captures = 0;
  return {
    capture: () => (captures++ === 0 ? { encode: () => new Uint8Array() } : { encode }),
    restore: () => undefined,
    reset: () => undefined,
  };
}

async function failureWith(operator: Operator, options: HarnessOptions = {}) {
  const harness = new Harness({
    checkpoint: { stateInlineThresholdBytes: 100, timeouts: { snapshotMs: 1_000 } },
    more: { operators: { big: operator } },
    ...options,
  });
  await harness.start();
  await harness.turn();
  const asked = harness.coordinator.checkpoint();
  await harness.coordinator.safePoint();
  const outcome = await harness.settle(asked);
  if (outcome.kind === 'completed' || outcome.kind === 'skipped') throw new Error('it passed');
  return { harness, outcome };
}

/** What is given up is counted. */
function counted(chunks: number, end?: Error) {
  const facts = { givenUp: 0, read: 0 };
  const state: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        if (facts.read === chunks && end !== undefined) throw end;
        facts.read += 1;
        return facts.read > chunks ? { done: true, value: undefined } : { value: chunk };
      },
      return: async () => {
        facts.givenUp += 1;
        return { done: true, value: undefined };
      },
    }),
  };
  return { facts, state };
}

describe('an operator whose state breaks is named', () => {
  const gone = Object.assign(new Error('gone'), { code: 'ENOSPC' });

  test.each([
    ['before it is known to be large', 1, 'abandoned', 'snapshot'],
    ['while the store reads it', 4, 'failed', 'sidecar'],
  ])('%s', async (_when, chunks, kind, step) => {
    const { state } = counted(chunks, gone);
    const { outcome } = await failureWith(streaming(() => state));
    expect(outcome).toMatchObject({
      kind,
      cause: {
        step,
        error: {
          code: 'TIDEGATE_PARTICIPANT',
          message: expect.stringContaining('operator big'),
          details: { participant: 'big', step },
          cause: gone,
        },
      },
    });
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['a number', 7],
    ['texts', ['a', 'b']],
  ])('when it gives %s', async (_what, state) => {
    const { outcome } = await failureWith(streaming(() => state as EncodedState));
    expect(outcome).toMatchObject({
      kind: 'abandoned',
      cause: { error: { code: 'TIDEGATE_PARTICIPANT', details: { participant: 'big' } } },
    });
  });
});

describe('a stream that is not read to its end is given up', () => {
  test('when a sink cannot pre-commit', async () => {
    const { state, facts } = counted(10);
    const harness = new Harness({
      checkpoint: { stateInlineThresholdBytes: 100 },
      more: { operators: { big: streaming(() => state) } },
    });
    await harness.start();
    await harness.turn();
    harness.sink('left').next('preCommit', fails());
    expect((await harness.checkpoint()).kind).toBe('failed');
    expect(facts).toEqual({ read: 2, givenUp: 1 });
  });

  test('when the attempt was over before it came', async () => {
    const { state, facts } = counted(10);
    let give = (_state: EncodedState): void => undefined;
    const late = new Promise<EncodedState>((resolve) => (give = resolve));
    const { harness, outcome } = await failureWith(streaming(() => late));
    expect(outcome.kind).toBe('abandoned');
    give(state);
    await harness.clock.settle();
    expect(facts).toEqual({ read: 0, givenUp: 1 });
  });

  test('and not when it was', async () => {
    const { state, facts } = counted(10);
    const harness = new Harness({
      checkpoint: { stateInlineThresholdBytes: 100 },
      more: { operators: { big: streaming(() => state) } },
    });
    await harness.start();
    await harness.turn();
    expect((await harness.checkpoint()).kind).toBe('completed');
    expect(facts).toEqual({ read: 11, givenUp: 0 });
  });
});

describe('a table store', () => {
  test.each([
    ['throws', () => Promise.reject(new Error('no space for tables'))],
    ['gives nothing', async () => undefined as unknown as string],
    ['gives an empty path', async () => ''],
  ])('that %s is named', async (_how, checkpoint) => {
    const tableStore = { checkpoint, restore: async () => undefined };
    const { outcome } = await failureWith(
      streaming(() => chunk),
      { more: { tableStore } },
    );
    expect(outcome).toMatchObject({
      kind: 'abandoned',
      cause: {
        step: 'snapshot',
        error: {
          code: 'TIDEGATE_PARTICIPANT',
          message: expect.stringContaining('the table store'),
        },
      },
    });
  });
});
