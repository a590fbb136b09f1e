// Which sinks a manifest has to hear from: tidegate names them all, LaminarDB gives a status to some.

import { describe, expect, test } from '@jest/globals';
import { checkpointIdOf, generation } from '../../src/ids.js';
import {
  failedEpochs,
  isCommittedEverywhere,
  sinksToCommit,
  withoutOwnFields,
} from '../../src/manifest/sinks.js';
import { manifestOf, type ManifestSpec } from '../recovery/facts-kit.js';

const foreign = (id: number, sinks: ManifestSpec['sinks']) =>
  manifestOf({ id, ours: 'foreign', ...(sinks === undefined ? {} : { sinks }) });
const C = { archive: 'committed' } as const;
const P = { archive: 'pending' } as const;

describe('the sinks of a manifest', () => {
  test('of ours are those with a name or a status', () => {
    const change = { sinkNames: ['named'] };
    const manifest = manifestOf({ id: 7, sinks: C, change });

    expect([...sinksToCommit(manifest)]).toEqual(['named', 'archive']);
    expect(isCommittedEverywhere(manifest)).toBe(false);
  });

  test('of a foreign one are those with a status', () => {
    const change = { sinkNames: ['named', 'archive'], sinkEpochs: new Map([['other', 1]]) };
    const manifest = manifestOf({ id: 7, sinks: C, ours: 'foreign', change });

    expect([...sinksToCommit(manifest)]).toEqual(['archive']);
    expect(isCommittedEverywhere(manifest)).toBe(true);
    expect(isCommittedEverywhere(foreign(7, {}))).toBe(true);
    expect(isCommittedEverywhere(foreign(7, { archive: 'failed' }))).toBe(false);
  });
});

describe('failed epochs', () => {
  test('are foreign, in doubt, and below a newer foreign one, complete or not', () => {
    const found = [foreign(5, P), foreign(4, C), foreign(3, P), foreign(2, C), foreign(1, P)];

    expect([...failedEpochs(found)]).toEqual([3, 1]);
    expect([...failedEpochs([foreign(3, P), foreign(2, P), foreign(1, P)])]).toEqual([2, 1]);
    expect([...failedEpochs([foreign(3, P)])]).toEqual([]);
  });

  test('are never ours, and none is below a complete one of ours alone', () => {
    const ours = (id: number, sinks: ManifestSpec['sinks'] & object) => manifestOf({ id, sinks });

    expect([...failedEpochs([foreign(9, C), ours(8, P)])]).toEqual([]);
    expect([...failedEpochs([ours(9, C), foreign(8, P)])]).toEqual([]);
  });

  test('are none of ours that another program saved again without our object', () => {
    const id = (sequence: number) => checkpointIdOf(generation(2), sequence);
    const own = manifestOf({ id: id(1), sinks: C, ours: { generation: 2 } });
    const again = [foreign(id(3), C), foreign(id(2), P)];

    expect([...failedEpochs([...again, own])]).toEqual([]);
    // Nor does one of ours in doubt make a foreign one below it a failed epoch.
    expect([...failedEpochs([foreign(id(3), P), own, foreign(5, P)])]).toEqual([]);
    expect(withoutOwnFields([...again, own, foreign(5, C)])).toEqual(again);
    expect([...failedEpochs(again)]).toEqual([id(2)]);
  });
});
