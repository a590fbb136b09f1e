// A sink that is set back to a backup is noticed behind every manifest that recovery writes itself.

import { describe, expect, test } from '@jest/globals';
import type { CheckpointId } from 'tidegate';
import type { CheckpointManifest } from 'tidegate/manifest';
import { RecoveryWorld, refusalOf, resumedFrom, ScriptedSink, ScriptedSource } from './kit.js';

type Start = (world: RecoveryWorld) => Promise<CheckpointManifest>;

let addedSources = 0;

/** Starts that end with a manifest of recovery's own: no sink has prepared anything for it. */
const starts: Record<string, Start> = {
  'that added a source': async (world) => {
    const name = `added ${(addedSources += 1)}`;
    world.sources.set(name, new ScriptedSource(name, world.log));
    return resumedFrom(await world.recover()).base.manifest;
  },
  'that added a table': async (world) => {
    const name = `added ${(addedSources += 1)}`;
    world.tables.set(name, new ScriptedSource(name, world.log));
    return resumedFrom(await world.recover()).base.manifest;
  },
  'that restored the newest': (world) => restored(world, []),
  'that restored with duplicates accepted': async (world) => {
    const past = await world.stored({ epoch: 9, sinks: { archive: 'C', warehouse: 'C' } });
    return restored(world, [past]);
  },
  'that rolled forward and added a source': async (world) => {
    const id = await world.stored({ epoch: 8, sinks: { archive: 'P', warehouse: 'P' } });
    for (const sink of ['archive', 'warehouse']) world.sink(sink).prepare(id);
    world.options = { inDoubtPolicy: 'roll-forward' };
    return starts['that added a source']!(world);
  },
  'that rolled back and added a source': async (world) => {
    const id = await world.stored({ epoch: 8, sinks: { archive: 'P', warehouse: 'P' } });
    for (const sink of ['archive', 'warehouse']) world.sink(sink).prepare(id);
    return starts['that added a source']!(world);
  },
};

async function restored(
  world: RecoveryWorld,
  past: readonly CheckpointId[],
): Promise<CheckpointManifest> {
  const reader = await world.memory.openReadOnly();
  const complete = (await reader.list()).filter(({ state }) => state === 'complete');
  const ids = complete.map(({ id }) => id).sort((left, right) => right - left);
  const chosen = ids.find((id) => !past.includes(id))!;
  const accepted = Object.fromEntries(
    past.length === 0 ? [] : ['archive', 'warehouse'].map((sink) => [sink, past[0]!]),
  );
  world.request = { restoreFrom: { checkpointId: chosen, acceptDuplicatesIn: accepted } };
  const { base } = resumedFrom(await world.recover());
  world.request = {};
  return base.manifest;
}

async function twoCommits(): Promise<RecoveryWorld> {
  const world = new RecoveryWorld('archive', 'warehouse');
  await world.stored({ epoch: 1, sinks: { archive: 'C', warehouse: 'C' } });
  await world.stored({ epoch: 2, sinks: { archive: 'C', warehouse: 'C' } });
  return world;
}

/** Back to before its newest commit. */
function setBack(world: RecoveryWorld, sink: string): void {
  const { markers } = world.sink(sink);
  markers.delete(Math.max(...markers));
}

describe.each(Object.keys(starts))('behind a start %s', (name) => {
  test('the start itself and those after it find each sink where it says', async () => {
    const world = await twoCommits();
    const manifest = await starts[name]!(world);
    expect(manifest.tidegate?.commitHandles.size).toBe(0);
    for (const sink of ['archive', 'warehouse']) {
      const newest = Math.max(...world.sink(sink).markers);
      expect(manifest.tidegate?.sinkMarkers?.get(sink)).toBe(newest);
    }
    const again = resumedFrom(await world.recover());
    expect(again.base.manifest.checkpointId).toBe(manifest.checkpointId);
  });

  test.each(['archive', 'warehouse'])('sink %s set back to a backup is refused', async (sink) => {
    const world = await twoCommits();
    await starts[name]!(world);
    const had = Math.max(...world.sink(sink).markers);
    setBack(world, sink);
    const refusal = refusalOf(await world.recover());
    expect(refusal.code).toBe('TIDEGATE_RECOVERY_SINK_REWOUND');
    expect(refusal.message).toContain(`sink ${sink} had committed checkpoint ${had}`);
    // Put in order, it goes on.
    world.sink(sink).committed(had);
    resumedFrom(await world.recover());
  });

  test('a sink that was emptied is refused, also behind another such start', async () => {
    const world = await twoCommits();
    await starts[name]!(world);
    await starts['that added a source']!(world);
    await starts['that restored the newest']!(world);
    world.sink('warehouse').markers.clear();
    const refusal = refusalOf(await world.recover());
    expect(refusal.code).toBe('TIDEGATE_RECOVERY_SINK_REWOUND');
    expect(refusal.message).toContain('has none now');
  });

  test('a sink that is set back while another start of this kind is made is refused', async () => {
    const world = await twoCommits();
    await starts[name]!(world);
    setBack(world, 'archive');
    world.sources.set('one more', new ScriptedSource('one more', world.log));
    expect(refusalOf(await world.recover()).code).toBe('TIDEGATE_RECOVERY_SINK_REWOUND');
  });

  test('a sink that was removed meanwhile and is added again, set back, is refused', async () => {
    const world = await twoCommits();
    const archive = world.sink('archive');
    await starts[name]!(world);
    world.sinks.delete('archive');
    await starts['that added a source']!(world);
    resumedFrom(await world.recover());
    setBack(world, 'warehouse');
    expect(refusalOf(await world.recover()).message).toContain('sink warehouse');
    world.sink('warehouse').markers.add(1e9);
    world.sinks.set('archive', archive);
    archive.markers.clear();
    world.sink('warehouse').markers.delete(1e9);
    world
      .sink('warehouse')
      .committed((await manifestOf(world)).tidegate!.sinkMarkers!.get('warehouse')!);
    expect(refusalOf(await world.recover()).message).toContain('sink archive');
  });
});

async function manifestOf(world: RecoveryWorld): Promise<CheckpointManifest> {
  const reader = await world.memory.openReadOnly();
  const [newest] = [...(await reader.list())].sort((left, right) => right.id - left.id);
  return newest!.manifest!;
}

test('a sink that never committed anything proves nothing, and is not refused', async () => {
  const world = await twoCommits();
  world.sinks.set('new', new ScriptedSink('new', world.log));
  const manifest = await starts['that added a source']!(world);
  expect(manifest.tidegate?.sinkMarkers?.has('new')).toBe(false);
  resumedFrom(await world.recover());
});

test('a sink under a new name is another one', async () => {
  const world = await twoCommits();
  await starts['that added a source']!(world);
  world.sinks.delete('archive');
  world.sinks.set('renamed', new ScriptedSink('renamed', world.log));
  resumedFrom(await world.recover());
});

test('a sink that has gone on since is not behind', async () => {
  const world = await twoCommits();
  const manifest = await starts['that restored the newest']!(world);
  const next = await world.stored({
    epoch: 20,
    sinks: { archive: 'C', warehouse: 'C' },
    change: (one) => ({
      ...one,
      tidegate: { ...one.tidegate!, sinkMarkers: manifest.tidegate!.sinkMarkers! },
    }),
  });
  expect(resumedFrom(await world.recover()).base.manifest.checkpointId).toBe(next);
});

test('a sink that no longer has two phases is not asked, and is again when it has them', async () => {
  const world = await twoCommits();
  const archive = world.sink('archive');
  world.sinks.set('archive', flushing(archive));
  const manifest = await starts['that added a source']!(world);
  expect(manifest.tidegate?.sinkMarkers?.get('archive')).toBe(Math.max(...archive.markers));
  archive.markers.clear();
  resumedFrom(await world.recover());
  world.sinks.set('archive', archive);
  expect(refusalOf(await world.recover()).code).toBe('TIDEGATE_RECOVERY_SINK_REWOUND');
});

test('a restore of a checkpoint of that time is the way out', async () => {
  const world = await twoCommits();
  const first = Math.min(...world.sink('archive').markers) as CheckpointId;
  await starts['that added a source']!(world);
  setBack(world, 'archive');
  setBack(world, 'warehouse');
  refusalOf(await world.recover());
  world.request = { restoreFrom: { checkpointId: first, acceptDuplicatesIn: {} } };
  const { base } = resumedFrom(await world.recover());
  expect(base.manifest.tidegate?.sinkMarkers?.get('archive')).toBe(first);
  world.request = {};
  resumedFrom(await world.recover());
});

test('an empty handle is none: no sink is asked to commit it', async () => {
  const world = new RecoveryWorld('archive');
  world.options = { inDoubtPolicy: 'roll-forward' };
  await world.stored({ epoch: 1, sinks: { archive: 'C' } });
  const id = await world.stored({ epoch: 2, sinks: { archive: 'P' }, handles: { archive: '' } });
  world.sink('archive').prepare(id);
  expect(refusalOf(await world.recover()).code).toBe('TIDEGATE_RECOVERY_FOREIGN_IN_DOUBT');
  expect(world.log.filter((line) => line.endsWith(' commit'))).toEqual([]);
});

function flushing(sink: ScriptedSink): ScriptedSink {
  const inner = { write: () => undefined, flush: () => undefined };
  return { durability: 'idempotent', name: sink.name, open: () => Promise.resolve(inner) } as never;
}
