// Saved keyed state back from its bytes, checked line by line.

import { TidegateError } from '../../errors.js';
import { yieldToEventLoop } from '../../runtime/event-loop.js';
import { stateFormat, stateFormatVersion } from './encode-state.js';
import { vnodeOf } from './vnode.js';

export interface StateReading {
  readonly operator: string;
  readonly vnodeCount: number;
  readonly header: (header: Readonly<Record<string, unknown>>) => void;
  /** The members of one entry's line; the first is its key. */
  readonly entry: (key: string, members: readonly unknown[]) => void;
}

/** Lines that are decoded before other work gets a turn. */
const linesPerTurn = 2_000;

/** @throws TidegateError `TIDEGATE_OPERATOR_STATE` for bytes that this code has not written. */
export async function decodeState(
  chunks: AsyncIterable<Uint8Array>,
  reading: StateReading,
): Promise<void> {
  const decoder = new LineDecoder(reading);
  const texts = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let rest = '';
  let lines = 0;
  for await (const chunk of chunks) {
    const parts = (rest + decodeText(reading, texts, chunk)).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) {
      decoder.take(line);
      lines += 1;
      if (lines % linesPerTurn === 0) await yieldToEventLoop();
    }
  }
  if (rest !== '') throw damaged(reading, 'it ends in the middle of a line');
  decoder.end();
}

interface SavedHeader extends Readonly<Record<string, unknown>> {
  readonly format?: unknown;
  readonly version?: unknown;
  readonly vnodeCount?: unknown;
}

class LineDecoder {
  readonly #reading: StateReading;
  #hasHeader = false;
  #vnode = -1;
  #entries = 0;
  #hasEnd = false;

  constructor(reading: StateReading) {
    this.#reading = reading;
  }

  take(line: string): void {
    if (this.#hasEnd) throw damaged(this.#reading, 'something follows its end');
    const value = parseLine(this.#reading, line);
    if (!this.#hasHeader) this.#takeHeader(value);
    else if (typeof value === 'number') this.#vnode = value;
    else if (Array.isArray(value)) this.#takeEntry(value as readonly unknown[]);
    else this.#takeEnd(value);
  }

  end(): void {
    if (!this.#hasEnd) throw damaged(this.#reading, 'it has no end');
  }

  #takeHeader(value: unknown): void {
    const header = value as SavedHeader | null;
    const { vnodeCount } = this.#reading;
    if (header?.format !== stateFormat) throw damaged(this.#reading, 'it has another format');
    if (header.version !== stateFormatVersion) {
      throw damaged(this.#reading, `its version is ${String(header.version)}`);
    }
    if (header.vnodeCount !== vnodeCount) {
      const found = String(header.vnodeCount);
      throw damaged(this.#reading, `it has ${found} virtual nodes, and ${vnodeCount} are set`);
    }
    this.#hasHeader = true;
    this.#reading.header(header);
  }

  #takeEntry(members: readonly unknown[]): void {
    const [key] = members;
    if (typeof key !== 'string') throw damaged(this.#reading, 'an entry has no key');
    if (vnodeOf(key, this.#reading.vnodeCount) !== this.#vnode) {
      throw damaged(this.#reading, `key ${JSON.stringify(key)} is in the wrong virtual node`);
    }
    this.#entries += 1;
    this.#reading.entry(key, members);
  }

  #takeEnd(value: unknown): void {
    const { entries } = (value ?? {}) as { readonly entries?: unknown };
    if (entries !== this.#entries) {
      throw damaged(this.#reading, `it has ${this.#entries} of ${String(entries)} entries`);
    }
    this.#hasEnd = true;
  }
}

function decodeText(
  reading: StateReading,
  decoder: InstanceType<typeof TextDecoder>,
  chunk: Uint8Array,
): string {
  try {
    return decoder.decode(chunk, { stream: true });
  } catch (error) {
    throw damaged(reading, 'it is not UTF-8', error);
  }
}

function parseLine(reading: StateReading, line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch (error) {
    throw damaged(reading, 'a line is not JSON', error);
  }
}

function damaged({ operator }: StateReading, what: string, cause?: unknown): TidegateError {
  return new TidegateError(
    'TIDEGATE_OPERATOR_STATE',
    `the saved state of operator ${operator} cannot be read: ${what}`,
    { cause, details: { operator } },
  );
}
