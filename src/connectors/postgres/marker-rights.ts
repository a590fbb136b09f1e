// What the role of a sink may do with the two tables in which sinks keep their markers.

import { TidegateError } from '../../errors.js';
import type { PostgresSession } from './driver.js';
import { quoteIdentifier } from './names.js';

/**
 * Passes while there is no such schema or table: then they are made.
 *
 * @throws TidegateError `TIDEGATE_POSTGRES_RIGHTS` naming the GRANT; `TIDEGATE_POSTGRES_TABLE` where
 * row-level security could hide a marker, so that what was committed would be committed again.
 */
export async function checkMarkerRights(session: PostgresSession, schema: string): Promise<void> {
  const { rows } = await session.query(
    `SELECT current_user::text AS role, has_schema_privilege(n.oid, 'USAGE') AS may_use,
       (SELECT string_agg(missing, '; ' ORDER BY missing) FROM (
         SELECT format('GRANT %s ON %I.%I TO %I', string_agg(needed.privilege, ', ' ORDER BY needed.privilege), n.nspname,
             c.relname, current_user) AS missing
           FROM pg_class c JOIN (VALUES ('sink_owner', 'SELECT'), ('sink_owner', 'INSERT'),
             ('sink_owner', 'UPDATE'), ('sink_marker', 'SELECT'), ('sink_marker', 'INSERT'),
             ('sink_marker', 'DELETE')) AS needed(name, privilege) ON c.relname = needed.name
          WHERE c.relnamespace = n.oid AND NOT has_table_privilege(c.oid, needed.privilege)
          GROUP BY c.relname) AS grants) AS grants,
       (SELECT min(c.relname::text) FROM pg_class c WHERE c.relnamespace = n.oid
          AND c.relname IN ('sink_owner', 'sink_marker') AND row_security_active(c.oid)) AS hidden
     FROM pg_namespace n WHERE n.nspname = $1`,
    [schema],
  );
  const [facts] = rows;
  if (facts === undefined) return;
  const role = quoteIdentifier(String(facts.role));
  const quoted = quoteIdentifier(schema);
  const grants = [
    ...(facts.may_use === true ? [] : [`GRANT USAGE ON SCHEMA ${quoted} TO ${role}`]),
    ...(typeof facts.grants === 'string' ? [facts.grants] : []),
  ];
  if (grants.length > 0) {
    throw new TidegateError(
      'TIDEGATE_POSTGRES_RIGHTS',
      `role ${role} may not use the tables in which sinks keep their markers: run ${grants.join('; ')}`,
    );
  }
  if (typeof facts.hidden !== 'string') return;
  throw new TidegateError(
    'TIDEGATE_POSTGRES_TABLE',
    `row-level security can hide markers from role ${role}: run ` +
      `ALTER TABLE ${quoted}.${facts.hidden} DISABLE ROW LEVEL SECURITY`,
  );
}
