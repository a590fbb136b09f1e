// A line of JSON in front of the saved bytes of a user's operator.

import type { EncodedState } from '../../contracts/operator.js';
import { TidegateError } from '../../errors.js';

type Head = Readonly<Record<string, unknown>>;

const lineFeed = 0x0a;
const maxHeadBytes = 1_024;

/** A buffer stays one, so that the check for aliased states still sees it. */
export function withHead(head: Head, state: EncodedState): EncodedState {
  const line = Buffer.from(`${JSON.stringify(head)}\n`);
  return state instanceof Uint8Array ? Buffer.concat([line, state]) : lineThenRest(line, state);
}

/** @throws TidegateError `TIDEGATE_OPERATOR_STATE` for bytes that do not begin with such a line. */
export async function splitHead(
  operator: string,
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ readonly head: Head; readonly rest: AsyncIterable<Uint8Array> }> {
  const iterator = chunks[Symbol.asyncIterator]();
  let taken = Buffer.alloc(0);
  while (!taken.includes(lineFeed) && taken.byteLength <= maxHeadBytes) {
    const next = await iterator.next();
    if (next.done === true) break;
    taken = Buffer.concat([taken, next.value]);
  }
  const end = taken.indexOf(lineFeed);
  const head = end < 0 ? undefined : headIn(taken.toString('utf8', 0, end));
  if (head !== undefined) return { head, rest: restOf(taken.subarray(end + 1), iterator) };
  await iterator.return?.();
  throw new TidegateError(
    'TIDEGATE_OPERATOR_STATE',
    `the saved state of operator ${operator} cannot be read: it does not begin with its head`,
    { details: { operator } },
  );
}

async function* lineThenRest(
  line: Uint8Array,
  rest: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield line;
  yield* rest;
}

async function* restOf(
  begun: Uint8Array,
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    if (begun.byteLength > 0) yield begun;
    for (;;) {
      const next = await iterator.next();
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
}

function headIn(line: string): Head | undefined {
  try {
    const head = JSON.parse(line) as unknown;
    return typeof head === 'object' && head !== null ? (head as Head) : undefined;
  } catch {
    return undefined;
  }
}
