// What an HTTP sink sends and hears: bodies that are none, answers that only look like a yes, and secrets.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from 'tidegate/extend';
import type { Clock, FlushingSinkSession } from 'tidegate/extend';
import { httpSink } from 'tidegate/http';
import type { HttpAnswer, HttpSinkOptions } from 'tidegate/http';
import { calm, ownerOf } from '../../src/testing/conformance/sink-bench.js';

interface Order {
  readonly id: number;
}

let server: Server;
let bodies: string[] = [];
let answer: (response: ServerResponse, index: number) => void;
const hasty: Clock = {
  ...systemClock,
  setTimer: (callback, delayMs) =>
    systemClock.setTimer(callback, delayMs >= 10_000 ? delayMs : Math.min(delayMs, 1)),
};

beforeEach(async () => {
  bodies = [];
  answer = (response) => response.writeHead(200).end();
  server = createServer((request, response) => {
    void textOf(request).then((body) => answer(response, bodies.push(body)));
  });
  await new Promise<void>((onListening) => server.listen(0, '127.0.0.1', onListening));
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((onClosed) => server.close(onClosed));
});

/** As a search engine's bulk call answers: 200, and per record whether it was taken. */
const partial = '{"errors":true,"items":[{"status":201},{"status":400}]}';

describe('an answer of 200', () => {
  const accept: HttpSinkOptions<Order>['accept'] = ({ body }) =>
    (JSON.parse(body) as { errors: boolean }).errors ? 'refuse' : 'accept';

  test('that says in its body that records were not taken fails the epoch', async () => {
    answer = (response) => response.writeHead(200, { 'x-took': '3' }).end(partial);
    const seen: [HttpAnswer, readonly Order[]][] = [];
    const session = await open({
      accept: (given, records) => {
        seen.push([given, records]);
        return accept(given, records);
      },
    });
    await session.write([{ id: 1 }, { id: 2 }]);
    await expect(session.flush(calm)).rejects.toMatchObject({
      code: 'TIDEGATE_HTTP_REFUSED',
      message: `POST of records 1 to 2 of the epoch to ${origin()}: it answered 200, and accept said refuse`,
    });
    expect(seen).toHaveLength(1);
    const [[given, records]] = seen as [[HttpAnswer, readonly Order[]]];
    expect(given).toMatchObject({ status: 200, body: partial });
    expect(given.headers.get('x-took')).toBe('3');
    expect(records).toEqual([{ id: 1 }, { id: 2 }]);
    await expect(session.flush(calm)).rejects.toMatchObject({ code: 'TIDEGATE_SINK_WRITE_FAILED' });
  });

  test('may be asked for again, with the same body', async () => {
    answer = (response, index) => response.writeHead(200).end(index < 3 ? 'busy' : 'done');
    const session = await open({
      accept: async ({ body }) => Promise.resolve(body === 'done' ? 'accept' : 'retry'),
    });
    await session.write([{ id: 1 }]);
    await session.flush(calm);
    expect(bodies).toEqual(Array(3).fill('[{"id":1}]'));
  });

  test('is given up when it never is a yes', async () => {
    const session = await open({ attempts: 2, accept: () => 'retry' });
    await session.write([{ id: 1 }]);
    await expect(session.flush(calm)).rejects.toMatchObject({
      code: 'TIDEGATE_HTTP_UNREACHABLE',
      message: expect.stringMatching(
        /it answered 200, and accept said retry, in 2 tries/,
      ) as unknown,
    });
  });

  test.each<[string, () => unknown, RegExp]>([
    ['nothing', () => undefined, /accept said neither "accept", "retry" nor "refuse"/],
    ['true', () => true, /accept said neither/],
    [
      'an error',
      () => {
        throw new TypeError('no member items');
      },
      /accept threw an error/,
    ],
  ])('of which accept says %s is refused', async (_what, verdict, message) => {
    const session = await open({ accept: verdict as () => 'accept' });
    await session.write([{ id: 1 }]);
    await expect(session.flush(calm)).rejects.toMatchObject({
      code: 'TIDEGATE_HTTP_REFUSED',
      message: expect.stringMatching(message) as unknown,
    });
  });

  test('that is longer than its bound is not read to its end', async () => {
    answer = (response) => response.writeHead(200).end('x'.repeat(3_000_000));
    const without = await open({});
    await without.write([{ id: 1 }]);
    await without.flush(calm);
    const session = await open({ accept: () => 'accept', maxAnswerBytes: 1_000 });
    await session.write([{ id: 1 }]);
    await expect(session.flush(calm)).rejects.toThrow(
      /its answer is longer than maxAnswerBytes, 1000, so accept cannot see it/,
    );
  });

  test('is not waited for when accept never answers', async () => {
    const clock: Clock = { ...systemClock, setTimer: (ring) => systemClock.setTimer(ring, 20) };
    const accept = (): Promise<'accept'> => new Promise(() => undefined);
    const session = await open({ attempts: 1, accept, clock });
    await session.write([{ id: 1 }]);
    await expect(session.flush(calm)).rejects.toThrow(/no answer within 10000 ms/);
  });
});

describe('a body', () => {
  test.each<[string, () => unknown, RegExp]>([
    ['a promise', () => Promise.resolve('[]'), /gave a promise: wait in an operator/],
    ['a promise that fails', () => Promise.reject(new Error('x')), /gave a promise/],
    ['nothing', () => undefined, /gave what is undefined, not text or bytes/],
    ['null', () => null, /gave what is null/],
    ['an object', () => ({ id: 1 }), /gave what is of type object/],
    ['a number', () => 7, /gave what is of type number/],
    ['an empty text', () => '', /gave nothing/],
    ['no bytes', () => new Uint8Array(), /gave nothing/],
    ['half a character', () => '\ud800', /half of a surrogate pair/],
  ])('that is %s is refused, and nothing is sent', async (_what, body, message) => {
    const session = await open({ body: body as () => string });
    await session.write([{ id: 1 }, { id: 2 }]);
    await expect(session.flush(calm)).rejects.toMatchObject({
      code: 'TIDEGATE_SINK_RECORD',
      message: expect.stringMatching(message) as unknown,
    });
    expect(bodies).toEqual([]);
  });

  test('may be bytes', async () => {
    const session = await open({ body: (records) => Buffer.from(`n=${records.length}`) });
    await session.write([{ id: 1 }, { id: 2 }]);
    await session.flush(calm);
    expect(bodies).toEqual(['n=2']);
  });

  test('of JSON is refused where JSON would change a record', async () => {
    const session = await open({});
    await session.write([{ id: 1 }, { id: NaN }]);
    await expect(session.flush(calm)).rejects.toMatchObject({
      code: 'TIDEGATE_SINK_RECORD',
      message: expect.stringMatching(
        /^records 1 to 2 of the epoch cannot be written as JSON without loss: \[1\]\.id is NaN;/,
      ) as unknown,
    });
    expect(bodies).toEqual([]);
  });
});

describe('the path and the query of an address, the secret of many webhooks, and headers', () => {
  const secret = 'T0SECRET/B0SECRET/xoxoSECRET';
  const hidden: Partial<HttpSinkOptions<Order>> = {
    headers: { authorization: 'Bearer tokenSECRET' },
    attempts: 2,
  };

  test.each<[string, (response: ServerResponse) => void]>([
    ['refuses', (response) => response.writeHead(404).end(secret)],
    ['is busy', (response) => response.writeHead(503).end(secret)],
    ['closes the connection', (response) => response.destroy()],
    ['redirects', (response) => response.writeHead(307, { location: `/${secret}` }).end()],
    ['answers what is no HTTP', (response) => response.socket?.end('nonsense\r\n\r\n')],
  ])('are in no error when the server %s', async (_what, reply) => {
    answer = reply;
    const url = `${origin()}/services/${secret}?key=querySECRET#fragmentSECRET`;
    const session = await open({ ...hidden, url });
    await session.write([{ id: 1 }]);
    const failure = await failureOf(session.flush(calm));
    expect(failure.message).toContain(` to ${origin()}: `);
    for (const error of [failure, await failureOf(session.flush(calm))]) {
      expect(inspect(error, { depth: 20, showHidden: true })).not.toContain('SECRET');
    }
  });

  test('are in no cause when a fetch of the user’s own names them', async () => {
    const url = `http://hooks.example/services/${secret}?key=querySECRET`;
    const inner = Object.assign(new Error(`connect to ${url} with Bearer tokenSECRET`), {
      code: 'ECONNREFUSED',
      request: { url },
    });
    const failing = (target: unknown): Promise<Response> =>
      Promise.reject(new TypeError(`request to ${String(target)} failed`, { cause: inner }));
    const session = await open({ ...hidden, url, fetch: failing });
    await session.write([{ id: 1 }]);
    const failure = await failureOf(session.flush(calm));
    expect(inspect(failure, { depth: 20, showHidden: true })).not.toContain('SECRET');
    expect(failure.message).toMatch(
      /http:\/\/hooks\.example: the connection failed \(ECONNREFUSED\)/,
    );
    expect(failure.cause).toMatchObject({
      name: 'TypeError',
      message: 'request to … failed',
      cause: { code: 'ECONNREFUSED', message: 'connect to … with …' },
    });
  });
});

test('an option that is no function is refused when the sink is built', () => {
  for (const name of ['body', 'key', 'accept', 'fetch']) {
    expect(() => httpSink({ url: 'http://host/', [name]: 'text' })).toThrow(
      `httpSink: ${name} is of type string, not a function`,
    );
  }
  expect(() => httpSink({ url: 'http://host/', maxAnswerBytes: 0 })).toThrow(/maxAnswerBytes is 0/);
  expect(() => httpSink({ url: 'http://host/', bodies: String } as never)).toThrow(
    /no option bodies/,
  );
});

async function failureOf(work: void | Promise<void>): Promise<Error> {
  try {
    await work;
  } catch (error) {
    return error as Error;
  }
  throw new Error('not refused');
}

function open(options: Partial<HttpSinkOptions<Order>>): Promise<FlushingSinkSession<Order>> {
  const url = `${origin()}/_bulk`;
  return httpSink<Order>({ url, clock: hasty, ...options }).open(ownerOf(1), calm);
}

function origin(): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
