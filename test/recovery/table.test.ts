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
    expect(combinations).toHaveLength(48_384);
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

  test('names its rows as reports, refusals and the documentation have named them since', () => {
    expect(recoveryTable.map((row) => `${rowName(row)} ${row.label}`)).toEqual([
      '1 the store or a sink cannot be fenced or did not answer in time',
      '2a the store or a sink refuses this owner',
      '2b N leaves a sink in doubt that is not registered or no longer two-phase',
      '2c a manifest of an earlier version replaces another one by a replay',
      '3 no manifest, and no sink has a marker',
      '4 nothing to resume, though something was there',
      '5 two manifests in doubt, or one below a complete N',
      '6a N was written by a newer version',
      '6b N corrupt, and no sink is past the newest intact complete checkpoint',
      '6c N corrupt, and nothing below it is safe to resume',
      '6d N states a number, an id or a size beyond what this program takes',
      '7 N complete',
      '8 a sink in doubt cannot tell, for want of a handle',
      '9 all sinks have committed N',
      '10 all prepared, in process, in time',
      '11a all prepared, policy roll-back',
      '11b all prepared, policy roll-forward',
      '11c all prepared, policy halt',
      '12a none committed, some absent, policy halt',
      '12b none committed, some absent',
      '13 some committed, the rest prepared',
      '15 some committed, some absent',
    ]);
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
  if (newest === 'nothing-to-resume') return ['refuse'];
  if (newest === 'newer' || newest === 'unsupported') return ['refuse'];
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
      return ['refuse'];
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
