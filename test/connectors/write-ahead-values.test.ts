// Values that JSON does not have reach the sink behind write-ahead as they were, also after a crash.

import { describe, expect, test } from '@jest/globals';
import type { FlushingSink, TwoPhaseSink } from 'tidegate/extend';
import { SimulatedDisk } from 'tidegate/testing';
import { writeAhead } from 'tidegate/write-ahead';
import type { WriteAheadOptions } from 'tidegate/write-ahead';
import { attempt, calm, ownerOf } from '../../src/testing/conformance/sink-bench.js';

const values = {
  how: 'write-ahead',
  f: NaN,
  g: -Infinity,
  id: 9007199254740993n,
  at: new Date('2024-02-29T12:00:00.123Z'),
  bytes: Buffer.from([0, 255, 10]),
  absent: undefined,
  nested: { list: [-0, undefined, new Map([[1n, new Set(['x'])]])] },
};

class World {
  readonly disk = new SimulatedDisk();
  readonly seen: unknown[] = [];
  #fileSystem = this.disk.mount().fileSystem;

  get fileSystem(): WriteAheadOptions<unknown>['fileSystem'] {
    return this.#fileSystem;
  }

  sink(options: Partial<WriteAheadOptions<unknown>> = {}): TwoPhaseSink {
    this.#fileSystem = this.disk.mount().fileSystem;
    const { seen } = this;
    const inner: FlushingSink = {
      durability: 'idempotent',
      ordersWrites: true,
      open: async () => ({
        write: async (records) => void seen.push(...records),
        flush: async () => undefined,
      }),
    };
    return writeAhead(inner, { directory: '/wal', fileSystem: this.#fileSystem, ...options });
  }

  async prepared(options: Partial<WriteAheadOptions<unknown>>, record: unknown): Promise<string> {
    const session = await this.sink(options).open(ownerOf(1), calm);
    await session.write([{ plain: true }, record]);
    return (await session.preCommit(attempt(1, 1), calm)).handle;
  }
}

/** Not the default, and wrong for anything but text. */
const texts = { encode: String, decode: (line: string) => `text ${line}` };

test('a process that takes over applies the very values that were staged', async () => {
  const world = new World();
  const handle = await world.prepared({}, values);
  const later = await world.sink().open(ownerOf(2), calm);
  expect(await later.commit(handle, calm)).toBe('applied');
  expect(world.seen).toStrictEqual([{ plain: true }, values]);
});

test.each([
  ['an instance of a class', { when: new URL('http://a/') }, 'when is an instance of URL'],
  ['a function', { f: () => 1 }, 'f is a function'],
])('%s is refused by name before anything is durable', async (_what, record, loss) => {
  const world = new World();
  const session = await world.sink().open(ownerOf(1), calm);
  await expect(session.write([record])).rejects.toMatchObject({
    code: 'TIDEGATE_SINK_RECORD',
    message: expect.stringContaining(loss) as unknown,
  });
  await expect(session.preCommit(attempt(1, 1), calm)).rejects.toThrow();
  expect(await session.listPrepared(calm)).toEqual([]);
});

describe('the codec', () => {
  test('may not give text that is changed by being written', async () => {
    for (const [encode, what] of [
      [() => 'a\nb', /line break/],
      [() => '\ud800', /half of a surrogate pair/],
      [() => undefined as unknown as string, /a undefined, not text/],
    ] as const) {
      const codec = { encode, decode: (line: string) => line };
      const session = await new World().sink({ codec }).open(ownerOf(1), calm);
      await expect(session.write([1])).rejects.toThrow(what);
    }
  });

  test('may be given where there was none: what was staged is read as it was staged', async () => {
    const world = new World();
    const handle = await world.prepared({}, values);
    const later = await world.sink({ codec: texts }).open(ownerOf(2), calm);
    await later.commit(handle, calm);
    expect(world.seen).toStrictEqual([{ plain: true }, values]);
  });

  test('may not be taken away while something is staged with it', async () => {
    const world = new World();
    const handle = await world.prepared({ codec: texts }, 1);
    const later = await world.sink().open(ownerOf(2), calm);
    await expect(later.commit(handle, calm)).rejects.toMatchObject({
      code: 'TIDEGATE_WRITE_AHEAD_CORRUPT',
      message: expect.stringContaining('give writeAhead that codec') as unknown,
    });
    expect(world.seen).toEqual([]);
  });
});
