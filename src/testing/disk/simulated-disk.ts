// A disk in memory that can be killed, lose its power and fail, behind the file-system port.

import { append, bytesOf, emptyContent, newFile, type DirectoryNode } from './disk-nodes.js';
import type { DiskHooks, DiskMount } from './disk-operation.js';
import { DiskState } from './disk-state.js';
import { mountFileSystem } from './mounted-file-system.js';
import { powerLossOutcomes, type PowerLossOptions } from './power-loss.js';

/**
 * The fault model.
 *
 * 1. A kill loses nothing that was visible.
 * 2. A power loss, at any time, also after a kill, keeps what was synced. Of everything else any
 *    combination survives: each change of names that no `syncDirectory` of a directory it touched
 *    has covered is kept or lost as a whole, independently of all others, later ones included; the
 *    unsynced data of each file is lost, kept, cut short, or replaced by zeros at full length.
 * 3. A rename is one change: the target is the old or the new, and the source is gone if and only
 *    if the target is new.
 * 4. Any operation may fail, without effect, with its full effect, or, for a write, with half of
 *    it. After a failed sync of a file its unsynced data never becomes durable, whatever later
 *    syncs answer. After a failed sync of a directory its changes stay pending.
 * 5. Reading is not faulty: damage at rest is for tests that write it with `writeFile`.
 */
export class SimulatedDisk {
  readonly #state: DiskState;

  /** @internal Users make an empty one. */
  constructor(state = new DiskState()) {
    this.#state = state;
  }

  /** A view for one process, which can be killed alone. */
  mount(hooks: DiskHooks = {}): DiskMount {
    return mountFileSystem(this.#state, hooks);
  }

  /** An independent disk in the same state. Open files stay with the original. */
  clone(): SimulatedDisk {
    return new SimulatedDisk(this.#state.clone());
  }

  /** Every disk that may be found after the power failed now, or one of them by chance. */
  *powerLossOutcomes(options?: PowerLossOptions): Iterable<SimulatedDisk> {
    for (const state of powerLossOutcomes(this.#state, options)) yield new SimulatedDisk(state);
  }

  /** What new and written files say in `modifiedMs`. */
  setTime(nowMs: number): void {
    this.#state.nowMs = nowMs;
  }

  /** Paths and contents of everything that can be seen; those of directories end in a slash. */
  tree(): ReadonlyMap<string, Uint8Array> {
    const found = new Map<string, Uint8Array>();
    this.#collect('', this.#state.names.directory('/'), found);
    return found;
  }

  /** Puts a file there, durably: for tests that prepare or damage a directory. */
  writeFile(path: string, bytes: Uint8Array): void {
    const state = this.#state;
    const { parent, name, node } = state.names.lookUp(path);
    const file = node === undefined ? newFile(state.nowMs) : state.names.fileOf(node, path);
    file.visible = append(emptyContent, bytes);
    file.durable = file.visible;
    if (node === undefined) state.change([{ directory: parent, name, node: state.add(file) }]);
    state.syncDirectory(parent);
  }

  #collect(path: string, directory: DirectoryNode, found: Map<string, Uint8Array>): void {
    for (const [name, number] of [...directory.visible].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const node = this.#state.nodes.get(number);
      if (node === undefined) continue;
      if (node.kind === 'file') {
        found.set(`${path}/${name}`, bytesOf(node.visible));
        continue;
      }
      found.set(`${path}/${name}/`, new Uint8Array());
      this.#collect(`${path}/${name}`, node, found);
    }
  }
}
