// What a manifest of ours has at least, for tests that are about something else in it.

import type { TidegateFields } from 'tidegate/manifest';

export const ownFields: TidegateFields = {
  storeId: 's',
  pipeline: 'p',
  generation: 1,
  kind: 'checkpoint',
  commitHandles: new Map(),
};
