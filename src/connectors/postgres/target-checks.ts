// What a table does with rows that a sink writes: found before the first one, not at the first commit.

import { TidegateError, type ErrorCode } from '../../errors.js';
import type { PostgresSession } from './driver.js';
import { quoteIdentifier } from './names.js';
import { findUnpreparable } from './unpreparable.js';
import type { Table, TableOptions } from './table.js';

/**
 * Without the right to use its schema the server does not even say whether a table is there.
 *
 * @throws TidegateError `TIDEGATE_POSTGRES_RIGHTS` naming the GRANT.
 */
export async function checkSchema(
  session: PostgresSession,
  table: TableOptions['table'],
): Promise<void> {
  const schema = typeof table === 'string' ? schemaIn(table) : table.schema;
  if (schema === undefined) return;
  const { rows } = await session.query(
    `SELECT current_user::text AS role FROM pg_namespace
      WHERE nspname = $1 AND NOT has_schema_privilege(oid, 'USAGE')`,
    [schema],
  );
  const [denied] = rows;
  if (denied === undefined) return;
  const role = quoteIdentifier(String(denied.role));
  throw new TidegateError(
    'TIDEGATE_POSTGRES_RIGHTS',
    `role ${role} may not use schema ${quoteIdentifier(schema)}: run ` +
      `GRANT USAGE ON SCHEMA ${quoteIdentifier(schema)} TO ${role}`,
  );
}

function schemaIn(table: string): string | undefined {
  return table.split('.').at(-2);
}

/** @throws TidegateError naming the object that is in the way, and the way out. */
export async function checkTarget(
  session: PostgresSession,
  table: Table,
  { needsPrepare }: { readonly needsPrepare: boolean },
): Promise<void> {
  const written = table.columns.map(({ name }) => name);
  const { rows } = await session.query(factsStatement, [table.name, written]);
  const facts = rows[0] ?? {};
  const role = quoteIdentifier(String(facts.role));
  const refuse = (code: ErrorCode, what: string): never => {
    throw new TidegateError(code, what);
  };
  if (facts.has_row_security === true && table.key === undefined) {
    refuse(
      'TIDEGATE_POSTGRES_TABLE',
      `row-level security of table ${table.name} holds for role ${role}, and COPY cannot write such ` +
        'a table: give the sink a key or a write function, whose rows pass the policies, or run ' +
        `ALTER ROLE ${role} BYPASSRLS`,
    );
  }
  if (typeof facts.partition === 'string') {
    refuse(
      'TIDEGATE_POSTGRES_TABLE',
      `${facts.partition}, a partition of table ${table.name}, is foreign, temporary or unlogged: its ` +
        'rows are not committed and kept together with the marker; detach it, or write to a table without it',
    );
  }
  if (typeof facts.rule === 'string') {
    refuse(
      'TIDEGATE_POSTGRES_TABLE',
      `table ${table.name} has the rule ${facts.rule}, which COPY passes over and ON CONFLICT does not ` +
        'allow: turn it into a trigger, or write with a write function',
    );
  }
  if (typeof facts.sequence === 'string') {
    refuse(
      'TIDEGATE_POSTGRES_RIGHTS',
      `role ${role} may not use sequence ${facts.sequence}, the default of a column of table ` +
        `${table.name}: run GRANT USAGE ON SEQUENCE ${facts.sequence} TO ${role}`,
    );
  }
  if (!needsPrepare) return;
  const found = await findUnpreparable(session, table);
  if (found === undefined) return;
  refuse(
    'TIDEGATE_POSTGRES_TABLE',
    `${found.what} of table ${table.name} uses ${found.word}, which PostgreSQL does not allow in a ` +
      'transaction that is prepared: give the sink the durability last-resource, wrap such a sink with ' +
      `writeAhead, or ${found.way}`,
  );
}

/** Sequences behind defaults of columns that are not written; those of identity columns need no right. */
const factsStatement = `SELECT current_user::text AS role, row_security_active(c.oid) AS has_row_security,
  (SELECT min(p.oid::regclass::text) FROM pg_partition_tree(c.oid) AS part
     JOIN pg_class p ON p.oid = part.relid
    WHERE p.oid <> c.oid AND (p.relkind = 'f' OR p.relpersistence <> 'p')) AS partition,
  (SELECT min(quote_ident(r.rulename)) FROM pg_rewrite r
    WHERE r.ev_class = c.oid AND r.ev_type IN ('2', '3') AND r.ev_enabled <> 'D') AS rule,
  (SELECT min(s.oid::regclass::text) FROM pg_attrdef d
     JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
     JOIN pg_depend dep ON dep.classid = 'pg_attrdef'::regclass AND dep.objid = d.oid
     JOIN pg_class s ON s.oid = dep.refobjid AND dep.refclassid = 'pg_class'::regclass
    WHERE d.adrelid = c.oid AND a.attname::text <> ALL ($2::text[])
      AND CASE WHEN s.relkind = 'S' THEN NOT has_sequence_privilege(s.oid, 'USAGE')
        AND NOT has_sequence_privilege(s.oid, 'UPDATE') ELSE false END) AS sequence
  FROM pg_class c WHERE c.oid = $1::regclass`;
