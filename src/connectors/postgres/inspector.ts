// The questions that recovery and people ask a PostgreSQL sink: what is prepared, what is marked.

import type { CheckpointId } from '../../ids.js';
import type {
  Inspection,
  InspectRequest,
  PreparedListing,
  SinkInspector,
} from '../../contracts/sink.js';
import type { CallOptions } from '../../contracts/source.js';
import type { Catalog } from './catalog.js';
import type { PostgresDriver, PostgresSession } from './driver.js';
import { checkStore } from './fence.js';
import { checkpointIdOfGid, gidPrefix, requireOwnGid, type PostgresReader } from './names.js';
import { withSession } from './session-use.js';

export interface InspectorContext {
  readonly driver: PostgresDriver;
  readonly catalog: Catalog;
  readonly identity: PostgresReader;
}

export class PostgresInspector implements SinkInspector {
  readonly #context: InspectorContext;

  constructor(context: InspectorContext) {
    this.#context = context;
  }

  inspect({ checkpointId, handle }: InspectRequest, options: CallOptions): Promise<Inspection> {
    const { catalog, identity } = this.#context;
    return this.#ask('inspecting', options, async (session) => {
      const id = handle === undefined ? checkpointId : requireOwnGid(identity, handle);
      // What is prepared first: a commit between the two questions is then seen by the second.
      const prepared = await listPrepared(session, identity);
      const isPrepared = prepared.some((listed) =>
        handle === undefined ? listed.checkpointId === id : listed.handle === handle,
      );
      if (isPrepared) return 'prepared';
      if (!(await catalog.exists(session))) return 'absent';
      return (await catalog.isMarked(session, identity, id)) ? 'committed' : 'absent';
    });
  }

  lastCommitted(options: CallOptions): Promise<CheckpointId | undefined> {
    const { catalog, identity } = this.#context;
    return this.#ask('reading the markers of', options, async (session) => {
      if (!(await catalog.exists(session))) return undefined;
      return catalog.newestMarked(session, identity);
    });
  }

  listPrepared(options: CallOptions): Promise<readonly PreparedListing[]> {
    return this.#ask('listing what is prepared of', options, (session) =>
      listPrepared(session, this.#context.identity),
    );
  }

  /** Anybody may look, but not at the markers of another store. */
  async checkStore(options: CallOptions): Promise<void> {
    const { catalog, identity } = this.#context;
    await this.#ask('opening', options, async (session) => {
      if (await catalog.exists(session))
        checkStore(await catalog.owner(session, identity), identity);
    });
  }

  async #ask<Value>(
    doing: string,
    options: CallOptions,
    question: (session: PostgresSession) => Promise<Value>,
  ): Promise<Value> {
    const { driver, identity } = this.#context;
    return withSession(driver, `${doing} sink ${identity.sink}`, options, question);
  }
}

/** Prepared transactions of this sink in this database; names are shared by the whole server. */
export async function listPrepared(
  session: PostgresSession,
  identity: PostgresReader,
): Promise<readonly PreparedListing[]> {
  const { rows } = await session.query(
    `SELECT gid, (extract(epoch FROM prepared) * 1000)::bigint::text AS prepared_at_ms
       FROM pg_prepared_xacts WHERE database = current_database() AND starts_with(gid, $1)
      ORDER BY prepared`,
    [gidPrefix(identity)],
  );
  return rows.flatMap((row) => {
    const handle = String(row.gid);
    const checkpointId = checkpointIdOfGid(identity, handle);
    if (checkpointId === undefined) return [];
    return [{ handle, checkpointId, preparedAtMs: Number(row.prepared_at_ms) }];
  });
}
