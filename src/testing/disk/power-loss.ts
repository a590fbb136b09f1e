// What a simulated disk may look like after the power failed: every combination that it allows.

import type { Random } from '../../runtime/random.js';
import {
  applyChanges,
  bytesOf,
  emptyContent,
  type DiskNode,
  type FileContent,
  type FileNode,
  type PendingChange,
} from './disk-nodes.js';
import type { DiskState } from './disk-state.js';

/** What a power loss may take of what was not synced. */
export interface PowerLossOptions {
  /** Give one outcome, chosen by chance, instead of all. */
  readonly random?: Random;
}

/** Gives every outcome of a power loss now, or one by chance. See the fault model. */
export function* powerLossOutcomes(
  disk: DiskState,
  options: PowerLossOptions = {},
): Iterable<DiskState> {
  const { random } = options;
  if (random !== undefined) {
    const kept = disk.pending.filter(() => random.next() < 0.5);
    const lost = afterRestart(disk, kept);
    for (const file of unsyncedFiles(lost)) {
      const variants = contentsAfterLoss(file);
      settle(file, variants[Math.floor(random.next() * variants.length)] ?? file.durable);
    }
    yield lost;
    return;
  }
  for (const kept of subsets(disk.pending)) yield* everyContent(afterRestart(disk, kept));
}

/** The disk with exactly these unsynced changes of names; contents are still to be settled. */
function afterRestart(disk: DiskState, kept: readonly PendingChange[]): DiskState {
  const after = disk.clone();
  after.pending = [];
  for (const { changes } of kept) applyChanges(after.nodes, changes, 'durable');
  for (const node of after.nodes.values()) forgetUnsyncedNames(node);
  return after;
}

function forgetUnsyncedNames(node: DiskNode): void {
  if (node.kind === 'file') return;
  node.visible.clear();
  for (const [name, number] of node.durable) node.visible.set(name, number);
}

/** Only files that can still be reached: what cannot be opened makes no difference. */
function unsyncedFiles(disk: DiskState): FileNode[] {
  const found: FileNode[] = [];
  const visit = (number: number): void => {
    const node = disk.nodes.get(number);
    if (node?.kind === 'file' && node.visible !== node.durable) found.push(node);
    if (node?.kind === 'directory') for (const child of node.visible.values()) visit(child);
  };
  visit(0);
  return found;
}

function* everyContent(disk: DiskState): Iterable<DiskState> {
  const files = unsyncedFiles(disk);
  let combinations: FileContent[][] = [[]];
  for (const file of files) {
    const variants = contentsAfterLoss(file);
    combinations = combinations.flatMap((chosen) => variants.map((next) => [...chosen, next]));
  }
  for (const chosen of combinations) {
    files.forEach((file, index) => settle(file, chosen[index] ?? file.durable));
    yield disk.clone();
  }
}

function contentsAfterLoss(file: FileNode): FileContent[] {
  const { durable, visible } = file;
  const bytes = bytesOf(visible);
  const tailLength = bytes.byteLength - durable.byteLength;
  const halfLength = durable.byteLength + Math.floor(tailLength / 2);
  const zeroed = new Uint8Array(bytes);
  zeroed.fill(0, durable.byteLength);
  return [durable, visible, contentOf(bytes.subarray(0, halfLength)), contentOf(zeroed)];
}

function contentOf(bytes: Uint8Array): FileContent {
  return bytes.byteLength === 0 ? emptyContent : { chunks: [bytes], byteLength: bytes.byteLength };
}

function settle(file: FileNode, content: FileContent): void {
  file.visible = content;
  file.durable = content;
  file.syncFailed = false;
}

function* subsets<Item>(items: readonly Item[]): Iterable<Item[]> {
  for (let mask = 0; mask < 2 ** items.length; mask += 1) {
    yield items.filter((_, index) => Math.floor(mask / 2 ** index) % 2 === 1);
  }
}
