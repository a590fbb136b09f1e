import { describe, expect, test } from '@jest/globals';
import type { RecoveryOutcome } from '../../src/recovery/request.js';
import { RecoveryWorld, refusalOf, resumedFrom } from './kit.js';

describe('a first start', () => {
  test('writes a durable start checkpoint before the first record, so that there always is a base', async () => {
    const world = new RecoveryWorld('warehouse');
    world.source.offset = '42';

    const { base, nextEpoch, report } = resumedFrom(await world.recover());

    expect(base.manifest.epoch).toBe(1);
    expect(base.manifest.sourceOffsets.get('lines')?.offsets.get('line')).toBe('42');
    expect(base.manifest.sinkNames).toEqual([]);
    expect(nextEpoch).toBe(2);
    expect(await world.states()).toEqual({ [base.manifest.checkpointId]: 'complete' });
    expect(report.row.number).toBe(3);
  });

  test('discards what an older life left prepared before anything was saved', async () => {
    const world = new RecoveryWorld('warehouse');
    world.sink('warehouse').prepare(99);

    resumedFrom(await world.recover());

    expect(world.sink('warehouse').prepared.size).toBe(0);
  });

  test('a sink with a marker and no manifest is refused: starting over would duplicate', async () => {
    const world = new RecoveryWorld('warehouse');
    world.sink('warehouse').committed(5);

    const outcome = await world.recover();

    expect(refusalOf(outcome).code).toBe('TIDEGATE_RECOVERY_NOTHING_TO_RESUME');
    expect(await world.states()).toEqual({});
  });

  test('a store that lost its manifests under a running pipeline is not started fresh', async () => {
    const world = new RecoveryWorld();
    world.request = { occasion: 'in-process' };
    world.source.offset = '42';

    expect(refusalOf(await world.recover()).code).toBe('TIDEGATE_RECOVERY_NOTHING_TO_RESUME');
  });
});

describe('the newest checkpoint is complete', () => {
  test('everything is put back to it: table store, then tables, sources, operators', async () => {
    const world = new RecoveryWorld('warehouse');
    world.tableStore = {
      checkpoint: () => Promise.resolve(''),
      restore: (path) => void world.log.push(`tables restore ${path ?? 'nothing'}`) as never,
    };
    await world.stored({ epoch: 1 });
    await world.stored({
      epoch: 2,
      sinks: { warehouse: 'C' },
      change: (manifest) => ({ ...manifest, tableStoreCheckpointPath: 'tables/2' }),
    });

    const { base, nextEpoch } = resumedFrom(await world.recover());

    expect(base.manifest.epoch).toBe(2);
    expect(nextEpoch).toBe(3);
    expect(world.log.slice(-3)).toEqual([
      'tables restore tables/2',
      'lines restore 200',
      'totals restore state 2',
    ]);
  });

  test('all sinks are fenced before any of them is asked anything', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    await world.stored({ epoch: 1, sinks: { archive: 'C', warehouse: 'C' } });

    resumedFrom(await world.recover());

    const lastOpen = Math.max(
      ...['archive', 'warehouse'].map((s) => world.log.indexOf(`${s} open`)),
    );
    const firstQuestion = world.log.findIndex((line) => /inspect|lastCommitted/.test(line));
    expect(lastOpen).toBeLessThan(firstQuestion);
  });

  test('a checkpoint that was visible but maybe not durable is saved again before it is acted on', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    await world.stored({ epoch: 1 });
    const id = await world.stored({ epoch: 2, sinks: { archive: 'C', warehouse: 'P' } });
    world.sink('warehouse').prepare(id);
    world.logSaves();

    resumedFrom(await world.recover());

    expect(world.log.indexOf(`save ${id}`)).toBeGreaterThan(-1);
    expect(world.log.indexOf(`save ${id}`)).toBeLessThan(world.log.indexOf('warehouse commit'));
    expect(world.log).toContain('warehouse commit');
  });
});

describe('marks of an earlier recovery', () => {
  test('are saved again, because a power failure could still take them back', async () => {
    const world = new RecoveryWorld('archive');
    const base = await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    const id = await world.stored({ epoch: 2, sinks: { archive: 'P' } });
    resumedFrom(await world.recover());
    expect(await world.states()).toMatchObject({ [id]: 'rolled-back' });
    world.logSaves();

    const { report } = resumedFrom(await world.recover());

    expect(report.row.number).toBe(7);
    expect(world.log.filter((line) => line.startsWith('save'))).toEqual([
      `save ${base}`,
      `save ${id}`,
    ]);
  });
});

describe('the newest checkpoint is in doubt', () => {
  test('a pending sink is asked and not skipped: when all have committed, it is resumed', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    await world.stored({ epoch: 1 });
    const id = await world.stored({ epoch: 2, sinks: { archive: 'P', warehouse: 'P' } });
    world.sink('archive').committed(id);
    world.sink('warehouse').committed(id);

    const { base, report } = resumedFrom(await world.recover());

    expect(base.manifest.checkpointId).toBe(id);
    expect(report.row.number).toBe(9);
    expect(await world.states()).toMatchObject({ [id]: 'complete' });
    expect(base.manifest.sinkEpochs).toEqual(
      new Map([
        ['archive', 2],
        ['warehouse', 2],
      ]),
    );
  });

  test('committed and failed is not accepted as good: the failed sink is asked and commits too', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    await world.stored({ epoch: 1 });
    const id = await world.stored({ epoch: 2, sinks: { archive: 'C', warehouse: 'F' } });
    world.sink('warehouse').prepare(id);

    const { base, report } = resumedFrom(await world.recover());

    expect(report.row.number).toBe(13);
    expect(base.manifest.checkpointId).toBe(id);
    expect([...world.sink('warehouse').markers]).toEqual([id]);
  });

  test('all prepared: it is rolled back at every sink, marked permanently, and the base is resumed', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    const base = await world.stored({ epoch: 1, sinks: { archive: 'C', warehouse: 'C' } });
    const id = await world.stored({ epoch: 2, sinks: { archive: 'P', warehouse: 'P' } });
    world.sink('archive').prepare(id);
    world.sink('warehouse').prepare(id);

    const outcome = resumedFrom(await world.recover());

    expect(outcome.base.manifest.checkpointId).toBe(base);
    expect(outcome.nextEpoch).toBe(2);
    expect(await world.states()).toEqual({ [base]: 'complete', [id]: 'rolled-back' });
    for (const sink of world.sinks.values()) expect(sink.prepared.size).toBe(0);
    expect(world.source.offset).toBe('100');
    const reader = await world.memory.openReadOnly();
    const marked = (await reader.list()).find((listing) => listing.id === id)?.manifest;
    expect(marked?.tidegate?.rolledBack?.reason).toBe('no sink had committed it');
    expect(marked?.sinkCommitStatuses.get('archive')).toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(/^rolled back: /) as unknown,
    });
  });

  test('all prepared in process: it is rolled forward, whatever the policy', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    world.request = { occasion: 'in-process' };
    world.options = { inDoubtPolicy: 'halt' };
    await world.stored({ epoch: 1 });
    const id = await world.stored({ epoch: 2, sinks: { archive: 'P', warehouse: 'P' } });
    for (const sink of world.sinks.values()) sink.prepare(id);

    expect(resumedFrom(await world.recover()).base.manifest.checkpointId).toBe(id);
  });

  test('the second attempt of an epoch is not taken for the first: the checkpoint id is the key', async () => {
    const world = new RecoveryWorld('archive');
    await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    const first = await world.stored({ epoch: 2, sinks: { archive: 'P' } });
    world.sink('archive').prepare(first);
    const { base, store } = resumedFrom(await world.recover());
    const second = await world.stored({ epoch: 2, sinks: { archive: 'P' } });
    expect(second).toBeGreaterThan(first);
    // Left behind by the first attempt, under its own handle.
    world.sink('archive').prepare(first);

    const outcome = resumedFrom(await world.recover());

    expect(store.generation).toBeLessThan(outcome.store.generation);
    expect(outcome.base.manifest.checkpointId).toBe(base.manifest.checkpointId);
    expect(outcome.report.row.number).toBe(12);
    expect(world.sink('archive').prepared.size).toBe(0);
  });

  test('some absent and none committed: it is rolled back, never resumed with a sink missing', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    const base = await world.stored({ epoch: 1, sinks: { archive: 'C', warehouse: 'C' } });
    const id = await world.stored({ epoch: 2, sinks: { archive: 'P', warehouse: 'P' } });
    world.sink('archive').prepare(id);

    const outcome = resumedFrom(await world.recover());

    expect(outcome.base.manifest.checkpointId).toBe(base);
    expect(outcome.report.row.number).toBe(12);
    expect(world.sink('archive').prepared.size).toBe(0);
  });

  test('some committed and some absent is refused', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    await world.stored({ epoch: 1, sinks: { archive: 'C', warehouse: 'C' } });
    const id = await world.stored({ epoch: 2, sinks: { archive: 'C', warehouse: 'P' } });

    const refusal = refusalOf(await world.recover());

    expect(refusal.code).toBe('TIDEGATE_RECOVERY_SPLIT');
    expect(await world.states()).toMatchObject({ [id]: 'in-doubt' });
    expect(world.log.filter((line) => /commit|rollback/.test(line) && !/last/i.test(line))).toEqual(
      [],
    );
  });

  test('no mix of statuses that recovery did not expect crashes it in a loop: it ends, and the same way again', async () => {
    const ends = new Set<string>();
    for (const saved of pairsOf(['C', 'P', 'F'] as const)) {
      for (const truth of pairsOf(['committed', 'prepared', 'absent'] as const)) {
        const world = new RecoveryWorld('archive', 'warehouse');
        const [archive, warehouse] = saved;
        const base = await world.stored({ epoch: 1, sinks: { archive: 'C', warehouse: 'C' } });
        const id = await world.stored({ epoch: 2, sinks: { archive, warehouse } });
        for (const [index, sink] of [...world.sinks.values()].entries()) {
          sink.markers.delete(id);
          if (truth[index] === 'committed') sink.committed(id);
          if (truth[index] === 'prepared') sink.prepare(id);
        }

        const names = new Map<number, string>([
          [base, 'base'],
          [id, 'newest'],
        ]);
        const end = endOf(await world.recover(), names);
        const again = endOf(await world.recover(), names);

        expect({ saved, truth, again }).toEqual({ saved, truth, again: end });
        const holders = [...world.sinks.values()].filter(({ markers }) => markers.has(id)).length;
        if (end === 'base') expect({ saved, truth, holders }).toEqual({ saved, truth, holders: 0 });
        if (end === 'newest')
          expect({ saved, truth, holders }).toEqual({ saved, truth, holders: 2 });
        ends.add(end);
      }
    }
    const refusals = ['TIDEGATE_RECOVERY_SINK_REWOUND', 'TIDEGATE_RECOVERY_SPLIT'];
    expect([...ends].sort()).toEqual([...refusals, 'base', 'newest']);
  });
});

/** What a user sees of a recovery: the name of the checkpoint resumed, or the code of its refusal. */
function endOf(outcome: RecoveryOutcome, names: ReadonlyMap<number, string>): string {
  if (outcome.kind === 'refused') return outcome.cause.code;
  return names.get(resumedFrom(outcome).base.manifest.checkpointId) ?? 'another checkpoint';
}

function pairsOf<Item>(items: readonly Item[]): readonly (readonly [Item, Item])[] {
  return items.flatMap((left) => items.map((right): [Item, Item] => [left, right]));
}
