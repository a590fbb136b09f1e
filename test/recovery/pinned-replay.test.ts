import { describe, expect, test } from '@jest/globals';
import type { CheckpointId } from '../../src/ids.js';
import type { RecoveryOutcome } from '../../src/recovery/request.js';
import { RecoveryWorld, refusalOf, resumedFrom, ScriptedSink } from './kit.js';

/** One sink has the range from epoch 1 to 2, the other lost it. */
async function split(world: RecoveryWorld): Promise<{ base: CheckpointId; target: CheckpointId }> {
  world.request = { replayPossible: true };
  const base = await world.stored({ epoch: 1, sinks: { archive: 'C', warehouse: 'C' } });
  const target = await world.stored({ epoch: 2, sinks: { archive: 'P', warehouse: 'P' } });
  world.sink('archive').committed(target);
  return { base, target };
}

function replayOf(outcome: RecoveryOutcome): RecoveryOutcome & { kind: 'pinned-replay' } {
  if (outcome.kind === 'pinned-replay') return outcome;
  throw new Error(`${outcome.kind}: ${outcome.report.decision}`);
}

describe('some sinks have committed and others lost the epoch', () => {
  test('the range is replayed from the base, and the committed sink keeps its old handle', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    const { base, target } = await split(world);

    const outcome = replayOf(await world.recover());

    expect(outcome.base.manifest.checkpointId).toBe(base);
    expect(outcome.target.manifest.checkpointId).toBe(target);
    expect(outcome.inherited).toEqual(new Map([['archive', `archive/${target}`]]));
    expect(outcome.nextEpoch).toBe(2);
    expect(world.source.offset).toBe('100');
    expect(world.operator.state).toBe('state 1');
    expect(await world.states()).toEqual({ [base]: 'complete', [target]: 'in-doubt' });
  });

  test('a second crash does not replay into the committed sink: its old handle is asked for', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    const { target } = await split(world);
    resumeReplay(await world.recover());
    const second = await world.stored({
      epoch: 2,
      sinks: { archive: 'C', warehouse: 'P' },
      handles: { archive: `archive/${target}`, warehouse: 'warehouse/none' },
      change: (manifest) => ({
        ...manifest,
        tidegate: { ...manifest.tidegate!, supersedes: target },
      }),
    });
    world.sink('archive').markers.delete(second);

    const outcome = replayOf(await world.recover());

    expect(outcome.target.manifest.checkpointId).toBe(second);
    expect(outcome.inherited).toEqual(new Map([['archive', `archive/${target}`]]));
    expect(await world.states()).toMatchObject({ [target]: 'superseded' });
  });

  test('the replay is complete once its sinks have committed, and nothing is rewound', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    const { target } = await split(world);
    const second = await world.stored({
      epoch: 2,
      sinks: { archive: 'C', warehouse: 'P' },
      handles: { archive: `archive/${target}`, warehouse: 'warehouse/x' },
      change: (manifest) => ({
        ...manifest,
        tidegate: { ...manifest.tidegate!, supersedes: target },
      }),
    });
    world.sink('archive').markers.delete(second);
    world.sink('warehouse').prepared.set('warehouse/x', second);

    const { base, report } = resumedFrom(await world.recover());

    expect(base.manifest.checkpointId).toBe(second);
    expect(report.row.number).toBe(13);
  });

  test('a committed sink that was set back is refused: it would drop what it lost', async () => {
    const world = new RecoveryWorld('archive', 'warehouse');
    world.request = { replayPossible: true };
    await world.stored({ epoch: 1, sinks: { archive: 'C', warehouse: 'C' } });
    const target = await world.stored({ epoch: 2, sinks: { archive: 'C', warehouse: 'P' } });
    world.sink('archive').markers.delete(target);

    expect(refusalOf(await world.recover()).code).toBe('TIDEGATE_RECOVERY_SINK_REWOUND');
  });

  test.each([
    ['a source was added', (world: RecoveryWorld) => world.sources.set('new', world.source)],
    [
      'a sink was added',
      (world: RecoveryWorld) => world.sinks.set('new', new ScriptedSink('new', [])),
    ],
  ])('is refused when %s in between', async (_what, change) => {
    const world = new RecoveryWorld('archive', 'warehouse');
    await split(world);
    change(world);

    expect(refusalOf(await world.recover()).code).toBe('TIDEGATE_RECOVERY_SPLIT');
  });

  test.each([
    ['archive', 'TIDEGATE_RECOVERY_SPLIT'],
    ['warehouse', undefined],
  ])(
    'needs a digest of each sink that gets the range again: with that of %s alone it ends with %s',
    async (sink, code) => {
      const world = new RecoveryWorld('archive', 'warehouse');
      world.request = { replayPossible: true };
      await world.stored({ epoch: 1, sinks: { archive: 'C', warehouse: 'C' } });
      await world.stored({
        epoch: 2,
        sinks: { archive: 'C', warehouse: 'P' },
        change: (manifest) => ({
          ...manifest,
          tidegate: { ...manifest.tidegate!, sinkDigests: new Map([[sink, 'x']]) },
        }),
      });

      const outcome = await world.recover();

      if (code === undefined) expect(outcome.kind).toBe('pinned-replay');
      else
        expect(refusalOf(outcome)).toMatchObject({
          code,
          message: expect.stringContaining('digest') as unknown,
        });
    },
  );
});

function resumeReplay(outcome: RecoveryOutcome): void {
  replayOf(outcome);
}
