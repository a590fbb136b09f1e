// Whether a store that is found after a crash keeps what was acknowledged before it.

import { seededRandom } from '../../../src/extend/index.js';
import type { CheckpointListing, OwnedStore } from '../../../src/extend/index.js';
import { serializeManifest } from '../../../src/manifest/index.js';
import type { SimulatedDisk } from '../../../src/testing/index.js';
import { forward, makeStore, type Wrap } from './actions.js';
import { Ledger } from './ledger.js';

/**
 * What is wrong with a store found on this disk; undefined when nothing is. The disk is used up.
 * Opens it, checks it, and then lets the power fail again: once right after the opening, once after
 * the newest checkpoint was saved again by the generation that found it.
 */
export async function judge(
  disk: SimulatedDisk,
  ledger: Ledger,
  wrap: Wrap,
): Promise<string | undefined> {
  try {
    const store = await openOn(disk, wrap);
    const listings = await store.list();
    const problem = await checkOpened(store, listings, ledger);
    if (problem !== undefined) return problem;
    const seen = ledgerOf(store, listings);
    const lost = await judgeAfterPowerLoss(disk, seen, wrap, 'what the opening had shown: ');
    if (lost !== undefined) return lost;
    const newest = listings[0]?.manifest;
    if (newest === undefined) return undefined;
    const saved = await store.saveManifest(forward(newest));
    seen.acknowledge(saved.manifest);
    return await judgeAfterPowerLoss(disk, seen, wrap, 'after the newest was saved again: ');
  } catch (error) {
    return `the store cannot be used: ${String(error)}`;
  }
}

async function openOn(disk: SimulatedDisk, wrap: Wrap): Promise<OwnedStore> {
  const fileSystem = wrap(disk.mount().fileSystem);
  return makeStore(fileSystem, seededRandom(11)).open({ pipeline: 'orders' });
}

/** Everything unsynced is gone: of all outcomes the one that forgives least. */
async function judgeAfterPowerLoss(
  disk: SimulatedDisk,
  seen: Ledger,
  wrap: Wrap,
  when: string,
): Promise<string | undefined> {
  for (const outcome of disk.powerLossOutcomes()) {
    const store = await openOn(outcome, wrap);
    const problem = await checkOpened(store, await store.list(), seen);
    return problem === undefined ? undefined : `${when}${problem}`;
  }
  return undefined;
}

function ledgerOf(store: OwnedStore, listings: readonly CheckpointListing[]): Ledger {
  const ledger = new Ledger();
  ledger.storeId = store.storeId;
  ledger.generation = store.generation;
  for (const { manifest } of listings) if (manifest !== undefined) ledger.acknowledge(manifest);
  return ledger;
}

/** What is wrong with what an opening shows; undefined when it keeps what was acknowledged. */
export async function checkOpened(
  store: OwnedStore,
  listings: readonly CheckpointListing[],
  ledger: Ledger,
): Promise<string | undefined> {
  if (ledger.storeId !== undefined && store.storeId !== ledger.storeId) {
    return `the store id ${ledger.storeId} became ${store.storeId}`;
  }
  if (store.generation <= ledger.generation) {
    return `generation ${store.generation} was given out again after ${ledger.generation}`;
  }
  const found = new Map(listings.map((listing) => [listing.id as number, listing]));
  for (const id of ledger.saved.keys()) {
    if (!found.has(id) && !ledger.isPruning) return `acknowledged checkpoint ${id} is lost`;
  }
  for (const [id, listing] of found) {
    const problem = await checkListing(store, listing, ledger);
    if (problem !== undefined) return `checkpoint ${id} ${problem}`;
  }
  return undefined;
}

async function checkListing(
  store: OwnedStore,
  { id, state, manifest, problem }: CheckpointListing,
  ledger: Ledger,
): Promise<string | undefined> {
  const isExpected = state === 'complete' || state === 'in-doubt';
  if (!isExpected) return `is ${state}: ${String(problem)}`;
  if (ledger.pruned.has(id)) return 'is back after it was deleted';
  const text = manifest === undefined ? undefined : serializeManifest(manifest);
  if (text !== ledger.saved.get(id) && text !== ledger.inFlight.get(id)) {
    return 'says what nobody saved, or what was replaced';
  }
  await store.load(id);
  return undefined;
}
