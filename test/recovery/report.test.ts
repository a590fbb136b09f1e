import { describe, expect, test } from '@jest/globals';
import { planOnly } from '../../src/recovery/dry-run.js';
import { renderReport } from 'tidegate';
import { pipeline, RecoveryWorld, refusalOf, resumedFrom } from './kit.js';

describe('the report', () => {
  test('says what was examined, skipped, found, decided and resumed, as text', async () => {
    const world = new RecoveryWorld('archive');
    const base = await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    const id = await world.stored({ epoch: 2, sinks: { archive: 'P' } });
    world.sink('archive').prepare(id);

    const { report } = resumedFrom(await world.recover());

    expect(renderReport(report)).toBe(
      [
        'Recovery of generation 2, 0 ms',
        `  decided   roll back checkpoint ${id} and resume ${base} (row 11a: all prepared, policy roll-back)`,
        '  examined  2 checkpoints',
        `  skipped   checkpoint ${id}: in-doubt`,
        `  sink      archive: prepared, newest committed ${base}; without checkpoint ${id}`,
        `  resumed   checkpoint ${base} of epoch 1`,
      ].join('\n'),
    );
  });

  test('of a refusal names the cause and says that sinks are unchanged', async () => {
    const world = new RecoveryWorld('archive');
    world.sink('archive').committed(3);

    const outcome = await world.recover();

    refusalOf(outcome);
    expect(outcome.report.resumed).toBeUndefined();
    expect(outcome.report.sinks).toEqual([
      { sink: 'archive', found: 'newest committed 3', became: 'unchanged' },
    ]);
    expect(renderReport(outcome.report)).toContain('refuse: the store holds no checkpoint');
  });
});

describe('a dry run', () => {
  test('prints the plan that recovery would carry out, and changes nothing', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    await world.stored({ epoch: 1, sinks: { archive: 'C', warehouse: 'C' } });
    const id = await world.stored({ epoch: 2, sinks: { archive: 'C', warehouse: 'P' } });
    world.sink('warehouse').prepare(id);
    const before = await world.states();
    const { store: _owned, ...question } = world.requestFor(await world.open());

    const { plan, report } = await world.clock.drive(
      planOnly({ ...question, store: await world.memory.openReadOnly(), pipeline }),
    );

    expect(plan.kind).toBe('roll-forward');
    expect(report.isDryRun).toBe(true);
    expect(renderReport(report)).toContain('nothing was fenced or changed, and all may change');
    expect(await world.states()).toEqual(before);
    expect([...world.sink('warehouse').prepared.values()]).toEqual([id]);
    for (const sink of world.sinks.values()) {
      expect(sink.generation).toBe(0);
      expect(new Set(sink.calls)).toEqual(new Set(['openReadOnly', 'inspect', 'lastCommitted']));
    }
    expect(resumedFrom(await world.recover()).report.decision).toBe(report.decision);
  });
});
