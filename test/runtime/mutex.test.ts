import { describe, expect, test } from '@jest/globals';
import { Mutex } from '../../src/runtime/mutex.js';

/** Work that goes on until it is ended from outside. */
function work(): { readonly begin: () => Promise<void>; end: () => void; hasBegun: boolean } {
  const piece = {
    hasBegun: false,
    end: (): void => undefined,
    begin: (): Promise<void> => {
      piece.hasBegun = true;
      return new Promise((resolve) => {
        piece.end = resolve;
      });
    },
  };
  return piece;
}

describe('a mutex', () => {
  test('begins one piece of work when the one before it has ended, also when that failed', async () => {
    const mutex = new Mutex();
    const second = work();
    const first = mutex.runExclusive(() => Promise.reject(new Error('EIO')));
    const after = mutex.runExclusive(second.begin);

    expect(second.hasBegun).toBe(false);
    await expect(first).rejects.toThrow('EIO');
    expect(second.hasBegun).toBe(true);
    second.end();
    await after;
  });

  test('does not begin the next while work is under way whose signal is aborted', async () => {
    const mutex = new Mutex();
    const [first, second] = [work(), work()];
    const controller = new AbortController();
    const underWay = mutex.runExclusive(first.begin, controller.signal);
    const next = mutex.runExclusive(second.begin);

    controller.abort(new Error('stopped'));
    await Promise.resolve();

    expect(second.hasBegun).toBe(false);
    first.end();
    await underWay;
    second.end();
    await next;
  });

  test.each(['before', 'after'])(
    'never begins work that is aborted %s the request',
    async (when) => {
      const mutex = new Mutex();
      const [first, second] = [work(), work()];
      const underWay = mutex.runExclusive(first.begin);
      const controller = new AbortController();
      const reason = new Error('stopped');
      if (when === 'before') controller.abort(reason);
      const waiting = mutex.runExclusive(second.begin, controller.signal);
      if (when === 'after') controller.abort(reason);

      await expect(waiting).rejects.toBe(reason);
      first.end();
      await underWay;
      await mutex.runExclusive(() => Promise.resolve());
      expect(second.hasBegun).toBe(false);
    },
  );
});
