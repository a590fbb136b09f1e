// A pipeline whose input file was replaced goes on with the new one, once a person has said so.

import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  MemoryCheckpointStore,
  Pipeline,
  TidegateError,
  arraySource,
  iterableSource,
  memorySink,
} from 'tidegate';
import type { RunOptions } from 'tidegate';
import type { ReadableSource } from 'tidegate/extend';
import { jsonLinesSource } from 'tidegate/files';

let room: string;
let path: string;

beforeEach(() => {
  room = mkdtempSync(join(tmpdir(), 'tidegate-lost-input-'));
  path = join(room, 'in.jsonl');
});

afterEach(() => rmSync(room, { recursive: true }));

function running() {
  const store = new MemoryCheckpointStore();
  const sink = memorySink();
  const run = (source: ReadableSource, more: Partial<RunOptions> = {}) => {
    const pipeline = new Pipeline('numbers');
    pipeline.source('lines', source).to('out', sink);
    return pipeline.run({ store, ...more });
  };
  return { sink, run };
}

async function refusal(run: Promise<unknown>): Promise<TidegateError> {
  const halted = await run.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(halted).toBeInstanceOf(TidegateError);
  return (halted as TidegateError).cause as TidegateError;
}

function named({ details }: TidegateError): NonNullable<RunOptions['acceptLostInput']> {
  return { lines: details.checkpointId } as NonNullable<RunOptions['acceptLostInput']>;
}

describe('a file that', () => {
  test.each([
    ['is another one', () => writeFileSync(path, '30\n40\n50\n60\n')],
    ['was cut', () => writeFileSync(path, '7\n')],
  ])('%s is read from its start behind consent, and only then', async (_what, replace) => {
    const { sink, run } = running();
    writeFileSync(path, '1\n2\n3\n');
    await run(jsonLinesSource(path));
    unlinkSync(path);
    replace();

    const refused = await refusal(run(jsonLinesSource(path)));
    expect(refused.message).toContain('acceptLostInput: { "lines": ');
    expect(refused.message).toContain('goes on at the start of the file that is there now');
    const before = sink.records.length;
    const report = await run(jsonLinesSource(path), { acceptLostInput: named(refused) });

    expect(before).toBe(3);
    expect(report.outcome).toBe('finished');
    expect(sink.records.length).toBeGreaterThan(3);
    expect(report.recovery?.lostInput.join()).toContain('source lines gave up input');
    expect((await run(jsonLinesSource(path))).outcome).toBe('already-finished');
  });

  test('is not there names no way to go on', async () => {
    const { run } = running();
    writeFileSync(path, '1\n2\n3\n');
    await run(jsonLinesSource(path));
    unlinkSync(path);
    const refused = await refusal(run(jsonLinesSource(path)));
    expect(refused.message).toContain('does not exist');
    expect(refused.message).not.toContain('acceptLostInput');
  });
});

test('an array that is shorter goes on at its end, an iterable of another name at its start', async () => {
  const array = running();
  await array.run(arraySource([1, 2, 3]));
  const short = await refusal(array.run(arraySource([1])));
  await array.run(arraySource([1]), { acceptLostInput: named(short) });
  expect(array.sink.records).toEqual([1, 2, 3]);

  const iterable = running();
  const of = (identity: string, records: readonly number[]) =>
    iterableSource({ identity, open: (first) => records.slice(first) });
  await iterable.run(of('monday', [1, 2, 3]));
  const other = await refusal(iterable.run(of('tuesday', [4, 5, 6])));
  await iterable.run(of('tuesday', [4, 5, 6]), { acceptLostInput: named(other) });
  expect(iterable.sink.records).toEqual([1, 2, 3, 4, 5, 6]);
});
