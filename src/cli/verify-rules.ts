// What must hold in a manifest, and between the manifests of a store, beside lengths and checksums.

import type { ErrorCode } from '../errors.js';
import { generationOfCheckpointId } from '../ids.js';
import { tryDecodeInlineState } from '../manifest/operator-state.js';
import type { CheckpointManifest } from '../manifest/types.js';
import { isForeign, withoutOwnFields } from '../manifest/sinks.js';
import { validateManifest } from '../manifest/validate.js';
import { checkManifestVersion } from '../manifest/version.js';
import { isTidegateError, toError } from '../errors.js';
import type { CheckpointListing } from '../store/checkpoint-store.js';

/** Something that verification found wrong. */
export interface Finding {
  /** Undefined when it concerns the store as a whole. */
  readonly checkpointId: number | undefined;
  readonly code?: ErrorCode | undefined;
  readonly message: string;
}

/** @param vnodeCount Undefined when the manifest's own is taken for right. */
export function manifestFindings(
  manifest: CheckpointManifest,
  vnodeCount: number | undefined,
): readonly Finding[] {
  const { checkpointId, operatorStates } = manifest;
  // LaminarDB counts epochs of sinks without two phases, too, and gives those no status.
  const looked = isForeign(manifest) ? { ...manifest, sinkEpochs: new Map() } : manifest;
  const findings: Finding[] = validateManifest(looked, vnodeCount ?? manifest.vnodeCount).map(
    ({ message }) => ({ checkpointId, message }),
  );
  const attempt = (check: () => unknown, prefix = ''): void => {
    try {
      check();
    } catch (error) {
      const code = isTidegateError(error) ? error.code : undefined;
      findings.push({ checkpointId, code, message: prefix + toError(error).message });
    }
  };
  attempt(() => checkManifestVersion(manifest));
  for (const [operator, state] of operatorStates) {
    attempt(() => tryDecodeInlineState(state), `operator ${JSON.stringify(operator)}: `);
  }
  return findings;
}

/** @param storeId Undefined for a store that tidegate has never owned. */
export function storeFindings(
  listings: readonly CheckpointListing[],
  storeId: string | undefined,
): readonly Finding[] {
  return [
    ...strangers(listings, storeId),
    ...misplacedDoubts(listings),
    ...droppedFields(listings, storeId),
  ];
}

/** What another program dropped when it saved a checkpoint of tidegate again. */
export const droppedNote =
  "tidegate's object is gone from it: another program saved it again, and its commit handles and " +
  'checksum went with it';

function* droppedFields(
  listings: readonly CheckpointListing[],
  storeId: string | undefined,
): Iterable<Finding> {
  for (const id of idsWithoutOwnFields(listings, storeId)) {
    yield { checkpointId: id, message: droppedNote };
  }
}

/**
 * Checkpoints whose ids are of tidegate and whose manifests carry nothing of it. Neighbours that do
 * show since when the store is ours; where none is left, the store's own identity does.
 */
export function idsWithoutOwnFields(
  listings: readonly CheckpointListing[],
  storeId: string | undefined,
): ReadonlySet<number> {
  const manifests = listings.flatMap(({ manifest }) => manifest ?? []);
  const isAnyOurs = manifests.some((manifest) => !isForeign(manifest));
  const dropped =
    isAnyOurs || storeId === undefined
      ? withoutOwnFields(manifests)
      : manifests.filter(({ checkpointId: id }) => generationOfCheckpointId(id) >= 1);
  return new Set(dropped.map(({ checkpointId }) => checkpointId));
}

/** A manifest copied from another store: its sinks know nothing of it. */
function* strangers(
  listings: readonly CheckpointListing[],
  storeId: string | undefined,
): Iterable<Finding> {
  for (const { id, manifest } of listings) {
    const written = manifest?.tidegate?.storeId;
    if (written === undefined || written === storeId) continue;
    const message = `it was written in store ${written}, and this is ${storeId ?? 'no store of tidegate'}`;
    yield { checkpointId: id, message };
  }
}

/** At most one checkpoint is in doubt, and it is the newest that counts. */
function* misplacedDoubts(listings: readonly CheckpointListing[]): Iterable<Finding> {
  const counting = listings.filter(({ state }) => state === 'complete' || state === 'in-doubt');
  const [newest] = [...counting].sort((left, right) => right.id - left.id);
  for (const { id, state } of counting) {
    if (newest === undefined || state !== 'in-doubt' || id === newest.id) continue;
    const message = `it is in doubt although checkpoint ${newest.id} was taken after it`;
    yield { checkpointId: id, message };
  }
}
