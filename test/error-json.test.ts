// What an error is in a log line: everything that says what to do, and nothing that is secret.

import { describe, expect, test } from '@jest/globals';
import { TidegateError, errorCodes } from 'tidegate';
import type { ErrorCode } from 'tidegate';
import { ManifestError } from 'tidegate/manifest';
import { errorJson } from '../src/error-json.js';
import { toStoreError } from '../src/store/store-error.js';

function written(error: unknown): unknown {
  return JSON.parse(JSON.stringify(error)) as unknown;
}

describe('an error as JSON', () => {
  test.each(Object.keys(errorCodes) as ErrorCode[])(
    '%s keeps code, message and way out',
    (code) => {
      const { kind, remedy } = errorCodes[code];
      expect(written(new TidegateError(code, 'what happened'))).toEqual({
        name: 'TidegateError',
        code,
        kind,
        message: 'what happened',
        remedy,
      });
    },
  );

  test('has its causes, of which strangers give name, code and message only', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), {
      code: 'ECONNREFUSED',
      query: 'insert into people values ($1)',
      parameters: ['a name'],
    });
    const inner = new TidegateError('TIDEGATE_POSTGRES_UNREACHABLE', 'no server', {
      cause: refused,
    });
    const outer = new TidegateError('TIDEGATE_HALTED', 'it has halted', { cause: inner });
    expect(written(outer)).toMatchObject({
      code: 'TIDEGATE_HALTED',
      cause: {
        code: 'TIDEGATE_POSTGRES_UNREACHABLE',
        kind: 'retryable',
        cause: {
          name: 'Error',
          code: 'ECONNREFUSED',
          message: 'connect ECONNREFUSED 127.0.0.1:5432',
        },
      },
    });
    expect(JSON.stringify(outer)).not.toContain('a name');
    expect(JSON.stringify(outer)).not.toContain('insert');
  });

  test('is the same for the errors of a manifest and of a store', () => {
    const problem = { path: 'epoch', found: '"1"', expected: 'a number' };
    const manifest = new ManifestError('TIDEGATE_MANIFEST_TYPE', problem);
    expect(written(manifest)).toMatchObject({
      name: 'ManifestError',
      code: 'TIDEGATE_MANIFEST_TYPE',
      details: problem,
    });
    const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    expect(written(toStoreError(full, 'saving'))).toMatchObject({
      code: 'TIDEGATE_STORE_FULL',
      cause: { code: 'ENOSPC', message: 'no space left' },
    });
  });

  test('takes details that JSON cannot', () => {
    const circle = { id: 2n ** 60n, nan: NaN, at: new Date(5), self: {} };
    circle.self = circle;
    const details = {
      circle,
      names: new Map([['a', 1n]]),
      set: new Set(['x']),
      bytes: new Uint8Array(7),
      call: () => 1,
      error: new Error('inside'),
    };
    const json = written(new TidegateError('TIDEGATE_BUG', 'x', { details }));
    expect(json).toMatchObject({
      details: {
        circle: {
          id: '1152921504606846976',
          nan: 'NaN',
          at: '5',
          self: { id: '1152921504606846976' },
        },
        names: { a: '1' },
        set: ['x'],
        bytes: '7 bytes',
        call: 'of type function',
        error: { name: 'Error', message: 'inside' },
      },
    });
  });

  test.each([
    ['in an address', 'postgres://tide:hunter2@db/x is away'],
    ['with an @ in it', 'postgres://tide:hun@hunter2@db/x is away'],
    ['in a connection string', 'host=db password=hunter2 user=tide'],
    ['in quotes', "host=db password='hunter2 and more'"],
    ['in a header', 'authorization: Bearer hunter2hunter2'],
  ])('shows no password %s, neither its own nor of a cause', (_where, message) => {
    const cause = new Error(message);
    const error = new TidegateError('TIDEGATE_BUG', message, { cause, details: { message } });
    expect(JSON.stringify(error)).not.toContain('hunter2');
    expect(JSON.stringify(errorJson(message))).not.toContain('hunter2');
  });

  test('shows no member of its details that is named like a secret', () => {
    const details = { password: 'hunter2', apiKey: 'hunter2', accessToken: 'hunter2', tokens: 3 };
    const json = written(new TidegateError('TIDEGATE_BUG', 'x', { details }));
    expect(json).toMatchObject({ details: { tokens: 3 } });
    expect(JSON.stringify(json)).not.toContain('hunter2');
  });

  test('ends where causes go round in a circle', () => {
    const error = new Error('round');
    error.cause = error;
    const depth = JSON.stringify(new TidegateError('TIDEGATE_BUG', 'x', { cause: error }));
    expect(depth.match(/round/g)).toHaveLength(7);
  });

  test('is written also when a member of a cause cannot be read', () => {
    const cause = Object.defineProperty(new Error('x'), 'code', {
      get: () => {
        throw new Error('not now');
      },
    });
    expect(written(new TidegateError('TIDEGATE_BUG', 'y', { cause }))).toMatchObject({
      cause: { message: 'x' },
    });
  });

  test('has the parts of an aggregate', () => {
    const cause = new AggregateError([new Error('::1'), new Error('127.0.0.1')], '');
    expect(written(new TidegateError('TIDEGATE_BUG', 'y', { cause }))).toMatchObject({
      cause: { errors: [{ message: '::1' }, { message: '127.0.0.1' }] },
    });
  });
});
