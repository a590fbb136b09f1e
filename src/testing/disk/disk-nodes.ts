// What a simulated disk holds: files and directories, each as it is seen and as it is durable.

/** Bytes of a file, as the pieces in which they were written; never changed in place. */
export interface FileContent {
  readonly chunks: readonly Uint8Array[];
  readonly byteLength: number;
}

export interface FileNode {
  readonly kind: 'file';
  visible: FileContent;
  durable: FileContent;
  /** A sync of this file failed: the kernel has dropped what it could not write. */
  syncFailed: boolean;
  modifiedMs: number;
}

export interface DirectoryNode {
  readonly kind: 'directory';
  readonly visible: Map<string, number>;
  readonly durable: Map<string, number>;
}

export type DiskNode = FileNode | DirectoryNode;

/** One name in one directory that now means this node, or nothing. */
export interface NameChange {
  readonly directory: number;
  readonly name: string;
  readonly node: number | undefined;
}

/** One change of names that a power loss keeps or loses as a whole. */
export interface PendingChange {
  readonly changes: readonly NameChange[];
}

export const emptyContent: FileContent = { chunks: [], byteLength: 0 };

export function append(content: FileContent, bytes: Uint8Array): FileContent {
  // Copied (not with slice, which shares a Buffer): the caller may use its buffer again.
  return {
    chunks: [...content.chunks, new Uint8Array(bytes)],
    byteLength: content.byteLength + bytes.byteLength,
  };
}

/** The bytes of a content in one piece. */
export function bytesOf(content: FileContent): Uint8Array {
  const [only] = content.chunks;
  if (content.chunks.length === 1 && only !== undefined) return only;
  const bytes = new Uint8Array(content.byteLength);
  let filled = 0;
  for (const chunk of content.chunks) {
    bytes.set(chunk, filled);
    filled += chunk.byteLength;
  }
  return bytes;
}

/** A node of its own, so that what happens to one disk does not happen to its clone. */
export function copyNode(node: DiskNode): DiskNode {
  if (node.kind === 'file') return { ...node };
  return {
    kind: 'directory',
    visible: new Map(node.visible),
    durable: new Map(node.durable),
  };
}

export function newFile(modifiedMs: number): FileNode {
  return {
    kind: 'file',
    visible: emptyContent,
    durable: emptyContent,
    syncFailed: false,
    modifiedMs,
  };
}

export function newDirectory(): DirectoryNode {
  return { kind: 'directory', visible: new Map(), durable: new Map() };
}

/**
 * Makes durable every pending change that touches a directory, and returns what is still pending.
 * A change that a durable later one has overwritten can no longer show and is dropped.
 */
export function syncNames(
  nodes: ReadonlyMap<number, DiskNode>,
  pending: readonly PendingChange[],
  directory: number,
): PendingChange[] {
  let rest: PendingChange[] = [];
  for (const entry of pending) {
    if (!entry.changes.some((change) => change.directory === directory)) {
      rest.push(entry);
      continue;
    }
    applyChanges(nodes, entry.changes, 'durable');
    if (rest.length > 0) rest = rest.flatMap((earlier) => withoutNames(earlier, entry.changes));
  }
  return rest;
}

export function applyChanges(
  nodes: ReadonlyMap<number, DiskNode>,
  changes: readonly NameChange[],
  view: 'visible' | 'durable',
): void {
  for (const change of changes) {
    const directory = nodes.get(change.directory);
    if (directory?.kind !== 'directory') continue;
    if (change.node === undefined) directory[view].delete(change.name);
    else directory[view].set(change.name, change.node);
  }
}

function withoutNames(entry: PendingChange, names: readonly NameChange[]): PendingChange[] {
  const changes = entry.changes.filter(
    (change) =>
      !names.some(({ directory, name }) => directory === change.directory && name === change.name),
  );
  return changes.length === 0 ? [] : [{ changes }];
}
