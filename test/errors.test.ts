// Errors are recognised by code, say what to do, and keep what caused them.

import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import { assert, assertNever } from '../src/assert.js';
import { TidegateError, errorCodes, hasErrorCode, isTidegateError } from 'tidegate';
import type { ErrorCode } from 'tidegate';
import { toError } from '../src/errors.js';
import {
  attemptId,
  checkpointId,
  checkpointIdOf,
  checkpointIdsPerGeneration,
  epoch,
  generation,
  generationOfCheckpointId,
  highestGeneration,
  storeId,
} from '../src/ids.js';

describe('an error', () => {
  test.each(Object.entries(errorCodes))('%s has a kind and a way out', (code, { kind, remedy }) => {
    const error = new TidegateError(code as ErrorCode, 'what happened');
    expect(error).toMatchObject({ name: 'TidegateError', code, kind, remedy });
    expect(remedy).toMatch(/^[A-Za-z].{20,}\.$/s);
  });

  test('keeps its cause and its details', () => {
    const cause = new Error('below');
    const error = new TidegateError('TIDEGATE_BUG', 'above', { cause, details: { id: 7 } });
    expect(error.cause).toBe(cause);
    expect(error.details).toEqual({ id: 7 });
  });

  test('is recognised by its mark, also when another copy of the package made it', () => {
    const foreignCopy = Object.assign(new Error('x'), {
      code: 'TIDEGATE_BUG',
      [Symbol.for('tidegate.error')]: true,
    });
    expect(isTidegateError(foreignCopy)).toBe(true);
    expect(hasErrorCode(foreignCopy, 'LDB-4004', 'TIDEGATE_BUG')).toBe(true);
    expect(hasErrorCode(foreignCopy, 'LDB-4004')).toBe(false);
    for (const other of [new Error('x'), { code: 'TIDEGATE_BUG' }, null, 'x', undefined]) {
      expect(isTidegateError(other)).toBe(false);
    }
  });

  test('whatever is thrown becomes one', () => {
    const error = new Error('x');
    expect(toError(error)).toBe(error);
    expect(toError('text')).toMatchObject({
      cause: 'text',
      message: expect.stringContaining('text') as unknown,
    });
    expect(toError(undefined)).toBeInstanceOf(Error);
  });
});

test('an assertion that fails is a bug with a code of its own', () => {
  expect(() => assert(true, 'fine')).not.toThrow();
  expect(() => assert(false, 'not so')).toThrow(
    expect.objectContaining({ code: 'TIDEGATE_BUG', message: 'not so' }),
  );
  expect(() => assertNever('x' as never, 'outcome')).toThrow('unexpected outcome: "x"');
});

describe('ids', () => {
  test('a checkpoint id is generation × 2^24 + sequence, and tells its generation', () => {
    const id = checkpointIdOf(generation(3), 5);
    expect(id).toBe(3 * 2 ** 24 + 5);
    expect(generationOfCheckpointId(id)).toBe(3);
    expect(generationOfCheckpointId(42)).toBe(0);
  });

  test('all ids of the highest generation are exact', () => {
    const last = checkpointIdOf(generation(highestGeneration), checkpointIdsPerGeneration - 1);
    expect(Number.isSafeInteger(last)).toBe(true);
    expect(last).toBe(Number.MAX_SAFE_INTEGER);
  });

  test.each([
    ['sequence 2^24', () => checkpointIdOf(generation(1), checkpointIdsPerGeneration)],
    ['sequence -1', () => checkpointIdOf(generation(1), -1)],
    ['generation 0', () => generation(0)],
    ['a generation too high', () => generation(highestGeneration + 1)],
    ['checkpoint id 0', () => checkpointId(0)],
    ['an epoch with a fraction', () => epoch(1.5)],
    ['a checkpoint id that is rounded', () => checkpointId(2 ** 53)],
    ['an empty store id', () => storeId('')],
    ['an empty attempt id', () => attemptId('')],
  ])('%s is a bug', (_what, make) => {
    expect(make).toThrow(expect.objectContaining({ code: 'TIDEGATE_BUG' }));
  });
});

test('an error of another realm is passed on with its code', () => {
  const foreign: unknown = runInNewContext("Object.assign(new Error('reset'), { code: 'X' })");
  expect(foreign instanceof Error).toBe(false);
  expect(toError(foreign)).toBe(foreign);
});
