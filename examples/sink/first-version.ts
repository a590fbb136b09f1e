// A sink as one writes it first: it works while nothing fails, and breaks most of its obligations.

import { existsSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TwoPhaseSink } from 'tidegate/extend';

// #region first
export function firstVersion<Rec>(directory: string): TwoPhaseSink<Rec> {
  const fileOf = (handle: string): string => join(directory, `${handle}.json`);
  return {
    durability: 'durable',
    async open() {
      await mkdir(directory, { recursive: true });
      const prepared = new Map<string, readonly Rec[]>();
      let records: Rec[] = [];
      return {
        write: (batch) => {
          records.push(...batch);
        },
        preCommit: ({ epoch }) => {
          const handle = `epoch-${epoch}`;
          prepared.set(handle, records);
          records = [];
          return Promise.resolve({ handle });
        },
        commit: (handle) => {
          const epoch = prepared.get(handle);
          if (epoch === undefined) return Promise.resolve('already-applied');
          writeFileSync(fileOf(handle), JSON.stringify(epoch));
          prepared.delete(handle);
          return Promise.resolve('applied');
        },
        rollback: () => {
          prepared.clear();
          return Promise.resolve(new Map());
        },
        inspect: ({ handle = '' }) =>
          Promise.resolve(existsSync(fileOf(handle)) ? 'committed' : 'absent'),
        lastCommitted: () => Promise.resolve(undefined),
        listPrepared: () => Promise.resolve([]),
      };
    },
    openReadOnly: () => Promise.reject(new Error('not written yet')),
  };
}
// #endregion first
