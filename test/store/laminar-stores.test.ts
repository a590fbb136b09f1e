// What tidegate says of stores that the real LaminarDB wrote: list, load, plan, start, and nothing moved.

import { describe, expect, test } from '@jest/globals';
import { manifestFindings } from '../../src/cli/verify-rules.js';
import { checkpointId } from '../../src/ids.js';
import { StoreLayout } from '../../src/store/layout.js';
import {
  copyOf,
  folders,
  planOf,
  startOf,
  storePath,
  worldOn,
  type Registered,
} from './laminar-kit.js';

interface Expected {
  readonly registered?: Registered;
  /** State by id, newest first; undefined where the layout is refused. */
  readonly listed?: Readonly<Record<string, string>>;
  /** Names that are left out, with a part of the reason. */
  readonly skipped?: Readonly<Record<string, RegExp>>;
  /** What is wrong with a checkpoint, by id. */
  readonly problems?: Readonly<Record<string, RegExp>>;
  /** Findings of `verify` beside damage, by id. */
  readonly findings?: Readonly<Record<string, readonly string[]>>;
  readonly comesTo: RegExp;
}

const pg: Registered = { twoPhase: ['pg-sink'] };

const table: Readonly<Record<string, Expected>> = {
  '11-statuses': {
    registered: { twoPhase: ['a', 'b', 'c'] },
    listed: { 3: 'in-doubt', 2: 'rolled-back', 1: 'complete' },
    // The newest is asked for: `b`, which failed there, has nothing of it.
    comesTo: /^TIDEGATE_RECOVERY_SPLIT$/,
  },
  '17-id-edges': {
    registered: pg,
    listed: { 9007199254740991: 'complete' },
    skipped: {
      checkpoint_18446744073709551615: /above 2\^53-1/,
      checkpoint_9007199254740992: /above 2\^53-1/,
    },
    comesTo: /^TIDEGATE_GENERATIONS_EXHAUSTED$/,
  },
  '18-id-zero': {
    registered: pg,
    listed: { 1: 'corrupt' },
    skipped: { checkpoint_000000: /its id is 0/ },
    problems: { 1: /its epoch is 0/ },
    findings: { 1: ['epoch is 0'] },
    comesTo: /^TIDEGATE_RECOVERY_NOTHING_TO_RESUME$/,
  },
  '19-timestamp': {
    registered: pg,
    listed: { 3: 'complete', 2: 'corrupt', 1: 'complete' },
    problems: { 2: /timestamp_ms: expected at most 9007199254740991.*found 18446744073709551615/ },
    findings: { 1: ['timestamp_ms is 0 (missing creation time)'] },
    comesTo: /^resume checkpoint 3 /,
  },
  '29-stale-sidecar-inline': {
    registered: { ...pg, operators: ['op'] },
    listed: { 2: 'complete', 1: 'complete' },
    comesTo: /^resume checkpoint 2 /,
  },
  '36-no-state-op': {
    registered: { ...pg, operators: ['some', 'none'] },
    listed: { 1: 'complete' },
    comesTo: /^resume checkpoint 1 /,
  },
  '39-beyond': {
    registered: { ...pg, operators: ['a'] },
    listed: { 3: 'corrupt', 2: 'corrupt', 1: 'corrupt' },
    problems: {
      3: /bytes 9007199254740991 to 9007199254740991 of a sidecar of 6/,
      2: /external_offset: expected at most 9007199254740991/,
      1: /bytes 0 to 7 of a sidecar of 6/,
    },
    comesTo: /^TIDEGATE_RECOVERY_BEYOND_LIMITS$/,
  },
  '45-v22-mixed': {
    registered: { ...pg, operators: ['small', 'large'] },
    listed: { 2: 'complete', 1: 'complete' },
    comesTo: /^resume checkpoint 2 /,
  },
  '47-mixed-sinks': {
    registered: { twoPhase: ['pg'], flushed: ['delta', 'alo-kafka'] },
    listed: { 3: 'complete', 2: 'complete', 1: 'complete' },
    comesTo: /^resume checkpoint 3 /,
  },
  '52-pending-below': {
    registered: pg,
    listed: { 3: 'complete', 2: 'rolled-back', 1: 'complete' },
    comesTo: /^resume checkpoint 3 /,
  },
  '57-object-layout': { registered: pg, comesTo: /^TIDEGATE_STORE_LAYOUT$/ },
  '58-v10-above-v1': {
    registered: pg,
    listed: { 2: 'newer', 1: 'complete' },
    problems: {
      2: /at most version 1, as tidegate and LaminarDB .*found version 10 in checkpoint 2/,
    },
    comesTo: /^TIDEGATE_RECOVERY_NEWER_VERSION$/,
  },
};

test('every folder is in the table', () => {
  expect(folders).toEqual(Object.keys(table));
});

describe.each(Object.entries(table))('%s', (folder, expected) => {
  const world = async () => {
    const disk = await copyOf(folder);
    return { disk, world: worldOn(disk, folder, expected.registered ?? {}) };
  };

  test('is listed, each checkpoint with its state and with what is wrong', async () => {
    const { memory } = (await world()).world;
    if (expected.listed === undefined) {
      await expect(memory.openReadOnly()).rejects.toMatchObject({
        code: 'TIDEGATE_STORE_LAYOUT',
        message: expect.stringContaining('/copy/manifests/manifest-000001.json') as unknown,
      });
      return;
    }
    const reader = await memory.openReadOnly();
    const listings = await reader.list();
    const states = Object.fromEntries(listings.map(({ id, state }) => [id, state]));
    expect(states).toEqual(expected.listed);
    const skipped = (await reader.skipped?.()) ?? [];
    const wanted = expected.skipped ?? {};
    expect(skipped.map(({ name }) => name)).toEqual(Object.keys(wanted));
    for (const { name, why } of skipped) expect(why).toMatch(wanted[name]!);
    for (const { id, problem, manifest } of listings) {
      const wrong = expected.problems?.[id];
      expect(problem?.message ?? '').toMatch(wrong ?? /^$/);
      const found = manifest === undefined ? [] : manifestFindings(manifest, 256);
      const ignored = problem === undefined ? [] : [problem.message];
      const messages = found.map(({ message }) => message).filter((one) => !ignored.includes(one));
      expect(messages).toEqual(expected.findings?.[id] ?? []);
    }
  });

  test('is loaded where it is listed as whole, and nowhere else', async () => {
    if (expected.listed === undefined) return;
    const reader = await (await world()).world.memory.openReadOnly();
    for (const { id, state } of await reader.list()) {
      const loading = reader.load(checkpointId(id));
      if (state === 'corrupt' || state === 'newer') await expect(loading).rejects.toThrow();
      else expect((await loading).manifest.checkpointId).toBe(id);
    }
  });

  test('is planned as it is started, and nothing is renamed that is not damaged', async () => {
    const { disk, world: planned } = await world();
    const before = [...disk.tree().keys()];

    expect(await planOf(planned)).toMatch(expected.comesTo);
    expect([...disk.tree().keys()]).toEqual(before);

    const started = worldOn(disk, folder, expected.registered ?? {});
    expect(await startOf(started)).toMatch(expected.comesTo);
    const after = new Set(disk.tree().keys());
    expect(before.filter((path) => !after.has(path))).toEqual([]);
  });
});

test('a failed epoch is marked by the start, so that it is explained below a checkpoint of ours', async () => {
  const disk = await copyOf('52-pending-below');
  const world = worldOn(disk, '52-pending-below', pg);
  await world.recover();

  const text = disk.tree().get(new StoreLayout(storePath('52')).manifest(2));
  expect(Buffer.from(text!).toString()).toContain('its epoch failed where it was taken');
});

describe('two checkpoints of the original in doubt, one above the other', () => {
  const worldWith = async (committed: readonly number[]) => {
    const disk = await copyOf('11-statuses');
    const world = worldOn(disk, '11-statuses', { twoPhase: ['a', 'b', 'c'] });
    for (const id of committed) world.sink('b').committed(id);
    return world;
  };

  test('the newest is asked for and resumed, and the failed epoch below it is marked', async () => {
    const world = await worldWith([3]);

    expect(await startOf(world)).toMatch(/^resume checkpoint 3 \(row 9/);
    expect(await world.states()).toMatchObject({ 1: 'complete', 2: 'rolled-back', 3: 'complete' });
  });

  test('a sink that has committed the failed epoch alone leaves a split, as before', async () => {
    expect(await startOf(await worldWith([2]))).toBe('TIDEGATE_RECOVERY_SPLIT');
  });
});
