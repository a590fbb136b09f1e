// What may change when a manifest is saved again: little, and only forward.

import { TidegateError } from '../errors.js';
import { canonicalManifest } from './canonical.js';
import type {
  CheckpointManifest,
  ManualDecision,
  SinkCommitStatus,
  TidegateFields,
} from './types.js';

/** A rule that every replacement of a stored manifest has to keep. */
export interface UpdateRule {
  /** What the rule keeps from happening, in words. */
  readonly label: string;
  readonly holds: (previous: CheckpointManifest, next: CheckpointManifest) => boolean;
}

/** The fields that say how far the commit has come; all others were settled by the first save. */
const progress = { sinkCommitStatuses: new Map(), sinkEpochs: new Map() };

export const updateRules: readonly UpdateRule[] = [
  {
    label: 'the checkpoint id stays',
    holds: (previous, next) => previous.checkpointId === next.checkpointId,
  },
  {
    label: 'the epoch stays',
    holds: (previous, next) => previous.epoch === next.epoch,
  },
  {
    label: 'the state checksum stays: without it a corrupt sidecar would pass',
    holds: (previous, next) => previous.stateChecksum === next.stateChecksum,
  },
  {
    label: 'our object is never dropped: without it nothing verifies the manifest',
    holds: (previous, next) => previous.tidegate === undefined || next.tidegate !== undefined,
  },
  {
    label:
      'what the cut recorded stays: offsets, states, watermarks, names, handles, unknown members',
    holds: (previous, next) =>
      sharesSettledPart(previous, next) || settledPart(previous, next) === settledPart(next, next),
  },
  {
    label: 'a sink never loses its status, and a status only moves forward',
    holds: (previous, next) =>
      [...previous.sinkCommitStatuses].every(([sink, status]) =>
        mayBecome(status, next.sinkCommitStatuses.get(sink)),
      ),
  },
  {
    label: 'no sink appears after the cut',
    holds: (previous, next) =>
      [...next.sinkCommitStatuses.keys()].every(
        (sink) => previous.sinkCommitStatuses.has(sink) || previous.sinkNames.includes(sink),
      ),
  },
  {
    label: 'the committed epoch of a sink never goes back',
    holds: (previous, next) =>
      [...previous.sinkEpochs].every(([sink, epoch]) => (next.sinkEpochs.get(sink) ?? -1) >= epoch),
  },
  {
    label: 'rolled back is final: it is never taken back, and no sink becomes committed after it',
    holds: staysRolledBack,
  },
  {
    label: 'what people decided stays: a decision is only ever added at the end',
    holds: keepsDecisions,
  },
];

/** The first rule that a replacement would break; undefined when it may be saved. */
export function brokenUpdateRule(
  previous: CheckpointManifest,
  next: CheckpointManifest,
): UpdateRule | undefined {
  return updateRules.find((rule) => !rule.holds(previous, next));
}

/**
 * For every path that replaces a stored manifest.
 *
 * @throws TidegateError `TIDEGATE_MANIFEST_UPDATE` naming the rule that would be broken.
 */
export function checkManifestUpdate(previous: CheckpointManifest, next: CheckpointManifest): void {
  const broken = brokenUpdateRule(previous, next);
  if (broken === undefined) return;
  throw new TidegateError(
    'TIDEGATE_MANIFEST_UPDATE',
    `checkpoint ${previous.checkpointId} cannot be saved again like this: ${broken.label}`,
    { details: { checkpointId: previous.checkpointId, rule: broken.label } },
  );
}

/**
 * The usual next manifest is a copy of the previous one with other statuses: what both hold as the
 * same object need not be printed to be compared.
 */
function sharesSettledPart(previous: CheckpointManifest, next: CheckpointManifest): boolean {
  const { tidegate: ours } = previous;
  const { tidegate: theirs } = next;
  if (ours === undefined || theirs === undefined) return false;
  return haveSameValues(previous, next, mayProgress) && haveSameValues(ours, theirs, mayBeAdded);
}

const mayProgress: ReadonlySet<string> = new Set([...Object.keys(progress), 'tidegate']);
const mayBeAdded: ReadonlySet<string> = new Set(['rolledBack', 'decisions']);

function haveSameValues<Value extends object>(
  one: Value,
  other: Value,
  except: ReadonlySet<string>,
): boolean {
  const isSame = (name: string): boolean =>
    except.has(name) || one[name as keyof Value] === other[name as keyof Value];
  return Object.keys(one).every(isSame) && Object.keys(other).every(isSame);
}

/** A foreign manifest may gain our object when it is saved by us, hence `shape`. */
function settledPart(manifest: CheckpointManifest, shape: CheckpointManifest): string {
  const { tidegate, ...seed } = manifest;
  const ours = tidegate ?? shape.tidegate;
  return canonicalManifest({
    ...seed,
    ...progress,
    ...(ours === undefined ? {} : { tidegate: withoutFate(ours) }),
  });
}

/** What may be added later: the mark that the checkpoint was rolled back, and what people did. */
function withoutFate(ours: TidegateFields): TidegateFields {
  const { rolledBack: _fate, decisions: _decisions, ...settled } = ours;
  return settled;
}

const rank = { pending: 0, failed: 1, committed: 2 } as const;

function mayBecome(previous: SinkCommitStatus, next: SinkCommitStatus | undefined): boolean {
  return next !== undefined && rank[next.kind] >= rank[previous.kind];
}

function staysRolledBack(previous: CheckpointManifest, next: CheckpointManifest): boolean {
  const mark = previous.tidegate?.rolledBack;
  if (mark === undefined) return true;
  const kept = next.tidegate?.rolledBack;
  if (kept?.generation !== mark.generation || kept.reason !== mark.reason) return false;
  return [...next.sinkCommitStatuses].every(
    ([sink, status]) =>
      status.kind !== 'committed' || previous.sinkCommitStatuses.get(sink)?.kind === 'committed',
  );
}

function keepsDecisions(previous: CheckpointManifest, next: CheckpointManifest): boolean {
  const earlier = previous.tidegate?.decisions ?? [];
  if (earlier.length === 0) return true;
  const kept = (next.tidegate?.decisions ?? []).slice(0, earlier.length);
  return decisionsText(previous, earlier) === decisionsText(previous, kept);
}

/** Compared as they are written, unknown members included. */
function decisionsText(
  { tidegate, ...seed }: CheckpointManifest,
  decisions: readonly ManualDecision[],
): string {
  if (tidegate === undefined) return '';
  return canonicalManifest({ ...seed, tidegate: { ...tidegate, decisions } });
}
