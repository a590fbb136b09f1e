// The HTTP sink against a real server: batches, keys, tries, bounds, and no secret in a message.

import { getEventListeners } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { systemClock } from 'tidegate/extend';
import type { Clock, FlushingSinkSession } from 'tidegate/extend';
import { httpSink } from 'tidegate/http';
import type { HttpSinkOptions } from 'tidegate/http';
import { toError } from '../../src/errors.js';
import { calm, ownerOf } from '../../src/testing/conformance/sink-bench.js';

interface Seen {
  readonly body: unknown;
  readonly key: string | undefined;
}
type Answer = (index: number, response: ServerResponse) => void;

let server: Server;
let seen: Seen[] = [];
/** Content types of the requests. */
let types: (string | undefined)[] = [];
let answer: Answer;
const secret = 'a-token-that-nobody-may-see';
/** Waits between tries take no time; how long they would have been is kept. */
let waits: number[] = [];
const hasty: Clock = {
  ...systemClock,
  setTimer: (callback, delayMs) => {
    if (delayMs >= 10_000) return systemClock.setTimer(callback, delayMs);
    waits.push(delayMs);
    return systemClock.setTimer(callback, 0);
  },
};

/** Of a test in which pauses are as long as this bound usually is. */
const boundOfTry = 111_111;

/** Stands still but for the pauses between tries, which it leaps over. */
function leapingClock(monotonicMs = () => 0): Clock {
  return {
    now: () => Date.UTC(2026, 10, 26, 10),
    monotonicMs,
    setTimer: (callback, delayMs) => {
      if (delayMs === boundOfTry) return systemClock.setTimer(callback, delayMs);
      waits.push(delayMs);
      return systemClock.setTimer(callback, 0);
    },
  };
}

beforeEach(async () => {
  seen = [];
  types = [];
  waits = [];
  answer = (_index, response) => response.writeHead(204).end();
  server = createServer((request, response) => {
    read(request).then(
      (body) => {
        // A request without a body is none of the sink's.
        const content: unknown = body === '' ? undefined : JSON.parse(body);
        seen.push({ body: content, key: request.headers['idempotency-key'] as string });
        types.push(request.headers['content-type']);
        answer(seen.length, response);
      },
      () => response.destroy(),
    );
  });
  await new Promise<void>((onListening) => server.listen(0, '127.0.0.1', onListening));
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((onClosed) => server.close(onClosed));
});

test('batches keep the order, and a flush sends the rest', async () => {
  const session = await open({ maxBatchRecords: 3 });
  await session.write([1, 2, 3, 4, 5, 6, 7]);
  expect(seen.map(({ body }) => body)).toEqual([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  await session.flush(calm);
  await session.flush(calm);
  expect(seen.map(({ body }) => body)).toEqual([[1, 2, 3], [4, 5, 6], [7]]);
});

test('with a key each record is a request that carries it, and the sink says idempotent', async () => {
  const options = { url: url(), key: (record: number) => `order-${record}` };
  expect(httpSink(options).durability).toBe('idempotent');
  expect(httpSink({ url: url() }).durability).toBe('at-least-once');
  const session = await open(options);
  await session.write([1, 2]);
  await session.flush(calm);
  expect(seen).toEqual([
    { body: 1, key: 'order-1' },
    { body: 2, key: 'order-2' },
  ]);
});

test('what may pass is tried again with growing pauses and the same key', async () => {
  answer = (index, response) => {
    if (index === 1) response.writeHead(503).end('busy');
    else if (index === 2) response.destroy();
    else response.writeHead(200).end();
  };
  const session = await open({ key: String });
  await session.write([1]);
  await session.flush(calm);
  expect(seen.map(({ key }) => key)).toEqual(['1', '1', '1']);
  expect(waits).toHaveLength(2);
  expect(waits[0]).toBeGreaterThanOrEqual(50);
  expect(waits[1]).toBeGreaterThan(waits[0]! / 2);
});

test.each([
  ['whole seconds', '7', 7_000],
  ['a date', 'Thu, 26 Nov 2026 10:00:09 GMT', 9_000],
  ['more than a minute', '3600', 60_000],
  ['a time that is past', 'Thu, 26 Nov 2026 09:00:00 GMT', 0],
  ['nothing that anybody knows', 'soon', 0],
])('a server that says when to come again, in %s, is waited for', async (_what, value, leastMs) => {
  answer = (index, response) => {
    response.writeHead(index === 1 ? 429 : 200, { 'retry-after': value }).end();
  };
  const session = await open({ clock: leapingClock(), timeoutMs: boundOfTry });
  await session.write([1]);
  await session.flush(calm);
  expect(seen).toHaveLength(2);
  expect(waits).toEqual([leastMs === 0 ? expect.any(Number) : leastMs]);
  expect(waits[0]).toBeLessThanOrEqual(Math.max(leastMs, 100));
});

test('a pause that the server asks for outlasts the session that was asked', async () => {
  answer = (index, response) => {
    response.writeHead(index === 1 ? 429 : 200, { 'retry-after': '60' }).end();
  };
  let elapsedMs = 0;
  const patience = new AbortController();
  const clock: Clock = {
    ...leapingClock(() => elapsedMs),
    setTimer: (callback, delayMs) => {
      if (delayMs === boundOfTry) return systemClock.setTimer(callback, delayMs);
      waits.push(delayMs);
      // The step has its bound, and ends the first pause at half its length.
      if (waits.length > 1) return systemClock.setTimer(callback, 0);
      elapsedMs = 30_000;
      return systemClock.setTimer(() => patience.abort(new Error('the step is over')), 0);
    },
  };
  const sink = httpSink<number>({ url: url(), clock, timeoutMs: boundOfTry });
  const first = await sink.open(ownerOf(1), calm);
  await first.write([1]);
  expect((await refused(first.flush({ signal: patience.signal }))).message).toBe(
    'the step is over',
  );
  const second = await sink.open(ownerOf(2), calm);
  await second.write([1]);
  await second.flush(calm);
  expect(waits).toEqual([60_000, 30_000]);
  expect(seen).toHaveLength(2);
});

describe('what cannot be sent', () => {
  test('is named by its place in the epoch, not by what it says', async () => {
    answer = (index, response) => response.writeHead(index === 5 ? 422 : 200).end();
    const session = await open({ maxBatchRecords: 2 });
    await session.write([1, 2, 3, 4]);
    await session.flush(calm);
    await session.write([5, 6, 7]);
    await session.flush(calm);
    const { message } = await refused(session.write([8, 9]));
    expect(message).toMatch(
      /^POST of records 1 to 2 of the epoch to http:\/\/[^ ]+: it answered 422$/,
    );
    const keyed = await open({ key: (record) => (record === 12 ? (12 as never) : String(record)) });
    await keyed.write([10, 11, 12]);
    expect((await refused(keyed.flush(calm))).message).toBe(
      'the key of record 3 of the epoch is of type number, not a text: make one of it, for example with String',
    );
  });

  test('ends the epoch: nothing after it is sent, and no flush succeeds', async () => {
    answer = (_index, response) => response.writeHead(400).end();
    const session = await open({ maxBatchRecords: 1 });
    const failure = await refused(session.write([1, 2]));
    expect(failure).toMatchObject({ code: 'TIDEGATE_HTTP_REFUSED', kind: 'invalid' });
    expect(await refused(session.flush(calm))).toMatchObject({
      code: 'TIDEGATE_SINK_WRITE_FAILED',
    });
    expect(seen).toHaveLength(1);
  });

  // As a POST it would be asked for again by GET, without its records, and answered 200.
  test.each([301, 302, 303, 307, 308])('is not sent on when the answer is %i', async (status) => {
    const location = `https://user:${secret}@new.example/${secret}?token=${secret}`;
    answer = (_index, response) => {
      answer = (_next, last) => last.writeHead(200).end();
      response.writeHead(status, { location: status === 301 ? url() : location }).end();
    };
    const session = await open({});
    await session.write([1]);
    const failure = await refused(session.flush(calm));
    expect(failure).toMatchObject({ code: 'TIDEGATE_HTTP_REFUSED' });
    const target = status === 301 ? new URL(url()).origin : 'https://new.example';
    expect(failure.message).toContain(
      `it answered ${status}, a redirect to ${target}: give the final address as url`,
    );
    expect(inspect(failure, { depth: 10 })).not.toContain(secret);
    expect(seen).toHaveLength(1);
  });

  test('is not sent on to nowhere', async () => {
    answer = (_index, response) => response.writeHead(302).end();
    const session = await open({});
    await session.write([1]);
    expect((await refused(session.flush(calm))).message).toContain(
      'it answered 302, a redirect: give the final address as url',
    );
  });

  test('is not counted as arrived when a fetch of the user’s own follows a redirect', async () => {
    const followed = (): Promise<Response> =>
      Promise.resolve(
        Object.defineProperty(new Response('', { status: 200 }), 'redirected', { value: true }),
      );
    const session = await open({ fetch: followed });
    await session.write([1]);
    expect(await refused(session.flush(calm))).toMatchObject({ code: 'TIDEGATE_HTTP_REFUSED' });
  });

  test('is given up after the tries allowed, naming the last problem', async () => {
    answer = (_index, response) => response.writeHead(503).end();
    const session = await open({ attempts: 3 });
    await session.write([1]);
    const failure = await refused(session.flush(calm));
    expect(failure).toMatchObject({ code: 'TIDEGATE_HTTP_UNREACHABLE', kind: 'retryable' });
    expect(failure.message).toContain('it answered 503, in 3 tries');
    expect(seen).toHaveLength(3);
  });

  test('does not hold the process: a silent server is left after the bound', async () => {
    answer = () => undefined;
    const session = await open({ attempts: 1, timeoutMs: 50 });
    await session.write([1]);
    expect((await refused(session.flush(calm))).message).toContain('no answer within 50 ms');
  });

  test('is not waited for once the caller has stopped waiting', async () => {
    const caller = new AbortController();
    answer = () => caller.abort(new Error('the step is over'));
    const session = await open({});
    await session.write([1]);
    expect((await refused(session.flush({ signal: caller.signal }))).message).toBe(
      'the step is over',
    );
  });

  test.each([
    ['not Latin-1', `${secret}ключ`],
    ['of two lines', `${secret}\nb`],
    ['with a blank at its end, which a header loses', `${secret} `],
    ['empty', ''],
    ['no text', 7 as unknown as string],
  ])('has a key that is %s: refused at once, without its value', async (_what, key) => {
    const session = await open({ key: () => key });
    await session.write([1]);
    const failure = await refused(session.flush(calm));
    expect(failure).toMatchObject({ code: 'TIDEGATE_HTTP_REFUSED', kind: 'invalid' });
    expect(failure.message).toContain('the key of record 1 of the epoch');
    expect(inspect(failure, { depth: 10 })).not.toContain(secret);
    expect({ seen, waits }).toEqual({ seen: [], waits: [] });
  });

  test('is not waited for once the sink is closed', async () => {
    answer = () => void session.close?.();
    const session = await open({});
    await session.write([1]);
    expect((await refused(session.flush(calm))).message).toBe('the sink was closed');
  });

  test('shows no secret of address or headers', async () => {
    answer = (_index, response) => response.writeHead(401).end(secret);
    const address = new URL(`${url()}?token=${secret}`);
    const session = await open({ url: address, headers: { authorization: secret } });
    await session.write([1]);
    const failure = await refused(session.flush(calm));
    expect(failure.message).toContain(`${new URL(url()).origin}: it answered 401`);
    expect(inspect(failure, { depth: 10 })).not.toContain(secret);
    const broken = `ftp://user:${secret}@host/`;
    for (const address of [broken, `http://user:${secret}@ho st/`]) {
      const thrown = refusedAtBuild({ url: address });
      expect(thrown).toMatchObject({ code: 'TIDEGATE_OPTIONS' });
      expect(inspect(thrown, { depth: 10 })).not.toContain(secret);
    }
  });
});

describe('what no request can carry is refused when the sink is built', () => {
  test.each<[string, Partial<HttpSinkOptions<number>>, string]>([
    ['a password in the address', { url: `http://me:${secret}@host/` }, 'authorization header'],
    ['a user in the address', { url: `http://${secret}@host/` }, 'authorization header'],
    ['a method without a body', { method: 'get' }, 'method "get" cannot carry records'],
    ['a method without a body', { method: 'HEAD' }, 'method "HEAD" cannot carry records'],
    ['a method that fetch does not know', { method: 'TRACE' }, 'cannot carry records'],
    ['no method', { method: 'PO ST' }, 'cannot carry records'],
    ['a header of two lines', { headers: { 'x-token': `a\n${secret}` } }, 'header x-token'],
    ['a header not in Latin-1', { headers: { 'x-token': `€${secret}` } }, 'header x-token'],
    ['a name that is none', { headers: { [`x: ${secret}`]: 'a' } }, 'name of a header'],
    ['a header of the connection', { headers: { 'Content-Length': '7' } }, 'content-length'],
    ['a header twice', { headers: { 'X-Token': secret, 'x-token': secret } }, 'x-token twice'],
    ['a header for keys that is none', { key: String, keyHeader: 'no name' }, 'name of a header'],
  ])('%s: %j', (_what, options, message) => {
    const thrown = refusedAtBuild({ url: 'http://host/', ...options });
    expect(thrown).toMatchObject({ code: 'TIDEGATE_OPTIONS' });
    expect((thrown as Error).message).toContain(message);
    expect(inspect(thrown, { depth: 10 })).not.toContain(secret);
  });
});

test('a header however spelt is sent once: the user’s for the default, the key’s for the user’s', async () => {
  const headers = { 'Content-Type': 'application/x-ndjson', 'idempotency-key': 'mine' };
  const session = await open({ headers, key: String });
  await session.write([1]);
  await session.flush(calm);
  expect(seen).toEqual([{ body: 1, key: '1' }]);
  expect(types).toEqual(['application/x-ndjson']);
});

test('a flush leaves nothing behind at the signals', async () => {
  const any = jest.spyOn(AbortSignal, 'any');
  const caller = new AbortController();
  const session = await open({});
  await session.write([1]);
  await session.flush({ signal: caller.signal });
  expect(getEventListeners(caller.signal, 'abort')).toEqual([]);
  // What it makes is remembered by the signal that lives as long as the sink.
  expect(any).not.toHaveBeenCalled();
  any.mockRestore();
});

function open(options: Partial<HttpSinkOptions<number>>): Promise<FlushingSinkSession<number>> {
  return httpSink<number>({ url: url(), clock: hasty, ...options }).open(ownerOf(1), calm);
}

function refusedAtBuild(options: HttpSinkOptions<number>): unknown {
  try {
    httpSink(options);
  } catch (error) {
    return error;
  }
  return undefined;
}

function url(): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/in`;
}

async function refused(call: void | Promise<void>): Promise<Error> {
  const outcome = await Promise.resolve(call).then(() => undefined, toError);
  if (outcome === undefined) throw new Error('the call was not refused');
  return outcome;
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
