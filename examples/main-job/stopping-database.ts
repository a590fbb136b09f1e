// A database that announces each durable action before and after it, and can stop there for good.

import type { Pglite, PgliteClass } from 'tidegate/pglite';
import type { PgPool } from 'tidegate/postgres';
import type { Announcer } from './stopping-files.js';

/** What makes something durable, as statements begin; the others only prepare for these. */
const actions: readonly (readonly [RegExp, string])[] = [
  [/PREPARE TRANSACTION/, 'prepare the transaction'],
  [/^COMMIT PREPARED/, 'commit what is prepared'],
  [/^ROLLBACK PREPARED/, 'roll back what is prepared'],
  [/^COMMIT/, 'commit a transaction'],
  [/^UPDATE/, 'remember which markers go'],
  [/^DELETE/, 'remove old markers'],
];

export function stoppingPglite(inner: PgliteClass, announcer: Announcer): PgliteClass {
  return {
    create: async (directory, options) => {
      const pglite = await inner.create(directory, options);
      const stopping: Pglite = {
        query: (text, values, given) =>
          around(text, announcer, () => pglite.query(text, values, given)),
        exec: (statements) => pglite.exec(statements),
        execProtocol: (message, given) =>
          around(textOf(message), announcer, () => pglite.execProtocol(message, given)),
        close: () => pglite.close(),
      };
      return stopping;
    },
  };
}

export function stoppingPool(inner: PgPool, announcer: Announcer): PgPool {
  return {
    connect: async () => {
      const client = await inner.connect();
      const query = client.query.bind(client);
      const release = client.release.bind(client);
      client.query = (text, values) => around(text, announcer, () => query(text, values));
      client.release = (destroy) => {
        Object.assign(client, { query, release });
        release(destroy);
      };
      return client;
    },
  };
}

async function around<Value>(
  text: unknown,
  announcer: Announcer,
  act: () => Promise<Value>,
): Promise<Value> {
  const statement = typeof text === 'string' ? text.trimStart() : '';
  const [, name] = actions.find(([pattern]) => pattern.test(statement)) ?? [];
  if (name === undefined) return act();
  const action = `database: ${name}`;
  await announcer.reached(action, 'before');
  const value = await act();
  await announcer.reached(action, 'after');
  return value;
}

/** The statement in a Query message: a letter, four bytes of length, the text, a zero. */
function textOf(message: Uint8Array): string {
  return Buffer.from(message.subarray(5, -1)).toString();
}
