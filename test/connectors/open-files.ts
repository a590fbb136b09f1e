// Counts the files that are open: one that is never closed costs a descriptor for as long as the process runs.

import type { FileSystem, ReadableFile, WritableFile } from 'tidegate/extend';

export interface CountedFiles {
  readonly fileSystem: FileSystem;
  /** Paths of files that were opened and not closed. */
  readonly open: readonly string[];
}

export function countOpenFiles(inner: FileSystem): CountedFiles {
  const open: string[] = [];
  const counted = <File extends ReadableFile | WritableFile>(path: string, file: File): File => {
    open.push(path);
    return new Proxy(file, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        if (name !== 'close') return member.bind(target) as unknown;
        return async () => {
          if (open.includes(path)) open.splice(open.indexOf(path), 1);
          await target.close();
        };
      },
    });
  };
  const fileSystem = new Proxy(inner, {
    get: (target, name) => {
      if (name === 'createFile') {
        return async (path: string) => counted(path, await target.createFile(path));
      }
      if (name === 'openFile') {
        return async (path: string) => counted(path, await target.openFile(path));
      }
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
  return { fileSystem, open };
}
