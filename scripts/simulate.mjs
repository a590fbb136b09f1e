// Crashes tidegate in as many ways as there is time for.
//
//   npm run simulate -- --schedules 1000000             coordinator, store and recovery, with every kind of fault
//   npm run simulate -- pipelines --schedules 500       real pipelines, and those of Node's streams

import { runSubCommand } from './flags.mjs';

await runSubCommand(
  {
    orders: () => import('./simulate/orders.mjs'),
    pipelines: async () => {
      // The shapes are modules of the tests, in TypeScript.
      const { register } = await import('tsx/esm/api');
      register();
      await import('./simulate/pipelines.mjs');
    },
  },
  'orders',
);
