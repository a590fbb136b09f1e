// The file-system port in one life: each call is a point at which the schedule may strike.

import type { FileSystem, ReadableFile, WritableFile } from '../../runtime/file-system.js';
import type { Action, Director } from './director.js';
import type { Life } from './life.js';

/** @param inner The file system of the disk as it is when the life begins. */
export function directedFileSystem(inner: FileSystem, director: Director, life: Life): FileSystem {
  const durable = <Value>(name: string, path: string, perform: () => Promise<Value>) =>
    director.act(life, diskAction(`${name} ${shortName(path)}`, 'durable'), perform);
  const answer = <Value>(name: string, path: string, perform: () => Promise<Value>) =>
    director.act(life, diskAction(`${name} ${shortName(path)}`, 'answer'), perform);
  return {
    createFile: (path) =>
      durable('create', path, async () =>
        directedWritable(await inner.createFile(path), path, durable, director, life),
      ),
    openFile: (path) =>
      answer('open', path, async () =>
        directedReadable(await inner.openFile(path), director, life),
      ),
    makeDirectory: (path) => durable('make', path, () => inner.makeDirectory(path)),
    listDirectory: (path) => answer('list', path, () => inner.listDirectory(path)),
    rename: (from, to) => durable('rename', to, () => inner.rename(from, to)),
    removeFile: (path) => durable('remove', path, () => inner.removeFile(path)),
    removeDirectory: (path) => durable('remove', path, () => inner.removeDirectory(path)),
    syncDirectory: (path) => durable('sync', path, () => inner.syncDirectory(path)),
    facts: (path) => director.pass(life, () => inner.facts(path)),
    touch: (path, modifiedMs) => director.pass(life, () => inner.touch(path, modifiedMs)),
  };
}

type Durable = <Value>(name: string, path: string, perform: () => Promise<Value>) => Promise<Value>;

function directedWritable(
  inner: WritableFile,
  path: string,
  durable: Durable,
  director: Director,
  life: Life,
): WritableFile {
  return {
    write: (bytes) => durable('write', path, () => inner.write(bytes)),
    sync: () => durable('sync', path, () => inner.sync()),
    close: () => director.pass(life, () => inner.close()),
  };
}

function directedReadable(inner: ReadableFile, director: Director, life: Life): ReadableFile {
  return {
    byteLength: inner.byteLength,
    read: (target, byteOffset) => director.pass(life, () => inner.read(target, byteOffset)),
    close: () => director.pass(life, () => inner.close()),
  };
}

const shortNames = new Map<string, string>();
const shortNamesMax = 10_000;

/** The last two parts of a path, with numbers and ids left out, so that points keep their names. */
export function shortName(path: string): string {
  const known = shortNames.get(path);
  if (known !== undefined) return known;
  // Paths come again in every run of one seed: most of the time the name is known.
  if (shortNames.size >= shortNamesMax) shortNames.clear();
  const parts = path.split('/').slice(-2).join('/');
  const name = parts.replaceAll(/[0-9a-f-]{12,}/g, 'ID').replaceAll(/\d+/g, 'N');
  shortNames.set(path, name);
  return name;
}

function diskAction(name: string, effect: Action['effect']): Action {
  return { actor: 'disk', name, effect, failure: diskFailure };
}

function diskFailure(message: string): Error {
  return Object.assign(new Error(`EIO: ${message}`), { code: 'EIO' });
}
