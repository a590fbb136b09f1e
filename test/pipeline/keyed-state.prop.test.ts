import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { systemClock } from 'tidegate/extend';
import type { OperatorSnapshot } from 'tidegate/extend';
import { KeyedOperator } from '../../src/pipeline/state/keyed-operator.js';
import { vnodeOf } from '../../src/pipeline/state/vnode.js';

const settings = { vnodeCount: 8, clock: systemClock, isDeterministic: true };

type Action =
  | { readonly kind: 'set'; readonly key: string; readonly value: number }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'capture' }
  | { readonly kind: 'encode'; readonly capture: number }
  | { readonly kind: 'release'; readonly capture: number };

const keys = fc.constantFrom('a', 'b', 'c', 'd', '', '__proto__', 'ü', '\ud800', '"\n', 'key 10');
const actions: fc.Arbitrary<readonly Action[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('set' as const), key: keys, value: fc.nat() }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), key: keys }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('capture' as const) }) },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('encode' as const), capture: fc.nat(3) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('release' as const), capture: fc.nat(3) }),
    },
  ),
  { maxLength: 80 },
);

describe('keyed state', () => {
  test('gives back what it was at each capture, however it changes while that is encoded', async () => {
    await fc.assert(
      fc.asyncProperty(actions, async (list) => {
        const operator = newOperator();
        const model = new Map<string, number>();
        const captures: Captured[] = [];
        for (const action of list) await apply(action, operator, model, captures);
        for (const captured of captures) {
          if (captured.isReleased) continue;
          expect(await rest(captured)).toEqual(captured.expected);
        }
      }),
      { numRuns: 300 },
    );
  }, 60_000);

  test('refuses to encode a snapshot that was given back', async () => {
    const operator = newOperator();
    operator.state.add('a', { n: 1 });
    const snapshot = operator.capture();
    snapshot.release?.();
    await expect(bytesOf(snapshot)).rejects.toMatchObject({ code: 'TIDEGATE_BUG' });
  });

  test('refuses a value that JSON would change, naming operator, key and place', async () => {
    const operator = newOperator();
    operator.state.add('a key', { n: Infinity });
    await expect(bytesOf(operator.capture())).rejects.toThrow(
      'operator test for key "a key" cannot be saved as JSON: [0].n is Infinity',
    );
  });

  test('fails the snapshot and not the change, when an entry that is changed could not be encoded', async () => {
    const operator = newOperator();
    const entry = operator.state.add('a key', { n: Infinity });
    const snapshots = [operator.capture(), operator.capture()];
    operator.state.touch(entry);
    entry.value = { n: 1 };
    for (const snapshot of snapshots) {
      await expect(bytesOf(snapshot)).rejects.toMatchObject({ code: 'TIDEGATE_STATE_NOT_JSON' });
      snapshot.release?.();
    }
    // The next one has what can be saved.
    const again = await restored(await bytesOf(operator.capture()));
    expect(again.state.get('a key')?.value).toEqual({ n: 1 });
  });

  test('refuses every saved state that was cut off, or lost a line', async () => {
    const operator = newOperator();
    for (const key of ['a', 'b', 'c']) operator.state.add(key, { n: 1 });
    const bytes = await bytesOf(operator.capture());
    const lines = bytes.toString().trimEnd().split('\n');
    const damaged = [
      ...Array.from(bytes.keys(), (index) => bytes.subarray(0, index)),
      ...Array.from(lines.keys(), (index) =>
        Buffer.from(`${lines.toSpliced(index, 1).join('\n')}\n`),
      ),
    ];
    for (const part of damaged) {
      await expect(restored(part)).rejects.toMatchObject({ code: 'TIDEGATE_OPERATOR_STATE' });
    }
  });

  test('refuses the state of another number of virtual nodes, naming both', async () => {
    const bytes = await bytesOf(newOperator().capture());
    const other = newOperator(16);
    await expect(other.restore(chunks(bytes))).rejects.toThrow('8 virtual nodes, and 16 are set');
  });

  test('puts keys into the same virtual nodes for ever', () => {
    const long = 'x'.repeat(200);
    // Worked out by another implementation of MurmurHash3.
    const golden = { '': 0, a: 178, 'flight 1': 81, LAX: 164, ü: 170, '✈ key': 64, [long]: 112 };
    for (const [key, vnode] of Object.entries(golden)) {
      expect({ key, vnode: vnodeOf(key, 256) }).toEqual({ key, vnode });
    }
  });
});

interface Captured {
  readonly snapshot: OperatorSnapshot;
  readonly expected: ReadonlyMap<string, number>;
  reading: AsyncIterator<Uint8Array> | undefined;
  readonly bytes: Uint8Array[];
  isReleased: boolean;
  isDone: boolean;
}

function newOperator(vnodeCount = 8): KeyedOperator<{ n: number }> {
  return new KeyedOperator(
    'test',
    { ...settings, vnodeCount },
    {
      members: (value) => [value],
      value: ([, value]) => value as { n: number },
    },
  );
}

async function apply(
  action: Action,
  operator: KeyedOperator<{ n: number }>,
  model: Map<string, number>,
  captures: Captured[],
): Promise<void> {
  const { state } = operator;
  switch (action.kind) {
    case 'set': {
      model.set(action.key, action.value);
      const entry = state.get(action.key);
      if (entry === undefined) return void state.add(action.key, { n: action.value });
      state.touch(entry);
      // In place: what a capture shares would change with it.
      entry.value.n = action.value;
      return;
    }
    case 'delete': {
      model.delete(action.key);
      const entry = state.get(action.key);
      if (entry !== undefined) state.delete(entry);
      return;
    }
    case 'capture':
      if (captures.length >= 4) return;
      captures.push({
        snapshot: operator.capture(),
        expected: new Map(model),
        reading: undefined,
        bytes: [],
        isReleased: false,
        isDone: false,
      });
      return;
    case 'encode': {
      const captured = captures[action.capture];
      if (captured !== undefined) await readSome(captured);
      return;
    }
    case 'release': {
      const captured = captures[action.capture];
      if (captured === undefined) return;
      captured.isReleased = true;
      captured.snapshot.release?.();
    }
  }
}

async function readSome(captured: Captured): Promise<void> {
  if (captured.isReleased || captured.isDone) return;
  captured.reading ??= (await encoded(captured.snapshot))[Symbol.asyncIterator]();
  const next = await captured.reading.next();
  if (next.done === true) captured.isDone = true;
  else captured.bytes.push(next.value);
}

async function rest(captured: Captured): Promise<ReadonlyMap<string, number>> {
  while (!captured.isDone) await readSome(captured);
  const operator = await restored(Buffer.concat(captured.bytes));
  return new Map([...operator.state.entries()].map(({ key, value }) => [key, value.n]));
}

async function restored(bytes: Uint8Array): Promise<KeyedOperator<{ n: number }>> {
  const operator = newOperator();
  await operator.restore(chunks(bytes));
  return operator;
}

/** In two parts, so that lines and characters are cut in the middle. */
async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const middle = Math.floor(bytes.length / 2);
  yield bytes.subarray(0, middle);
  yield bytes.subarray(middle);
}

async function bytesOf(snapshot: OperatorSnapshot): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of await encoded(snapshot)) parts.push(chunk);
  return Buffer.concat(parts);
}

async function encoded(snapshot: OperatorSnapshot): Promise<AsyncIterable<Uint8Array>> {
  const state = await snapshot.encode({ signal: new AbortController().signal });
  return state as AsyncIterable<Uint8Array>;
}
