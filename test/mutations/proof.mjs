// Known ways to weaken the right to commit: each lets a sink commit what no store has saved.

export const tests = ['test/store/persisted-manifest'];

const file = 'src/store/persisted-manifest.ts';

export const mutations = [
  {
    what: 'a manifest is proven without a save',
    file,
    find: 'assert(proven.has(persisted),',
    replace: 'assert(proven.has(persisted) || checkpointId > 0,',
  },
  {
    what: 'what a store answers is proven itself, and can be given out again',
    file,
    find: 'const persisted = Object.freeze({ manifest }) as unknown as PersistedManifest;',
    replace: 'const persisted = arguments[1] as PersistedManifest;',
  },
  {
    what: 'a store that saved another checkpoint is believed',
    file,
    find: 'manifest.checkpointId === given.checkpointId,',
    replace: 'manifest.checkpointId >= 0 || given.checkpointId > 0,',
  },
];
