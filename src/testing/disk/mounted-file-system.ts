// A simulated disk as one process sees it: the file-system port, with a hook around each call.

import type { FileIdentity, FileSystem, ReadableFile } from '../../runtime/file-system.js';
import { append, bytesOf, newDirectory, newFile, type FileNode } from './disk-nodes.js';
import { toError } from '../../errors.js';
import { diskError } from './disk-names.js';
import type {
  DiskHooks,
  DiskMount,
  DiskOperation,
  DiskOperationKind,
  SimulatedWritable,
} from './disk-operation.js';
import type { DiskState } from './disk-state.js';

export function mountFileSystem(disk: DiskState, hooks: DiskHooks): DiskMount {
  const process = new SimulatedProcess(hooks);
  return {
    fileSystem: fileSystemOf(disk, process),
    get operationCount() {
      return process.operationCount;
    },
    kill: () => process.kill(),
  };
}

type Call = Omit<DiskOperation, 'index'>;

/** Runs operations one by one with their hooks, until it is killed. */
class SimulatedProcess {
  operationCount = 0;
  #killed = false;

  constructor(private readonly hooks: DiskHooks) {}

  kill(): void {
    this.#killed = true;
  }

  /** @param perform What the operation does; a fault of that kind makes it do half. */
  run<Value>(call: Call, perform: (half: boolean) => Value): Promise<Value> {
    if (this.#killed) return forever();
    const isWatched = this.hooks.before !== undefined || this.hooks.after !== undefined;
    if (isWatched) return this.#runWatched(call, perform);
    this.operationCount += 1;
    try {
      return Promise.resolve(perform(false));
    } catch (error) {
      return Promise.reject(toError(error));
    }
  }

  async #runWatched<Value>(call: Call, perform: (half: boolean) => Value): Promise<Value> {
    const operation: DiskOperation = { ...call, index: this.operationCount };
    this.operationCount += 1;
    const fault = await this.hooks.before?.(operation);
    if (this.#isKilled()) return forever();
    if (fault !== undefined) {
      if (fault.effect !== 'none') perform(fault.effect === 'half');
      throw diskError(fault.code, operation.path);
    }
    const value = perform(false);
    await this.hooks.after?.(operation);
    return this.#isKilled() ? forever() : value;
  }

  /** A method, because the compiler believes that a field keeps its value across an await. */
  #isKilled(): boolean {
    return this.#killed;
  }
}

function forever(): Promise<never> {
  return new Promise(() => undefined);
}

function fileSystemOf(disk: DiskState, process: SimulatedProcess): FileSystem {
  const run = <Value>(kind: DiskOperationKind, path: string, perform: () => Value) =>
    process.run({ kind, path }, perform);
  return {
    createFile: (path) =>
      run('create-file', path, () => {
        const file = newFile(disk.nowMs);
        enter(disk, path, file);
        return writable(disk, process, path, file);
      }),
    openFile: (path) =>
      run('open-file', path, () => {
        const { node, number } = disk.names.existing(path);
        const identity = { device: 'simulated', inode: String(number) };
        return readable(process, path, { file: disk.names.fileOf(node, path), identity });
      }),
    makeDirectory: (path) => run('make-directory', path, () => enter(disk, path, newDirectory())),
    listDirectory: (path) =>
      run('list-directory', path, () =>
        [...disk.names.directory(path).visible].map(([name, number]) => {
          return { name, kind: disk.nodes.get(number)?.kind ?? 'other' };
        }),
      ),
    rename: (from, to) =>
      process.run({ kind: 'rename', path: from, to }, () => rename(disk, from, to)),
    removeFile: (path) => run('remove-file', path, () => removeFile(disk, path)),
    removeDirectory: (path) => run('remove-directory', path, () => removeDirectory(disk, path)),
    syncDirectory: (path) => {
      return process.run({ kind: 'sync-directory', path }, () => {
        disk.names.directory(path);
        disk.syncDirectory(disk.names.existing(path).number);
      });
    },
    stat: (path) =>
      run('stat', path, () => {
        const { node } = disk.names.existing(path);
        if (node.kind === 'directory') return { kind: node.kind, byteLength: 0, modifiedMs: 0 };
        const { byteLength } = node.visible;
        return { kind: node.kind, byteLength, modifiedMs: node.modifiedMs };
      }),
    touch: (path, modifiedMs) =>
      run('touch', path, () => {
        disk.names.fileOf(disk.names.existing(path).node, path).modifiedMs = modifiedMs;
      }),
  };
}

function writable(
  disk: DiskState,
  process: SimulatedProcess,
  path: string,
  file: FileNode,
): SimulatedWritable {
  const failSync = (): void => {
    file.syncFailed = true;
  };
  return {
    failSync,
    write: (bytes) =>
      process.run({ kind: 'write', path }, (half) => {
        const length = half ? Math.floor(bytes.byteLength / 2) : bytes.byteLength;
        file.visible = append(file.visible, bytes.subarray(0, length));
        file.modifiedMs = disk.nowMs;
      }),
    sync: async () => {
      try {
        await process.run({ kind: 'sync-file', path }, () => disk.syncFile(file));
      } catch (error) {
        failSync();
        throw error;
      }
    },
    close: () => process.run({ kind: 'close', path }, () => undefined),
  };
}

function readable(
  process: SimulatedProcess,
  path: string,
  { file, identity }: { readonly file: FileNode; readonly identity: FileIdentity },
): ReadableFile {
  return {
    identity,
    byteLength: file.visible.byteLength,
    read: (target, byteOffset) =>
      process.run({ kind: 'read', path }, () => {
        const bytes = bytesOf(file.visible).subarray(byteOffset, byteOffset + target.byteLength);
        target.set(bytes);
        return bytes.byteLength;
      }),
    close: () => process.run({ kind: 'close', path }, () => undefined),
  };
}

function enter(disk: DiskState, path: string, node: Parameters<DiskState['add']>[0]): void {
  const { parent, name, node: taken } = disk.names.lookUp(path);
  if (taken !== undefined) throw diskError('EEXIST', path);
  disk.change([{ directory: parent, name, node: disk.add(node) }]);
}

function rename(disk: DiskState, from: string, to: string): void {
  const source = disk.names.existing(from);
  const target = disk.names.lookUp(to);
  if (source.number === target.number) return;
  if (`${to}/`.startsWith(`${from}/`)) throw diskError('EINVAL', to);
  if (target.node !== undefined) {
    if (source.node.kind === 'file' && target.node.kind === 'directory') {
      throw diskError('EISDIR', to);
    }
    if (source.node.kind === 'directory' && target.node.kind === 'file') {
      throw diskError('ENOTDIR', to);
    }
    if (target.node.kind === 'directory' && target.node.visible.size > 0) {
      throw diskError('ENOTEMPTY', to);
    }
  }
  disk.change([
    { directory: source.parent, name: source.name, node: undefined },
    { directory: target.parent, name: target.name, node: source.number },
  ]);
}

function removeFile(disk: DiskState, path: string): void {
  const { parent, name, node } = disk.names.existing(path);
  disk.names.fileOf(node, path);
  disk.change([{ directory: parent, name, node: undefined }]);
}

function removeDirectory(disk: DiskState, path: string): void {
  const { parent, name } = disk.names.existing(path);
  if (disk.names.directory(path).visible.size > 0) throw diskError('ENOTEMPTY', path);
  disk.change([{ directory: parent, name, node: undefined }]);
}
