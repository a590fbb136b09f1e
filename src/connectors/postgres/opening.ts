// Opening a sink: everything that can be wrong is looked at, then every older generation is fenced.

import type { CallOptions } from '../../contracts/source.js';
import type { Logger } from '../../runtime/logger.js';
import type { Catalog } from './catalog.js';
import type { PostgresDriver, PostgresSession } from './driver.js';
import { claim } from './fence.js';
import { checkMarkerRights } from './marker-rights.js';
import { defaultSchema, openLockKeyOf, type PostgresOwner } from './names.js';
import { checkServer, refusePooler } from './preflight.js';
import { requireEndable } from './prepared-transactions.js';
import { customBuffer, tableBuffer, type WriteRecords } from './records.js';
import { rehearse } from './rehearsal.js';
import { recordFormOf } from './row-json.js';
import { liftBounds, requireTag, restoreBounds, withSession } from './session-use.js';
import { enterPool, enterServer, type SinkNeeds } from './shared-room.js';
import type { SinkContext, SinkLimits } from './sink-context.js';
import { describeTable, type Table, type TableOptions } from './table.js';
import { checkSchema, checkTarget } from './target-checks.js';

/** What is written: rows of a table, or whatever the user's own statements do. */
export type OutputOptions<Rec> =
  | (TableOptions & { readonly write?: undefined })
  | { readonly write: WriteRecords<Rec>; readonly table?: undefined };

export interface SinkParts {
  readonly schema: string;
  readonly driver: PostgresDriver;
  readonly catalog: Catalog;
  readonly limits: SinkLimits;
  readonly logger: Logger;
}

export async function openContext<Rec>(
  { driver, catalog, limits, logger }: SinkParts,
  owner: PostgresOwner,
  { options, needs }: { readonly options: OutputOptions<Rec>; readonly needs: SinkNeeds },
  call: CallOptions,
): Promise<SinkContext<Rec>> {
  const leaving: (() => void)[] = [];
  const leave = (): void => {
    for (const one of leaving.splice(0)) one();
  };
  // Before the first connection: it might never come.
  leaving.push(enterPool(driver.pool, owner, needs));
  const needsPrepare = needs.maxPrepared > 0;
  try {
    return await withSession(driver, `opening sink ${owner.sink}`, call, async (session) => {
      await session.commands(liftBounds);
      const server = await checkServer(session, { needsPrepare });
      const { identity = driver.pool ?? driver, maxPrepared } = server;
      leaving.push(enterServer({ identity, maxPrepared }, owner, needs));
      await refusePooler(driver, session, call);
      const output = await describeOutput(session, options, needsPrepare);
      await checkMarkerRights(session, owner.schema);
      await createCatalog(session, catalog, owner);
      await claim(session, catalog, owner, { target: output.target, logger });
      // An older session may just have ended it: what is left now stays.
      await requireEndable(session, owner);
      await session.commands(restoreBounds);
      const { collidesOn, newBuffer, table } = output;
      const { sink } = owner;
      const recordForm = table && recordFormOf<Rec>(table, { driver, sink });
      const runsUserStatements = options.write !== undefined;
      const shared = { driver, catalog, owner, limits, logger, leave };
      return { ...shared, collidesOn, newBuffer, recordForm, runsUserStatements };
    });
  } catch (error) {
    leave();
    throw error;
  }
}

/** Made once for all sinks of a database; two that open at once must not make it twice. */
async function createCatalog(
  session: PostgresSession,
  catalog: Catalog,
  owner: PostgresOwner,
): Promise<void> {
  if (await catalog.exists(session)) return;
  await session.command('BEGIN');
  const key = openLockKeyOf({ schema: defaultSchema, pipeline: '' });
  await session.query('SELECT pg_advisory_xact_lock($1::bigint)', [key]);
  await catalog.create(session);
  requireTag(await session.command('COMMIT'), 'COMMIT', `opening sink ${owner.sink}`);
}

async function describeOutput<Rec>(
  session: PostgresSession,
  options: OutputOptions<Rec>,
  needsPrepare: boolean,
): Promise<
  Pick<SinkContext<Rec>, 'newBuffer' | 'collidesOn'> & {
    readonly target: { readonly target: string; readonly canWait: boolean };
    readonly table: Table | undefined;
  }
> {
  const { write } = options;
  if (write !== undefined) {
    const target = { target: '', canWait: false };
    return {
      target,
      table: undefined,
      collidesOn: undefined,
      newBuffer: () => customBuffer(write),
    };
  }
  await checkSchema(session, options.table);
  const table = await describeTable(session, options);
  await checkTarget(session, table, { needsPrepare });
  await rehearse(session, tableBuffer(table));
  return {
    target: { target: table.name, canWait: table.key !== undefined },
    table,
    collidesOn: table.canCollide ? table.name : undefined,
    newBuffer: () => tableBuffer(table),
  };
}
