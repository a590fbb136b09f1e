// A process of its own that prepares an epoch and waits to be killed, or commits what it is handed.

import pg from 'pg';
import { postgresSink } from '../../src/connectors/postgres/index.js';
import { attempt, calm, ownerOf } from '../../src/testing/conformance/sink-bench.js';

const [, , address = '', handle = ''] = process.argv;
const pool = new pg.Pool({ connectionString: address });
const sink = postgresSink<{ id: number }>({ pool, table: 'target' });
if (handle === '') {
  const session = await sink.open(ownerOf(1), calm);
  await session.write([{ id: 1 }, { id: 2 }]);
  const prepared = await session.preCommit(attempt(1, 1), calm);
  process.stdout.write(`${prepared.handle}\n`);
  // Kept alive by its connections.
  setInterval(() => undefined, 60_000);
} else {
  const session = await sink.open(ownerOf(2), calm);
  process.stdout.write(`${await session.commit(handle, calm)}\n`);
  process.exit(0);
}
