// A process of its own, in a time zone of its own, that copies one table through each kind of sink.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { MemoryCheckpointStore, Pipeline } from '../../src/index.js';
import {
  postgresSink,
  postgresSource,
  postgresUpsertSink,
} from '../../src/connectors/postgres/index.js';
import { writeAhead } from '../../src/connectors/write-ahead/index.js';

const [, , address = '', settings = ''] = process.argv;
const pool = new pg.Pool({ connectionString: address, options: settings });
const room = mkdtempSync(join(tmpdir(), 'tidegate-types-'));
const key = ['id'];
const lastResource = (table: string): ReturnType<typeof postgresSink> =>
  postgresSink({ pool, table, durability: 'last-resource' });
const sinks = {
  durable: postgresSink({ pool, table: 'durable' }),
  last_resource: lastResource('last_resource'),
  keyed: postgresSink({ pool, table: 'keyed', key }),
  upsert: postgresUpsertSink({ pool, table: 'upsert', key }),
  write_ahead: writeAhead(lastResource('write_ahead'), { directory: join(room, 'one') }),
  write_ahead_upsert: writeAhead(postgresUpsertSink({ pool, table: 'write_ahead_upsert', key }), {
    directory: join(room, 'two'),
  }),
};
for (const [name, sink] of Object.entries(sinks)) {
  const pipeline = new Pipeline(`types-${name}-${process.pid}`);
  const source = postgresSource({
    ...{ pool, table: 'given', key: 'id', transaction: 'tx', batchRows: 3, endWhenEmpty: true },
    columns: ['id', ...process.argv.slice(4)],
  });
  pipeline.source('given', source).to('copy', sink);
  const { outcome } = await pipeline.run({ store: new MemoryCheckpointStore() });
  process.stdout.write(`${name} ${outcome}\n`);
}
await pool.end();
rmSync(room, { recursive: true });
