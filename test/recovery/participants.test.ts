import { describe, expect, test } from '@jest/globals';
import type { Offsets, RestoreOptions } from 'tidegate/extend';
import { inlineOperatorState } from 'tidegate/manifest';
import { RecoveryWorld, refusalOf, resumedFrom, ScriptedOperator, ScriptedSource } from './kit.js';

describe('a source that was added', () => {
  test('starts at an offset that is durable before its first record is read', async () => {
    const world = new RecoveryWorld('archive');
    const old = await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    const added = new ScriptedSource('clicks', world.log);
    added.offset = '7';
    world.sources.set('clicks', added);

    const { base, nextEpoch, report } = resumedFrom(await world.recover());

    expect(base.manifest.checkpointId).toBeGreaterThan(old);
    expect(base.manifest.sourceOffsets.get('clicks')?.offsets.get('line')).toBe('7');
    expect(base.manifest.sourceOffsets.get('lines')?.offsets.get('line')).toBe('100');
    expect(base.manifest.sourceNames).toEqual(['clicks', 'lines']);
    expect(base.manifest.tidegate?.commitHandles.size).toBe(0);
    expect(nextEpoch).toBe(base.manifest.epoch + 1);
    expect(report.warnings).toEqual([expect.stringContaining('clicks was added')]);
    expect(world.operator.state).toBe('state 1');
  });

  test('starts there again after a crash, wherever it is by then', async () => {
    const world = new RecoveryWorld('archive');
    await world.stored({ epoch: 1, sinks: { archive: 'C' } });
    const added = new ScriptedSource('clicks', world.log);
    added.offset = '7';
    world.sources.set('clicks', added);
    resumedFrom(await world.recover());
    added.offset = '99';

    resumedFrom(await world.recover());

    expect(added.offset).toBe('7');
  });

  test('takes the state of the resumed checkpoint along, also from the sidecar', async () => {
    const world = new RecoveryWorld('archive');
    const start = resumedFrom(await startWithLargeState(world));
    world.sources.set('clicks', new ScriptedSource('clicks', world.log));
    world.operator.state = 'left behind by a failed attempt';

    const { base } = resumedFrom(await world.recover());

    expect(base.manifest.checkpointId).not.toBe(start.base.manifest.checkpointId);
    expect(base.manifest.stateChecksum).toBe(start.base.manifest.stateChecksum);
    expect(world.operator.state).toHaveLength(2_000_000);
  });
});

describe('what a manifest has and the pipeline has not, or the other way round', () => {
  test('an operator without saved state is an error, and starts empty when lenient', async () => {
    const world = new RecoveryWorld();
    await world.stored({ epoch: 1 });
    world.operators.set('joins', new ScriptedOperator('joins', world.log));

    const refusal = refusalOf(await world.recover());
    expect(refusal.code).toBe('TIDEGATE_RECOVERY_MANIFEST');
    expect(refusal.message).toContain('joins');

    world.options = { strictness: 'lenient' };
    world.operators.get('joins')!.state = 'left behind by a failed attempt';
    const { report } = resumedFrom(await world.recover());
    expect(report.warnings.join()).toContain('joins');
    expect(world.operators.get('joins')?.state).toBe('initial');
  });

  test('state of an operator that is not registered is an error, and reported when lenient', async () => {
    const world = new RecoveryWorld();
    await world.stored({
      epoch: 1,
      change: (manifest) => ({
        ...manifest,
        operatorStates: new Map([
          ...manifest.operatorStates,
          ['joins', inlineOperatorState(new Uint8Array())],
        ]),
      }),
    });

    expect(refusalOf(await world.recover()).message).toContain('joins');
    world.options = { strictness: 'lenient' };
    expect(resumedFrom(await world.recover()).report.warnings.join()).toContain('joins');
  });

  test('another vnode count is refused, also when lenient: keys would map elsewhere', async () => {
    const world = new RecoveryWorld();
    await world.stored({ epoch: 1, change: (manifest) => ({ ...manifest, vnodeCount: 128 }) });
    world.options = { strictness: 'lenient' };

    expect(refusalOf(await world.recover()).message).toContain('128');
  });

  test('a vnode count of 0 is refused, and a warning when lenient', async () => {
    const world = new RecoveryWorld();
    await world.stored({ epoch: 1, change: (manifest) => ({ ...manifest, vnodeCount: 0 }) });

    expect(refusalOf(await world.recover()).message).toContain('vnode count');
    world.options = { strictness: 'lenient' };
    expect(resumedFrom(await world.recover()).report.warnings.join()).toContain('vnode count');
  });

  test('another pipeline hash is a warning, and refused on request', async () => {
    const world = new RecoveryWorld();
    await world.stored({ epoch: 1, change: (manifest) => ({ ...manifest, pipelineHash: 1n }) });
    world.request = { pipelineHash: 2n };

    expect(resumedFrom(await world.recover()).report.warnings.join()).toContain('pipeline hash');
    world.options = { pipelineHashMismatch: 'refuse' };
    expect(refusalOf(await world.recover()).message).toContain('0x0000000000000001');
  });

  test('offsets of a source that the manifest does not name are an error, and a warning when lenient', async () => {
    const world = new RecoveryWorld();
    await world.stored({ epoch: 1, change: (manifest) => ({ ...manifest, sourceNames: ['x'] }) });

    expect(refusalOf(await world.recover()).message).toContain('lines');
    world.options = { strictness: 'lenient' };
    resumedFrom(await world.recover());
  });

  test('removed and added sinks and sources are reported', async () => {
    const world = new RecoveryWorld('archive');
    await world.stored({
      epoch: 1,
      sinks: { gone: 'C' },
      change: (manifest) => ({
        ...manifest,
        sourceNames: ['lines', 'old'],
        sourceOffsets: new Map([
          ...manifest.sourceOffsets,
          ['old', manifest.sourceOffsets.get('lines')!],
        ]),
      }),
    });

    const { report } = resumedFrom(await world.recover());

    expect(report.warnings.join()).toMatch(
      /source old was removed.*gone was removed.*archive was added/,
    );
  });

  test('timestamp 0 is a warning', async () => {
    const world = new RecoveryWorld();
    await world.stored({ epoch: 1, change: (manifest) => ({ ...manifest, timestampMs: 0 }) });

    expect(resumedFrom(await world.recover()).report.warnings.join()).toContain('creation time');
  });
});

describe('putting participants back', () => {
  test('a source that cannot go back is refused, also when lenient, and no operator is touched', async () => {
    const world = new RecoveryWorld();
    await world.stored({ epoch: 1 });
    world.options = { strictness: 'lenient' };
    world.source.restore = () => {
      throw new Error('lines.jsonl has shrunk');
    };

    const refusal = refusalOf(await world.recover());

    expect(refusal.code).toBe('TIDEGATE_RECOVERY_PARTICIPANT');
    expect(refusal.message).toContain('lines.jsonl has shrunk');
    expect(world.operator.state).toBe('initial');
  });

  test('what a failed attempt left in an operator does not leak into the resumed state', async () => {
    const world = new RecoveryWorld();
    await world.stored({ epoch: 1 });
    world.operator.state = 'records of the epoch that was lost';

    resumedFrom(await world.recover());

    expect(world.operator.state).toBe('state 1');
  });

  test('large state is streamed from the sidecar', async () => {
    const world = new RecoveryWorld();
    const { base } = resumedFrom(await startWithLargeState(world));

    expect(base.manifest.operatorStates.get('totals')?.external).toBe(true);
    expect(base.manifest.stateChecksum).toMatch(/^[0-9a-f]{64}$/);
    expect(world.operator.state).toHaveLength(2_000_000);
  });

  test('a source gets the watermark that it had at its offsets', async () => {
    const world = new RecoveryWorld();
    await world.stored({
      epoch: 1,
      change: (manifest) => ({ ...manifest, sourceWatermarks: new Map([['lines', -7n]]) }),
    });
    let given: unknown;
    world.source.restore = (_offsets: Offsets, options?: RestoreOptions) => {
      given = options?.watermark;
    };

    resumedFrom(await world.recover());

    expect(given).toBe(-7n);
  });

  test('watermarks of a start position are recorded, the lowest for the pipeline', async () => {
    const world = new RecoveryWorld();
    const other = new ScriptedSource('clicks', world.log);
    world.sources.set('clicks', other);
    world.source.position = () => ({ offsets: { line: '0' }, watermark: 5n }) as never;
    other.position = () => ({ offsets: { line: '0' }, watermark: -3n }) as never;

    const { base } = resumedFrom(await world.recover());

    expect(base.manifest.watermark).toBe(-3n);
    expect(base.manifest.sourceWatermarks).toEqual(
      new Map([
        ['lines', 5n],
        ['clicks', -3n],
      ]),
    );
  });
});

function startWithLargeState(world: RecoveryWorld): ReturnType<RecoveryWorld['recover']> {
  const initial = 'x'.repeat(2_000_000);
  world.operator.state = initial;
  world.operator.reset = () => void (world.operator.state = initial);
  return world.recover();
}
