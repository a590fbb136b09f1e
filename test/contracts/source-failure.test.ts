// Which failures of a source are waited for: those that a server, a network or the source calls passing.

import { describe, expect, test } from '@jest/globals';
import { mayPass } from '../../src/contracts/source-failure.js';
import { TidegateError } from 'tidegate';

const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
const missing = Object.assign(new Error('no such file'), { code: 'ENOENT' });

function named(name: string, message: string, more: object = {}): Error {
  return Object.assign(new Error(message), { name, ...more });
}

describe('a failure that', () => {
  test.each<[string, unknown]>([
    ['is a refused connection', refused],
    ['is a name that is not known now', Object.assign(new Error('x'), { code: 'EAI_AGAIN' })],
    ['is retryable', new TidegateError('TIDEGATE_POSTGRES_UNREACHABLE', 'no server')],
    ['says that it is retriable', named('KafkaJSConnectionError', 'x', { retriable: true })],
    ['says that it is retryable', named('KafkaError', 'x', { retryable: true })],
    [
      'is of a client that has given up on a connection',
      named('KafkaJSNumberOfRetriesExceeded', 'x', { retriable: false, cause: refused }),
    ],
    ['is caused by a refused connection', new Error('the topic', { cause: refused })],
    ['is a failed fetch', new TypeError('fetch failed', { cause: refused })],
    ['has several addresses', new AggregateError([missing, refused])],
    ['timed out', named('TimeoutError', 'x')],
    ['is of a server that stops', Object.assign(new Error('x'), { code: '57P01' })],
    ['is of a server that starts', Object.assign(new Error('x'), { code: '57P03' })],
    ['is of a broken connection', Object.assign(new Error('x'), { code: '08006' })],
    ['is of fetch', Object.assign(new Error('x'), { code: 'UND_ERR_SOCKET' })],
  ])('%s passes', (_what, thrown) => {
    expect(mayPass(thrown)).toBe(true);
  });

  test.each<[string, unknown]>([
    ['is an error like any other', new Error('the topic was made anew')],
    ['is a mistake', new TypeError('x is not a function')],
    ['is a missing file', missing],
    ['is invalid', new TidegateError('TIDEGATE_SOURCE_CHANGED', 'it shrank', { cause: refused })],
    ['says that it is not retriable', named('KafkaJSNonRetriableError', 'x', { retriable: false })],
    ['is a wrong query', Object.assign(new Error('x'), { code: '42601' })],
    ['is no error', 'ECONNREFUSED'],
    ['is nothing', undefined],
    ['is caused by itself', circle()],
  ])('%s lasts', (_what, thrown) => {
    expect(mayPass(thrown)).toBe(false);
  });
});

function circle(): Error {
  const error = new Error('round');
  error.cause = error;
  return error;
}
