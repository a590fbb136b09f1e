import { describe, expect, test } from '@jest/globals';
import { columnValues, type Column, type Columns } from '../../src/recovery/columns.js';
import { matches, recoveryTable, rowName, type Decision } from '../../src/recovery/table.js';

describe('the recovery table', () => {
  const combinations = [...allCombinations()];

  test('has exactly one first match for every combination of facts, and each row is reached', () => {
    const reached = new Map(recoveryTable.map((row) => [rowName(row), 0]));
    for (const columns of combinations) {
      const row = recoveryTable.find((candidate) => matches(candidate, columns));
      if (row === undefined) throw new Error(`no row fits ${JSON.stringify(columns)}`);
      reached.set(rowName(row), (reached.get(rowName(row)) ?? 0) + 1);
    }
    expect(combinations).toHaveLength(62_208);
    expect([...reached].filter(([, count]) => count === 0)).toEqual([]);
    expect(reached.size).toBe(recoveryTable.length);
  });

  test('decides only what an independent statement of safety allows, and never gives up needlessly', () => {
    for (const columns of combinations) {
      const row = recoveryTable.find((candidate) => matches(candidate, columns))!;
      const allowed = allowedKinds(columns);
      if (allowed.includes(row.decision.kind)) continue;
      const what = `row ${rowName(row)} decides ${row.decision.kind}, allowed is ${allowed.join()}`;
      throw new Error(`${what} for ${JSON.stringify(columns)}`);
    }
  });

  test('numbers its rows upwards and gives each its own label', () => {
    const numbers = recoveryTable.map(({ number }) => number);
    expect(numbers).toEqual([...numbers].sort((left, right) => left - right));
    expect(new Set(recoveryTable.map(({ label }) => label)).size).toBe(recoveryTable.length);
    expect(new Set(numbers)).toEqual(new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]));
  });
});

/** What is safe and useful, said without rows: what the store has, then what the sinks are. */
function allowedKinds(columns: Columns): readonly Decision['kind'][] {
  const { answers, owner, newest, doubts, fallback } = columns;
  if (answers === 'missing') return ['halt'];
  if (owner !== 'accepted') return ['refuse'];
  if (newest === 'none') {
    // A marker, or a process that had started, proves that there was more than nothing.
    return columns.markers === 'none' && columns.occasion === 'start' ? ['fresh'] : ['refuse'];
  }
  if (newest === 'nothing-to-resume' || newest === 'unsupported') return ['refuse'];
  if (doubts === 'too-many') return ['refuse'];
  if (newest === 'corrupt') return fallback === 'usable' ? ['fall-back'] : ['refuse'];
  if (newest === 'complete') return ['resume'];
  return allowedInDoubt(columns);
}

function allowedInDoubt(columns: Columns): readonly Decision['kind'][] {
  const { sinks, policy } = columns;
  const isRedrive = columns.occasion === 'in-process' && columns.timeout === 'running';
  switch (sinks) {
    case 'cannot-tell':
      return ['refuse'];
    case 'all-committed':
      return ['resume'];
    case 'all-prepared':
      return [isRedrive ? 'roll-forward' : policy];
    case 'none-committed-some-absent':
      // Nothing was committed and something is gone: forward would lose it.
      return [policy === 'halt' ? 'halt' : 'roll-back'];
    case 'some-committed-rest-prepared':
      return ['roll-forward'];
    case 'some-committed-some-absent':
      return [columns.replay === 'possible' ? 'pinned-replay' : 'refuse'];
  }
}

function* allCombinations(): Iterable<Columns> {
  let partial: Record<string, string>[] = [{}];
  for (const name of Object.keys(columnValues) as Column[]) {
    partial = partial.flatMap((columns) =>
      columnValues[name].map((value) => ({ ...columns, [name]: value })),
    );
  }
  yield* partial as unknown as Iterable<Columns>;
}
