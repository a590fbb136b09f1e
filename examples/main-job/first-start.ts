// Makes a directory of PGlite with an empty table in it: `first-start.js <directory>`.

import { embeddedPostgres } from './embedded-postgres.js';
import { tableColumns } from './warehouse.js';

const [, , directory = ''] = process.argv;
const PGlite = await embeddedPostgres();
const database = await PGlite.create(directory, { postgresqlconf: [] });
await database.exec(`CREATE TABLE statistics (${tableColumns})`);
await database.close();
