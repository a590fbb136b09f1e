// Input that is gone: a start is refused with the way out, and goes on once a person has given it up.

import { describe, expect, test } from '@jest/globals';
import { renderReport } from 'tidegate';
import { lostInput } from 'tidegate/extend';
import type { Offsets, RestoreOptions } from 'tidegate/extend';
import { checkpointId } from '../../src/ids.js';
import { RecoveryWorld, refusalOf, resumedFrom, ScriptedSource } from './kit.js';

/** Its input up to `oldest` is gone. */
class ShortLog extends ScriptedSource {
  oldest = 500;

  override restore(offsets: Offsets, options?: RestoreOptions): void {
    const line = Number(offsets.line);
    if (line >= this.oldest) {
      super.restore(offsets, options);
      return;
    }
    if (options?.acceptLoss !== true) {
      throw lostInput(`line ${line} is gone: the log begins at ${this.oldest}`, {
        goesOnAt: `line ${this.oldest}`,
      });
    }
    super.restore({ line: String(this.oldest) }, options);
  }
}

async function worldWithLoss() {
  const world = new RecoveryWorld('archive');
  const log = new ShortLog('lines', world.log);
  world.sources.set('lines', log);
  const id = await world.stored({ epoch: 1, sinks: { archive: 'C' } });
  return { world, log, id };
}

async function recoverWith(world: RecoveryWorld, request: RecoveryWorld['request']) {
  world.request = request;
  const outcome = await world.recover();
  world.request = {};
  return outcome;
}

describe('input that is gone', () => {
  test('refuses the start, with the way out and where it would lead', async () => {
    const { world, id } = await worldWithLoss();

    const refusal = refusalOf(await world.recover());

    expect(refusal.code).toBe('TIDEGATE_RECOVERY_PARTICIPANT');
    expect(refusal.message).toBe(
      'restoring source lines failed: line 100 is gone: the log begins at 500. To give up what is ' +
        `lost, start once with acceptLostInput: { "lines": ${id} }: source lines then goes on at ` +
        'line 500, and the next checkpoint says so',
    );
    expect(refusal.details).toMatchObject({ source: 'lines', checkpointId: id });
  });

  test('is given up by a person, which is durable before the source is read, and handed on', async () => {
    const { world, log, id } = await worldWithLoss();

    const { base, report } = resumedFrom(
      await recoverWith(world, { acceptLostInput: { lines: id } }),
    );

    expect(base.manifest.checkpointId).toBeGreaterThan(id);
    expect(base.manifest.sourceOffsets.get('lines')?.offsets.get('line')).toBe('500');
    expect(base.manifest.tidegate?.lostInput).toEqual(
      new Map([
        [
          'lines',
          {
            checkpointId: id,
            from: new Map([['line', '100']]),
            to: new Map([['line', '500']]),
            reason: 'restoring source lines failed: line 100 is gone: the log begins at 500',
          },
        ],
      ]),
    );
    expect(world.operator.state).toBe('state 1');
    expect(log.offset).toBe('500');
    const told = `source lines gave up input behind checkpoint ${id}: from line=100 to line=500`;
    expect(report.lostInput).toEqual([told]);
    expect(renderReport(report)).toContain(`  lost      ${told}`);

    const again = resumedFrom(await world.recover());
    expect(again.base.manifest.checkpointId).toBe(base.manifest.checkpointId);
    expect(again.report.lostInput).toEqual([told]);
  });

  test('is not given up a second time by the same word', async () => {
    const { world, log, id } = await worldWithLoss();
    resumedFrom(await recoverWith(world, { acceptLostInput: { lines: id } }));
    log.oldest = 900;

    const refusal = refusalOf(await recoverWith(world, { acceptLostInput: { lines: id } }));

    expect(refusal.message).toContain('line 500 is gone: the log begins at 900');
    expect(log.restored).not.toContain('900');
  });

  test.each(['another source', 'another checkpoint'])(
    'is not given up by a word for %s',
    async (what) => {
      const { world, id } = await worldWithLoss();
      const acceptLostInput =
        what === 'another source' ? { clicks: id } : { lines: checkpointId(id + 1) };
      expect(refusalOf(await recoverWith(world, { acceptLostInput })).message).toContain('is gone');
    },
  );

  test('keeps its word when nothing is lost: nothing is skipped and nothing is recorded', async () => {
    const { world, log, id } = await worldWithLoss();
    log.oldest = 0;

    const { base } = resumedFrom(await recoverWith(world, { acceptLostInput: { lines: id } }));

    expect(base.manifest.checkpointId).toBe(id);
    expect(base.manifest.tidegate?.lostInput).toBeUndefined();
    expect(log.offset).toBe('100');
  });

  test('is not given up by a source that names no place to go on at', async () => {
    const { world, id } = await worldWithLoss();
    let asked = 0;
    world.sources.get('lines')!.restore = (_offsets: Offsets, options?: RestoreOptions) => {
      if (options?.acceptLoss === true) asked += 1;
      throw new Error('gone');
    };

    const refusal = refusalOf(await recoverWith(world, { acceptLostInput: { lines: id } }));

    expect(refusal.message).toBe('restoring source lines failed: gone');
    expect(asked).toBe(0);
  });
});
