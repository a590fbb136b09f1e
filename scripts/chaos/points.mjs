// Points of a writing process at which it can end itself: each durable action, before and after.

import { basename } from 'node:path';
import pg from 'pg';

/** Steps in the order in which they come, with the sinks of `npm run chaos`. */
export const steps = [
  '3 table prepared',
  '3 files prepared',
  '5 manifest persisted',
  '6 table committed',
  '6 files committed',
  '6 files published',
  '7 manifest saved again',
];

/** Calls `run` between two points; at the chosen one the process gets its signal. */
export function aimed(aim) {
  let met = 0;
  const at = (point) => {
    if (aim === undefined || aim.point !== point) return;
    met += 1;
    if (met === aim.occurrence) process.kill(process.pid, aim.signal);
  };
  return async (action, run) => {
    at(`${action}, before`);
    const answer = await run();
    at(`${action}, after`);
    return answer;
  };
}

/** A pool whose statements of the second phase are points. */
export function watchedPool(around, database) {
  const pool = new pg.Pool({ connectionString: database, max: 10 });
  pool.on('error', () => undefined);
  const actions = [
    ['PREPARE TRANSACTION', '3 table prepared'],
    ['COMMIT PREPARED', '6 table committed'],
  ];
  return {
    connect: async () => {
      const client = await pool.connect();
      const query = client.query.bind(client);
      client.query = (text, values) => {
        const [, action] = actions.find(([start]) => `${text}`.startsWith(start)) ?? [];
        return action === undefined
          ? query(text, values)
          : around(action, () => query(text, values));
      };
      const release = client.release.bind(client);
      client.release = (destroy) => {
        client.query = query;
        client.release = release;
        release(destroy);
      };
      return client;
    },
  };
}

/** A file system whose renames of what counts are points. */
export function watchedFiles(around, nodeFileSystem) {
  const actionOf = (to) => {
    // A new checkpoint appears with its whole directory; later only its manifest is replaced.
    if (/^checkpoint_\d+$/.test(basename(to))) return '5 manifest persisted';
    if (basename(to) === 'manifest.json') return '7 manifest saved again';
    if (to.includes('/committed/')) return '6 files committed';
    if (to.includes('/_tidegate/') && basename(to).startsWith('prepared_'))
      return '3 files prepared';
    return basename(to).startsWith('part-') && !to.includes('/_tidegate/')
      ? '6 files published'
      : undefined;
  };
  const rename = (from, to) => {
    const action = actionOf(to);
    const run = () => nodeFileSystem.rename(from, to);
    return action === undefined ? run() : around(action, run);
  };
  return { ...nodeFileSystem, rename };
}
