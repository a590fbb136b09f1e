// Paths on a simulated disk: what they mean, and the errno codes of what they do not.

import type { DirectoryNode, DiskNode, FileNode } from './disk-nodes.js';

/** A name in a directory, and what it means if anything. */
export interface FoundName {
  readonly parent: number;
  readonly name: string;
  readonly number: number | undefined;
  readonly node: DiskNode | undefined;
}

/** Resolves absolute paths without dots. */
export class DiskNames {
  constructor(private readonly nodes: ReadonlyMap<number, DiskNode>) {}

  lookUp(path: string): FoundName {
    const parts = partsOf(path);
    const name = parts.at(-1);
    if (name === undefined) return { parent: 0, name: '', number: 0, node: this.nodes.get(0) };
    let parent = 0;
    for (let index = 0; index < parts.length - 1; index += 1) {
      const next = this.#directoryAt(parent, path).visible.get(parts[index] ?? '');
      if (next === undefined) throw diskError('ENOENT', path);
      parent = next;
    }
    const number = this.#directoryAt(parent, path).visible.get(name);
    return {
      parent,
      name,
      number,
      node: number === undefined ? undefined : this.nodes.get(number),
    };
  }

  existing(path: string): FoundName & { readonly number: number; readonly node: DiskNode } {
    const { parent, name, number, node } = this.lookUp(path);
    if (number === undefined || node === undefined) throw diskError('ENOENT', path);
    return { parent, name, number, node };
  }

  directory(path: string): DirectoryNode {
    return this.#directoryAt(this.existing(path).number, path);
  }

  fileOf(node: DiskNode, path: string): FileNode {
    if (node.kind === 'directory') throw diskError('EISDIR', path);
    return node;
  }

  #directoryAt(number: number, path: string): DirectoryNode {
    const node = this.nodes.get(number);
    if (node?.kind !== 'directory') throw diskError('ENOTDIR', path);
    return node;
  }
}

const knownParts = new Map<string, readonly string[]>();
const maxKnownParts = 10_000;

/** Paths come again in every run of a simulation: most of the time their parts are known. */
function partsOf(path: string): readonly string[] {
  const known = knownParts.get(path);
  if (known !== undefined) return known;
  if (knownParts.size >= maxKnownParts) knownParts.clear();
  const parts = path.split('/').filter((part) => part !== '');
  knownParts.set(path, parts);
  return parts;
}

export function diskError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: simulated disk, '${path}'`), { code, path });
}
