// The file-system port in one life: each call is a point at which the schedule may strike.

import type { FileSystem, ReadableFile, WritableFile } from '../../runtime/file-system.js';
import type { SimulatedWritable } from '../disk/disk-operation.js';
import { pointNameOf, type Action, type Director } from './director.js';
import type { Life } from './life.js';

/** @param inner The file system of the disk as it is when the life begins. */
export function directedFileSystem(inner: FileSystem, director: Director, life: Life): FileSystem {
  const durable: Durable = (name, path, perform) =>
    director.act(life, diskAction(name, path, 'durable'), perform);
  const answer: Durable = (name, path, perform) =>
    director.act(life, diskAction(name, path, 'answer'), perform);
  return {
    createFile: (path, visibility) =>
      durable('create', path, () =>
        inner
          .createFile(path, visibility)
          .then((file) => directedWritable(file, path, durable, director, life)),
      ),
    openFile: (path) =>
      answer('open', path, () =>
        inner.openFile(path).then((file) => directedReadable(file, director, life)),
      ),
    makeDirectory: (path, visibility) =>
      durable('make', path, () => inner.makeDirectory(path, visibility)),
    listDirectory: (path) => answer('list', path, () => inner.listDirectory(path)),
    rename: (from, to) => durable('rename', to, () => inner.rename(from, to)),
    removeFile: (path) => durable('remove', path, () => inner.removeFile(path)),
    removeDirectory: (path) => durable('remove', path, () => inner.removeDirectory(path)),
    syncDirectory: (path) => durable('sync', path, () => inner.syncDirectory(path)),
    stat: (path) => director.pass(life, () => inner.stat(path)),
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
    sync: () =>
      director.act(
        life,
        diskAction('sync', path, 'durable'),
        () => inner.sync(),
        // A sync that fails is no sync that was not tried: what was written is gone from memory.
        () => (inner as Partial<SimulatedWritable>).failSync?.(),
      ),
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

/** What is made of a path once, because it comes again in every run of one seed. */
interface KnownPath {
  readonly shortName: string;
  readonly actions: Map<string, Action>;
}

const knownPaths = new Map<string, KnownPath>();
const maxKnownPaths = 10_000;

/** The last two parts of a path, with numbers and ids left out, so that points keep their names. */
function knownPath(path: string): KnownPath {
  let known = knownPaths.get(path);
  if (known !== undefined) return known;
  if (knownPaths.size >= maxKnownPaths) knownPaths.clear();
  const parts = path.split('/').slice(-2).join('/');
  const name = parts.replaceAll(/[0-9a-f-]{12,}/g, 'ID').replaceAll(/\d+/g, 'N');
  known = { shortName: name, actions: new Map() };
  knownPaths.set(path, known);
  return known;
}

function diskAction(call: string, path: string, effect: Action['effect']): Action {
  const known = knownPath(path);
  let action = known.actions.get(call);
  if (action === undefined) {
    const name = `${call} ${known.shortName}`;
    const pointName = pointNameOf('disk', name);
    action = { actor: 'disk', name, effect, failure: diskFailure, pointName };
    known.actions.set(call, action);
  }
  return action;
}

function diskFailure(message: string): Error {
  return Object.assign(new Error(`EIO: ${message}`), { code: 'EIO' });
}
