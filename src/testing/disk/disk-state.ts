// The state of a simulated disk: nodes, names, and the changes that no sync has covered yet.

import { DiskNames } from './disk-names.js';
import {
  applyChanges,
  copyNode,
  newDirectory,
  syncNames,
  type DiskNode,
  type FileNode,
  type NameChange,
  type PendingChange,
} from './disk-nodes.js';

export class DiskState {
  /** Every node that was ever made, by number; the root is 0. */
  readonly nodes = new Map<number, DiskNode>();
  readonly names = new DiskNames(this.nodes);
  pending: readonly PendingChange[] = [];
  /** What new files say in `modifiedMs`. */
  nowMs = 0;

  constructor() {
    this.nodes.set(0, newDirectory());
  }

  /** An independent copy. Open files stay with the original. */
  clone(): DiskState {
    const copy = new DiskState();
    for (const [number, node] of this.nodes) copy.nodes.set(number, copyNode(node));
    copy.pending = this.pending;
    copy.nowMs = this.nowMs;
    return copy;
  }

  /** Takes up a new node, which no directory names yet. */
  add(node: DiskNode): number {
    const number = this.nodes.size;
    this.nodes.set(number, node);
    return number;
  }

  /** Changes names: at once for every mount, durably with the next sync of a directory it touches. */
  change(changes: readonly NameChange[]): void {
    applyChanges(this.nodes, changes, 'visible');
    this.pending = [...this.pending, { changes }];
  }

  syncDirectory(directory: number): void {
    if (this.pending.length === 0) return;
    this.pending = syncNames(this.nodes, this.pending, directory);
  }

  syncFile(file: FileNode): void {
    if (!file.syncFailed) file.durable = file.visible;
  }
}
