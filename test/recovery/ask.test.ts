// RetryBudget: what is asked again, how soon, how long, and what ends it.

import { describe, expect, test } from '@jest/globals';
import { TidegateError } from 'tidegate';
import { seededRandom, silentLogger } from 'tidegate/extend';
import {
  abortedBy,
  ask,
  isFinal,
  PassEnded,
  throwIfAborted,
  timeoutFor,
  type RetryBudget,
} from '../../src/recovery/ask.js';
import { backoffMs } from '../../src/runtime/backoff.js';
import { VirtualClock } from './kit.js';

function patienceOf(clock: VirtualClock, change: Partial<RetryBudget> = {}): RetryBudget {
  return {
    ports: { clock, random: { ...seededRandom(1), next: () => 0 }, logger: silentLogger },
    callTimeoutMs: 1_000,
    deadlineMs: clock.monotonicMs() + 10_000,
    signal: new AbortController().signal,
    ...change,
  };
}

describe('the delay before the next call', () => {
  test('doubles from 100 ms to ten seconds; chance adds up to its second half', () => {
    const least = [0, 1, 2, 3, 6, 7, 40].map((attempt) => backoffMs(attempt, 0));
    const most = [0, 1, 2, 3, 6, 7, 40].map((attempt) => backoffMs(attempt, 1));

    expect(least).toEqual([50, 100, 200, 400, 3_200, 5_000, 5_000]);
    expect(most).toEqual([100, 200, 400, 800, 6_400, 10_000, 10_000]);
    expect(backoffMs(3, 0.5)).toBe(600);
    expect(backoffMs(5_000, 1)).toBe(10_000);
  });
});

describe('asking', () => {
  test('gives the first answer, and tells of each failure that it waits after', async () => {
    const clock = new VirtualClock();
    const { ports } = patienceOf(clock);
    const told: string[] = [];
    const waits = ({ message }: Error): void => void told.push(message);
    let calls = 0;
    const answer = await clock.drive(
      ask(patienceOf(clock, { ports: { ...ports, waits } }), () => {
        calls += 1;
        if (calls < 3) throw new Error(`not yet ${calls}`);
        return 'yes';
      }),
    );
    expect(told).toEqual(['not yet 1', 'not yet 2']);

    expect(answer).toEqual({ kind: 'answered', value: 'yes' });
    expect(calls).toBe(3);
  });

  test('ends with a refusal, and says whether an earlier call may have taken effect', async () => {
    const clock = new VirtualClock();
    const refusal = new TidegateError('TIDEGATE_FENCED', 'overtaken');
    const atOnce = await clock.drive(ask(patienceOf(clock), () => Promise.reject(refusal)));
    let calls = 0;
    const later = await clock.drive(
      ask(patienceOf(clock), () => {
        calls += 1;
        return Promise.reject(calls === 1 ? new Error('lost') : refusal);
      }),
    );

    expect(atOnce).toEqual({ kind: 'refused', problem: refusal, unclearBefore: undefined });
    expect(later).toEqual({ kind: 'refused', problem: refusal, unclearBefore: new Error('lost') });
  });

  test('begins no call at or after the time to give up, but always the first', async () => {
    const callsWithin = async (patienceMs: number): Promise<number> => {
      const clock = new VirtualClock();
      const deadlineMs = clock.monotonicMs() + patienceMs;
      let calls = 0;
      let waits = 0;
      const ports = { ...patienceOf(clock).ports, waits: () => void (waits += 1) };
      const answer = await clock.drive(
        ask(patienceOf(clock, { deadlineMs, ports }), () => {
          calls += 1;
          throw new Error('no');
        }),
      );
      // The last failure is not waited after.
      expect(waits).toBe(calls - 1);
      expect(answer).toEqual({ kind: 'unanswered', problem: new Error('no') });
      return calls;
    };

    // The delays are 50, 100 and 200 ms.
    expect(await callsWithin(0)).toBe(1);
    expect(await callsWithin(50)).toBe(1);
    expect(await callsWithin(51)).toBe(2);
    expect(await callsWithin(150)).toBe(2);
    expect(await callsWithin(151)).toBe(3);
  });

  test('names the bound of a call that hung', async () => {
    const clock = new VirtualClock();
    const answer = await clock.drive(
      ask(patienceOf(clock, { deadlineMs: 0 }), () => new Promise(() => undefined)),
    );

    expect(answer).toEqual({
      kind: 'unanswered',
      problem: new Error('no answer within 1000 ms'),
    });
  });

  test('stops when it is aborted, in a call as between two', async () => {
    const clock = new VirtualClock();
    const inCall = new AbortController();
    const waits = (): void => {
      throw new Error('a wait after an abort');
    };
    const ports = { ...patienceOf(clock).ports, waits };
    const first = ask(patienceOf(clock, { signal: inCall.signal, ports }), () => {
      inCall.abort(new Error('stop'));
      return new Promise(() => undefined);
    });
    expect(await clock.drive(first)).toEqual({ kind: 'unanswered', problem: new Error('stop') });

    const between = new AbortController();
    let calls = 0;
    const second = ask(patienceOf(clock, { signal: between.signal }), () => {
      calls += 1;
      void Promise.resolve().then(() => Promise.resolve().then(() => between.abort()));
      throw new Error('no');
    });
    expect(await clock.drive(second)).toMatchObject({ kind: 'unanswered' });
    expect(calls).toBe(1);
  });
});

describe('an error', () => {
  test('is final only when it is ours and neither retryable nor in doubt', () => {
    const ours = (code: ConstructorParameters<typeof TidegateError>[0]) =>
      isFinal(new TidegateError(code, 'x'));

    expect(isFinal(new Error('connection lost'))).toBe(false);
    expect(ours('TIDEGATE_STORE_IO')).toBe(false);
    expect(ours('TIDEGATE_RECOVERY_UNANSWERED')).toBe(false);
    expect(ours('TIDEGATE_FENCED')).toBe(true);
    expect(ours('TIDEGATE_STORE_CORRUPT')).toBe(true);
    expect(ours('TIDEGATE_BUG')).toBe(true);
  });

  test('that ends a round keeps its problem as message and cause', () => {
    const problem = new TidegateError('TIDEGATE_STORE_IO', 'the disk is gone');
    const ended = new PassEnded('again', problem);

    expect(ended).toMatchObject({
      name: 'PassEnded',
      how: 'again',
      problem,
      message: 'the disk is gone',
      cause: problem,
    });
  });

  test('of an abort names the reason; without an abort nothing is thrown', () => {
    const abort = new AbortController();
    expect(() => throwIfAborted(abort.signal)).not.toThrow();
    const reason = new Error('stop was called');
    abort.abort(reason);

    expect(abortedBy(abort.signal)).toMatchObject({
      code: 'TIDEGATE_RECOVERY_ABORTED',
      message: 'recovery was ended: stop was called',
      cause: reason,
    });
    expect(() => throwIfAborted(abort.signal)).toThrow(
      expect.objectContaining({ how: 'refused', message: 'recovery was ended: stop was called' }),
    );
  });
});

test('bytes get a second for ten megabytes on top of the bound of a call', () => {
  expect(timeoutFor(30_000, 0)).toBe(30_000);
  expect(timeoutFor(30_000, 1)).toBe(30_001);
  expect(timeoutFor(30_000, 10_000_000)).toBe(31_000);
});
