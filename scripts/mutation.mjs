// Breaks the code on purpose, and shows that the tests notice.
//
//   npm run mutation                              known: the ways of test/mutations, each in a copy
//   npm run mutation -- known --only manifest     one area of them; may be repeated
//   npm run mutation -- known --stale             runs none, and says which do not fit the code
//   npm run mutation -- store                     the order of the store's writes and syncs
//   npm run mutation -- survivors --only src/store    every small change that Stryker knows
//   npm run mutation -- all                       the three, one after the other
//
// Each takes --json and --help; 0 when all was noticed, 1 when not, 64 when it is called wrongly.

import { runSubCommand } from './flags.mjs';

await runSubCommand(
  {
    known: () => import('./mutation/known.mjs'),
    store: async () => {
      // The crash test is a module of the tests, in TypeScript.
      const { register } = await import('tsx/esm/api');
      register();
      await import('./mutation/store.mjs');
    },
    survivors: () => import('./mutation/survivors.mjs'),
    all: () => import('./mutation/all.mjs'),
  },
  'known',
);
