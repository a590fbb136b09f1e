import { describe, expect, test } from '@jest/globals';
import type { EncodedState, Operator } from 'tidegate/extend';
import { CustomParticipant } from '../../src/pipeline/stages/custom-operator.js';

const { signal } = new AbortController();

/** Keeps bytes, and gives them in the form that is wanted. */
class Bytes implements Operator {
  bytes = Buffer.alloc(0);
  readonly #form: (bytes: Buffer) => EncodedState;

  constructor(form: (bytes: Buffer) => EncodedState) {
    this.#form = form;
  }

  capture() {
    const { bytes } = this;
    return { encode: () => this.#form(bytes) };
  }

  async restore(state: AsyncIterable<Uint8Array>): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of state) chunks.push(chunk);
    this.bytes = Buffer.concat(chunks);
  }

  reset(): void {
    this.bytes = Buffer.alloc(0);
  }

  onRecord(): void {
    throw new Error('there are no records');
  }
}

const forms: readonly [string, (bytes: Buffer) => EncodedState][] = [
  ['one buffer', (bytes) => bytes],
  ['chunks', (bytes) => [bytes.subarray(0, 2), bytes.subarray(2)]],
  ['chunks that take time', piecesOf],
];

async function* piecesOf(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (const byte of bytes) yield await Promise.resolve(Uint8Array.of(byte));
}

const context = { time: undefined, emit: () => undefined };

describe('the saved state of an operator of a user', () => {
  test.each(forms)('brings its bytes back, and its last watermark, as %s', async (_what, form) => {
    for (const watermark of [undefined, -5, 0, 1_000, Infinity]) {
      for (const bytes of ['', '\n', '{"a":1}\n\u0000\n']) {
        const own = new Bytes(form);
        const saved = new CustomParticipant('own', own);
        own.bytes = Buffer.from(bytes);
        if (watermark !== undefined) void saved.advanceTo(watermark, context);
        const snapshot = saved.capture();
        own.bytes = Buffer.from('later');
        void saved.advanceTo(Infinity, context);
        const state = await bytesOf(await snapshot.encode({ signal }));
        for (const chunks of [[state], [...state].map((byte) => Uint8Array.of(byte))]) {
          const again = new Bytes(form);
          const restored = new CustomParticipant('own', again);
          await restored.restore(streamOf(chunks), { signal });
          expect(again.bytes.toString()).toBe(bytes);
          expect(restored.lastWatermark).toBe(watermark ?? -Infinity);
        }
      }
    }
  });

  test('is refused by name when it does not begin with its head', async () => {
    const participant = new CustomParticipant('own', new Bytes((bytes) => bytes));
    const long = 'x'.repeat(5_000);
    for (const text of ['', '[1]', '{"a":1}\n', 'null\n', 'a\nb', `${long}\n`]) {
      const restoring = participant.restore(streamOf([Buffer.from(text)]), { signal });
      await expect(restoring).rejects.toMatchObject({ code: 'TIDEGATE_OPERATOR_STATE' });
      await expect(restoring).rejects.toThrow('operator own');
    }
  });

  test('is that of the beginning again when it is reset', async () => {
    const own = new Bytes((bytes) => bytes);
    const participant = new CustomParticipant('own', own);
    own.bytes = Buffer.from('some');
    void participant.advanceTo(Infinity, context);
    await participant.reset();
    expect(participant.lastWatermark).toBe(-Infinity);
    expect(own.bytes.byteLength).toBe(0);
  });
});

async function bytesOf(state: EncodedState): Promise<Buffer> {
  if (state instanceof Uint8Array) return Buffer.from(state);
  const chunks: Uint8Array[] = [];
  for await (const chunk of state) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* streamOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(chunk);
}
