// What may change when a manifest is saved again: each rule, kept and broken.

import { describe, expect, test } from '@jest/globals';
import { checkManifestUpdate } from 'tidegate/extend';
import { connectorCheckpoint, createManifest } from 'tidegate/manifest';
import type { CheckpointManifest, ManualDecision, SinkCommitStatus } from 'tidegate/manifest';
import { brokenUpdateRule, updateRules } from '../../src/manifest/update-rules.js';
import { fullManifest } from './manifests.js';

const { rolledBack: mark, ...openFields } = fullManifest.tidegate!;
const inDoubt: CheckpointManifest = { ...fullManifest, tidegate: openFields };

const pending: SinkCommitStatus = { kind: 'pending' };
const failed: SinkCommitStatus = { kind: 'failed', message: 'lost' };
const committed: SinkCommitStatus = { kind: 'committed' };
const withStatus = (status: SinkCommitStatus): CheckpointManifest => ({
  ...inDoubt,
  sinkCommitStatuses: new Map([['warehouse', status]]),
});

const decision = openFields.decisions![0]!;
const withDecisions = (...decisions: readonly ManualDecision[]): CheckpointManifest => ({
  ...inDoubt,
  tidegate: { ...openFields, decisions },
});

const { tidegate: _ours, ...foreign } = inDoubt;

const rolledBackBesideCommitted: CheckpointManifest = {
  ...fullManifest,
  sinkNames: ['archive', 'warehouse'],
  sinkCommitStatuses: new Map<string, SinkCommitStatus>([
    ['archive', committed],
    ['warehouse', pending],
  ]),
};

describe('allowed', () => {
  const allowed: readonly (readonly [string, CheckpointManifest, CheckpointManifest])[] = [
    ['nothing changes', inDoubt, { ...inDoubt }],
    ['pending becomes committed', withStatus(pending), withStatus(committed)],
    ['pending becomes failed', withStatus(pending), withStatus(failed)],
    ['failed becomes committed', withStatus(failed), withStatus(committed)],
    [
      'a committed epoch advances',
      inDoubt,
      { ...inDoubt, sinkEpochs: new Map([['warehouse', 10]]) },
    ],
    ['a sink commits for the first time', { ...inDoubt, sinkEpochs: new Map() }, inDoubt],
    [
      'a checkpoint is marked rolled back',
      inDoubt,
      { ...inDoubt, tidegate: { ...openFields, rolledBack: mark! } },
    ],
    ['a decision is added', withDecisions(), withDecisions(decision)],
    ['a second decision is added', withDecisions(decision), withDecisions(decision, decision)],
    [
      'a foreign manifest gains our object',
      createManifest(7, 3, { clock: { now: () => 5 } }),
      { ...createManifest(7, 3, { clock: { now: () => 5 } }), tidegate: openFields },
    ],
    ['a foreign manifest stays one', foreign, { ...foreign }],
    [
      'one that was rolled back is saved again, a sink committed before it',
      rolledBackBesideCommitted,
      { ...rolledBackBesideCommitted },
    ],
    [
      'a named sink gets its first status',
      { ...withStatus(pending), sinkNames: ['archive', 'warehouse'] },
      {
        ...withStatus(pending),
        sinkNames: ['archive', 'warehouse'],
        sinkCommitStatuses: new Map<string, SinkCommitStatus>([
          ['warehouse', pending],
          ['archive', committed],
        ]),
      },
    ],
  ];

  test.each(allowed)('%s', (_what, previous, next) => {
    expect(brokenUpdateRule(previous, next)).toBeUndefined();
    expect(() => checkManifestUpdate(previous, next)).not.toThrow();
  });
});

describe('refused', () => {
  const rolledBack: CheckpointManifest = {
    ...withStatus(pending),
    tidegate: fullManifest.tidegate!,
  };
  const refused: readonly (readonly [string, string, CheckpointManifest, CheckpointManifest])[] = [
    ['another id', 'checkpoint id', inDoubt, { ...inDoubt, checkpointId: 5 }],
    ['another epoch', 'the epoch stays', inDoubt, { ...inDoubt, epoch: 11 }],
    ['a lost state checksum', 'state checksum', inDoubt, { ...inDoubt, stateChecksum: undefined }],
    [
      'other offsets',
      'the cut recorded',
      inDoubt,
      { ...inDoubt, sourceOffsets: new Map([['orders', connectorCheckpoint(10)]]) },
    ],
    ['another watermark', 'the cut recorded', inDoubt, { ...inDoubt, watermark: 0n }],
    [
      'other handles',
      'the cut recorded',
      inDoubt,
      { ...inDoubt, tidegate: { ...openFields, commitHandles: new Map() } },
    ],
    [
      'lost unknown members',
      'the cut recorded',
      { ...inDoubt, unknownFields: new Map([['x', null]]) },
      inDoubt,
    ],
    [
      'gained unknown members',
      'the cut recorded',
      inDoubt,
      { ...inDoubt, unknownFields: new Map([['x', null]]) },
    ],
    [
      'another watermark of a foreign manifest',
      'the cut recorded',
      foreign,
      { ...foreign, watermark: 0n },
    ],
    [
      'a gained state checksum',
      'state checksum',
      { ...inDoubt, stateChecksum: undefined },
      inDoubt,
    ],
    ['our object dropped', 'never dropped', inDoubt, foreign],
    ['committed becomes pending', 'only moves forward', withStatus(committed), withStatus(pending)],
    ['committed becomes failed', 'only moves forward', withStatus(committed), withStatus(failed)],
    ['failed becomes pending', 'only moves forward', withStatus(failed), withStatus(pending)],
    [
      'a status disappears',
      'only moves forward',
      withStatus(pending),
      { ...inDoubt, sinkCommitStatuses: new Map() },
    ],
    [
      'a new sink appears',
      'no sink appears',
      withStatus(pending),
      {
        ...inDoubt,
        sinkCommitStatuses: new Map<string, SinkCommitStatus>([
          ['warehouse', pending],
          ['new', pending],
        ]),
      },
    ],
    [
      'a committed epoch goes back',
      'never goes back',
      inDoubt,
      { ...inDoubt, sinkEpochs: new Map([['warehouse', 8]]) },
    ],
    [
      'a committed epoch disappears',
      'never goes back',
      inDoubt,
      { ...inDoubt, sinkEpochs: new Map() },
    ],
    [
      'the very first committed epoch disappears',
      'never goes back',
      { ...inDoubt, sinkEpochs: new Map([['warehouse', 0]]) },
      { ...inDoubt, sinkEpochs: new Map() },
    ],
    ['rolled back is taken back', 'final', rolledBack, { ...rolledBack, tidegate: openFields }],
    [
      'rolled back gets another reason',
      'final',
      rolledBack,
      { ...rolledBack, tidegate: { ...openFields, rolledBack: { ...mark!, reason: 'other' } } },
    ],
    [
      'rolled back moves to another generation',
      'final',
      rolledBack,
      { ...rolledBack, tidegate: { ...openFields, rolledBack: { ...mark!, generation: 99 } } },
    ],
    [
      'a sink commits after rolling back beside one that had committed',
      'final',
      rolledBackBesideCommitted,
      {
        ...rolledBackBesideCommitted,
        sinkCommitStatuses: new Map([
          ['archive', committed],
          ['warehouse', committed],
        ]),
      },
    ],
    [
      'a sink commits after rolling back',
      'final',
      rolledBack,
      { ...withStatus(committed), tidegate: fullManifest.tidegate! },
    ],
    ['a decision is lost', 'what people decided', withDecisions(decision), withDecisions()],
    [
      'a decision gets another reason',
      'what people decided',
      withDecisions(decision),
      withDecisions({ ...decision, reason: 'other' }),
    ],
    [
      'a decision is put in front',
      'what people decided',
      withDecisions(decision),
      withDecisions({ ...decision, sink: 'other' }, decision),
    ],
  ];

  test.each(refused)('%s (%s)', (_what, label, previous, next) => {
    expect(brokenUpdateRule(previous, next)?.label).toContain(label);
    expect(() => checkManifestUpdate(previous, next)).toThrow(
      expect.objectContaining({ code: 'TIDEGATE_MANIFEST_UPDATE' }),
    );
  });

  test('by an error that names the checkpoint and the rule', () => {
    const rule = 'the epoch stays';
    expect(() => checkManifestUpdate(inDoubt, { ...inDoubt, epoch: 11 })).toThrow(
      expect.objectContaining({
        message: `checkpoint ${inDoubt.checkpointId} cannot be saved again like this: ${rule}`,
        details: { checkpointId: inDoubt.checkpointId, rule },
      }),
    );
  });

  test('each rule is broken by one of the cases above', () => {
    const broken = new Set(refused.map(([, , previous, next]) => brokenUpdateRule(previous, next)));
    expect(broken.size).toBe(updateRules.length);
  });
});
