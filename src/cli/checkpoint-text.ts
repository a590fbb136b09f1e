// One checkpoint in words: what `list`, `show` and `in-doubt` say alike.

import type { CheckpointManifest, SinkCommitStatus } from '../manifest/types.js';
import type { CheckpointListing, CheckpointState } from '../store/checkpoint-store.js';
import { toned } from './table.js';
import type { Span, Tone } from './terminal.js';

const stateTones: Readonly<Record<CheckpointState, Tone>> = {
  complete: 'good',
  'in-doubt': 'doubtful',
  'rolled-back': 'quiet',
  corrupt: 'bad',
  newer: 'bad',
  orphan: 'quiet',
};

export function stateText(state: CheckpointState): Span {
  return toned(stateTones[state], state);
}

/** Such as `checkpoint` or `savepoint "before the upgrade"`. */
export function kindText({ kind, manifest }: CheckpointListing): string {
  const label = manifest?.tidegate?.label;
  return label === undefined ? (kind ?? '-') : `${kind ?? '-'} ${JSON.stringify(label)}`;
}

/** Every sink that a manifest names, with its status; without one it is pending. */
export function sinkStatuses(
  manifest: CheckpointManifest,
): readonly (readonly [string, SinkCommitStatus])[] {
  const { sinkNames, sinkCommitStatuses, sinkEpochs } = manifest;
  const names = new Set([...sinkNames, ...sinkCommitStatuses.keys(), ...sinkEpochs.keys()]);
  return [...names]
    .sort()
    .map((name) => [name, sinkCommitStatuses.get(name) ?? { kind: 'pending' }] as const);
}

/** Such as `archive, warehouse (pending)`. */
export function sinksText(manifest: CheckpointManifest | undefined): string {
  if (manifest === undefined) return '-';
  const sinks = sinkStatuses(manifest).map(([name, { kind }]) =>
    kind === 'committed' ? name : `${name} (${kind})`,
  );
  return sinks.length === 0 ? 'none' : sinks.join(', ');
}
