// A file system that announces each durable action before and after it, and can stop there for good.

import { basename } from 'node:path';
import type { FileSystem, WritableFile } from 'tidegate/files';

export interface Announcer {
  /** Settles when the process may go on; never, when it is about to be killed here. */
  reached(action: string, when: 'before' | 'after'): Promise<void>;
}

/** @param who Begins the name of each action. */
export function stoppingFiles(inner: FileSystem, who: string, announcer: Announcer): FileSystem {
  const around = async <Value>(what: string, act: () => Promise<Value>): Promise<Value> => {
    const action = `${who}: ${what}`;
    await announcer.reached(action, 'before');
    const value = await act();
    await announcer.reached(action, 'after');
    return value;
  };
  return {
    ...inner,
    createFile: (path, visibility) =>
      around(`create ${named(path)}`, async () => {
        const file = await inner.createFile(path, visibility);
        return stoppingFile(file, `sync ${named(path)}`, around);
      }),
    makeDirectory: (path, visibility) =>
      around(`make ${named(path)}`, () => inner.makeDirectory(path, visibility)),
    rename: (from, to) =>
      around(`rename ${named(from)} to ${named(to)}`, () => inner.rename(from, to)),
    removeFile: (path) => around(`remove ${named(path)}`, () => inner.removeFile(path)),
    removeDirectory: (path) => around(`remove ${named(path)}`, () => inner.removeDirectory(path)),
    syncDirectory: (path) => around(`sync ${named(path)}/`, () => inner.syncDirectory(path)),
  };
}

function stoppingFile(
  inner: WritableFile,
  what: string,
  around: <Value>(what: string, act: () => Promise<Value>) => Promise<Value>,
): WritableFile {
  return {
    write: (bytes) => inner.write(bytes),
    sync: () => around(what, () => inner.sync()),
    close: () => inner.close(),
  };
}

/** The same name for the same kind of file: without numbers and nonces. */
function named(path: string): string {
  return basename(path)
    .replace(/^(staging|temporary)_.*/, '$1')
    .replace(/^(statistics|archive)$/, 'output')
    .replace(/^(peace|kills)$/, 'work')
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID')
    .replace(/\d+/g, 'N');
}
