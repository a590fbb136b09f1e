// Small promises of recovery that only a mutation showed to be untested.

import { expect, test } from '@jest/globals';
import { planOnly } from '../../src/recovery/dry-run.js';
import { pipeline, RecoveryWorld, resumedFrom, ScriptedSource } from './kit.js';

test('a dry run closes what it opened, and says how long it took', async () => {
  const world = new RecoveryWorld('archive');
  await world.stored({ epoch: 1, sinks: { archive: 'C' } });
  let closed = 0;
  world.sink('archive').on('openReadOnly', (run) => ({
    ...(run() as object),
    close: () => void (closed += 1),
  }));
  const { store: _owned, ...question } = world.requestFor(await world.open());

  const { report } = await world.clock.drive(
    planOnly({ ...question, store: await world.memory.openReadOnly(), pipeline }),
  );

  expect(closed).toBe(1);
  expect(report.durationMs).toBe(0);
});

test('a table that was added starts at an offset that is durable, as a source does', async () => {
  const world = new RecoveryWorld();
  const id = await world.stored({
    epoch: 1,
    change: (manifest) => ({
      ...manifest,
      sourceNames: ['lines', 'old'],
      sourceOffsets: new Map([
        ...manifest.sourceOffsets,
        ['old', manifest.sourceOffsets.get('lines')!],
      ]),
    }),
  });
  const rates = new ScriptedSource('rates', world.log);
  rates.offset = '7';
  world.tables.set('rates', rates);

  const { base } = resumedFrom(await world.recover());

  expect(base.manifest.checkpointId).toBeGreaterThan(id);
  expect([...base.manifest.tableOffsets.keys()]).toEqual(['rates']);
  expect(base.manifest.tableOffsets.get('rates')?.offsets.get('line')).toBe('7');
  // Offsets of the source that was removed end here.
  expect([...base.manifest.sourceOffsets.keys()]).toEqual(['lines']);
  expect(rates.restored).toEqual(['7']);
});
