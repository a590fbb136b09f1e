// The store with one sync left out, or two operations in the wrong order: each must be found out.

import type { FileSystem, WritableFile } from '../../../src/extend/index.js';
import type { Wrap } from './actions.js';

/** One changing call of the file-system port, and the part of the store that made it. */
interface Call {
  readonly kind: 'sync-file' | 'sync-directory' | 'rename' | 'remove-file';
  readonly path: string;
  readonly to?: string;
  readonly phase: Phase;
}

/** Told by the last call that only this part makes. */
type Phase = 'open' | 'bring-in' | 'replace' | 'take-out';

type Matches = (call: Call) => boolean;

export interface Mutation {
  readonly name: string;
  readonly wrap: Wrap;
}

const isStagedManifest: Matches = ({ kind, path }) =>
  kind === 'sync-file' && /checkpoint_\d+\.\d+\/manifest\.json$/.test(path);
const isSidecar: Matches = ({ kind, path }) =>
  kind === 'sync-file' && /checkpoint_\d+\.\d+\/state\.bin$/.test(path);
const isReplacement: Matches = ({ kind, path }) =>
  kind === 'sync-file' && /\/manifest\.json\.\d+$/.test(path);
const isIdentity: Matches = ({ kind, path }) => kind === 'sync-file' && path.endsWith('store.json');
const isStagedDirectory: Matches = ({ kind, path }) =>
  kind === 'sync-directory' && /staging_\w+\/checkpoint_\d+\.\d+$/.test(path);
const syncsStore =
  (phase: Phase): Matches =>
  (call) =>
    call.kind === 'sync-directory' && call.path.endsWith('/data/store') && call.phase === phase;
const syncsCheckpoint =
  (phase: Phase): Matches =>
  (call) =>
    call.kind === 'sync-directory' &&
    /store\/checkpoint_\d+$/.test(call.path) &&
    call.phase === phase;
const syncsFolder: Matches = ({ kind, path }) => {
  return kind === 'sync-directory' && path.endsWith('/tidegate');
};
const syncsAncestor =
  (ancestor: string): Matches =>
  ({ kind, path }) =>
    kind === 'sync-directory' && path === ancestor;
const bringsIn: Matches = ({ kind, to }) =>
  kind === 'rename' && /store\/checkpoint_\d+$/.test(to ?? '');
const replaces: Matches = ({ kind, to }) =>
  kind === 'rename' && (to ?? '').endsWith('manifest.json');
const takesOut: Matches = ({ kind, path }) =>
  kind === 'rename' && /store\/checkpoint_\d+$/.test(path);
const namesIdentity: Matches = ({ kind, to }) =>
  kind === 'rename' && (to ?? '').endsWith('store.json');
const deletes: Matches = ({ kind, phase }) => kind === 'remove-file' && phase === 'take-out';

export const mutations: readonly Mutation[] = [
  leaveOut('save: the sync of the manifest', isStagedManifest),
  leaveOut('save: the sync of the sidecar', isSidecar),
  leaveOut('save: the sync of the checkpoint in staging', isStagedDirectory),
  leaveOut('save: the sync of the store directory', syncsStore('bring-in')),
  leaveOut('re-save: the sync of the manifest', isReplacement),
  leaveOut('re-save: the sync of the checkpoint', syncsCheckpoint('replace')),
  leaveOut('prune: the sync of the store directory', syncsStore('take-out')),
  leaveOut('open: the sync of the identity', isIdentity),
  leaveOut('open: the sync of the own folder', syncsFolder),
  leaveOut('open: the sync of the store directory', syncsStore('open')),
  leaveOut('open: the sync of the parent directory', syncsAncestor('/data')),
  leaveOut('open: the sync of the directory above', syncsAncestor('/')),
  leaveOut('open: the sync of what older owners saved', syncsCheckpoint('open')),
  swap('save: visible before the manifest is synced', isStagedManifest, bringsIn),
  swap('save: visible before the sidecar is synced', isSidecar, bringsIn),
  swap('save: visible before its names are synced', isStagedDirectory, bringsIn),
  swap('save: synced before it is visible', bringsIn, syncsStore('bring-in')),
  swap('re-save: visible before the manifest is synced', isReplacement, replaces),
  swap('re-save: synced before it is visible', replaces, syncsCheckpoint('replace')),
  swap('prune: synced before it is out', takesOut, syncsStore('take-out')),
  swap('prune: deleted before it is durably out', syncsStore('take-out'), deletes),
  swap('open: the identity visible before it is synced', isIdentity, namesIdentity),
  swap('open: synced before the identity is visible', namesIdentity, syncsFolder),
];

/** Mutations of the fence, found by pausing an owner instead of killing it. */
export const fenceMutations: readonly Mutation[] = [
  leaveOut('open: the renaming away of older owners', ({ kind, to }) => {
    return kind === 'rename' && /\/retired_\d+_\d+$/.test(to ?? '');
  }),
  {
    name: 'without save: the way through staging',
    // The staging directory comes back when it is missing, as a careless mkdir -p would make it.
    wrap: (inner) => ({
      ...inner,
      makeDirectory: async (path) => {
        const parent = path.slice(0, path.lastIndexOf('/'));
        const grandparent = parent.slice(0, parent.lastIndexOf('/'));
        for (const missing of [grandparent, parent]) {
          if (/generation_\d+/.test(missing))
            await inner.makeDirectory(missing).catch(() => undefined);
        }
        await inner.makeDirectory(path);
      },
    }),
  },
];

/** The call answers success and has no effect. */
function leaveOut(what: string, matches: Matches): Mutation {
  return {
    name: `without ${what}`,
    wrap: intercepting((call, perform) => (matches(call) ? Promise.resolve() : perform())),
  };
}

/** The first call answers success at once and takes effect right after the second. */
function swap(what: string, first: Matches, second: Matches): Mutation {
  return {
    name: `swapped, ${what}`,
    wrap: (fileSystem) => {
      let held: (() => Promise<void>) | undefined;
      return intercepting(async (call, perform) => {
        if (first(call)) {
          held = perform;
          return;
        }
        await perform();
        if (held === undefined || !second(call)) return;
        const late = held;
        held = undefined;
        // What it wanted to sync may have another name by now: then it is never synced.
        await late().catch(() => undefined);
      })(fileSystem);
    },
  };
}

/** A file system whose changing calls all pass through one function. */
function intercepting(through: (call: Call, perform: () => Promise<void>) => Promise<void>): Wrap {
  return (inner): FileSystem => {
    let phase: Phase = 'open';
    const tell = (call: Omit<Call, 'phase'>, perform: () => Promise<void>): Promise<void> => {
      phase = phaseAfter({ ...call, phase });
      return through({ ...call, phase }, perform);
    };
    const watched = (path: string, file: WritableFile): WritableFile => ({
      write: (bytes) => file.write(bytes),
      sync: () => tell({ kind: 'sync-file', path }, () => file.sync()),
      close: () => file.close(),
    });
    return {
      ...inner,
      createFile: async (path) => watched(path, await inner.createFile(path)),
      makeDirectory: async (path) => {
        if (/generation_\d+$/.test(path)) phase = 'open';
        await inner.makeDirectory(path);
      },
      rename: (path, to) => tell({ kind: 'rename', path, to }, () => inner.rename(path, to)),
      removeFile: (path) => tell({ kind: 'remove-file', path }, () => inner.removeFile(path)),
      syncDirectory: (path) =>
        tell({ kind: 'sync-directory', path }, () => inner.syncDirectory(path)),
    };
  };
}

function phaseAfter(call: Call): Phase {
  if (bringsIn(call)) return 'bring-in';
  if (replaces(call)) return 'replace';
  return takesOut(call) ? 'take-out' : call.phase;
}
