// What the sinks remember in the database: one row per sink, one marker per committed checkpoint.

import { TidegateError } from '../../errors.js';
import type { CheckpointId, StoreId } from '../../ids.js';
import type { PreCommitRequest, SinkOwner } from '../../contracts/sink.js';
import type { PostgresSession, QueryAnswer } from './driver.js';
import { quoteIdentifier, quoteLiteral, type SinkIdentity } from './names.js';

export interface RememberedOwner {
  readonly storeId: string;
  readonly generation: number;
  /** Markers below this id may have been pruned. */
  readonly prunedBelow: number;
}

/**
 * The two tables of one schema. Markers carry no reference to the row of their sink: a prepared
 * transaction would keep it locked, and then no newer generation could be written there.
 */
export class Catalog {
  readonly #schema: string;
  readonly #owners: string;
  readonly #markers: string;

  constructor(schema: string) {
    this.#schema = schema;
    this.#owners = `${quoteIdentifier(schema)}.sink_owner`;
    this.#markers = `${quoteIdentifier(schema)}.sink_marker`;
  }

  async exists(session: PostgresSession): Promise<boolean> {
    const text = 'SELECT to_regclass($1) IS NOT NULL AND to_regclass($2) IS NOT NULL AS found';
    const { rows } = await session.query(text, [this.#owners, this.#markers]);
    return rows[0]?.found === true;
  }

  /** Makes what is missing; asks first, because making needs rights that using does not. */
  async create(session: PostgresSession): Promise<void> {
    if (await this.exists(session)) return;
    const { rows } = await session.query(
      `SELECT current_user AS role, current_database() AS database,
         EXISTS (SELECT FROM pg_namespace WHERE nspname = $1) AS has_schema,
         CASE WHEN EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)
              THEN has_schema_privilege($1, 'CREATE')
              ELSE has_database_privilege(current_database(), 'CREATE') END AS may_create`,
      [this.#schema],
    );
    const facts = rows[0] ?? {};
    const schema = quoteIdentifier(this.#schema);
    if (facts.may_create !== true) {
      const role = quoteIdentifier(String(facts.role));
      throw new TidegateError(
        'TIDEGATE_POSTGRES_RIGHTS',
        `role ${role} may not create the tables in which sinks keep their markers: run ` +
          (facts.has_schema === true
            ? `GRANT USAGE, CREATE ON SCHEMA ${schema} TO ${role}`
            : `CREATE SCHEMA ${schema} AUTHORIZATION ${role}`),
      );
    }
    if (facts.has_schema !== true) await session.command(`CREATE SCHEMA ${schema}`);
    await session.command(`CREATE TABLE IF NOT EXISTS ${this.#owners} (
      pipeline text NOT NULL, sink text NOT NULL, store_id text NOT NULL,
      generation bigint NOT NULL, target text NOT NULL, can_wait boolean NOT NULL,
      pruned_below bigint NOT NULL DEFAULT 0, PRIMARY KEY (pipeline, sink))`);
    await session.command(`CREATE TABLE IF NOT EXISTS ${this.#markers} (
      pipeline text NOT NULL, sink text NOT NULL, checkpoint_id bigint NOT NULL,
      store_id text NOT NULL, generation bigint NOT NULL, epoch bigint NOT NULL,
      prepared_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (pipeline, sink, checkpoint_id))`);
  }

  async owner(
    session: PostgresSession,
    identity: SinkIdentity,
  ): Promise<RememberedOwner | undefined> {
    const [answer] = await session.commands([this.ownerStatement(identity)]);
    return this.ownerIn(answer);
  }

  /** To be sent together with others; `ownerIn` reads its answer. */
  ownerStatement({ pipeline, sink }: SinkIdentity): string {
    return `SELECT store_id, generation::text, pruned_below::text FROM ${this.#owners}
      WHERE pipeline = ${quoteLiteral(pipeline)} AND sink = ${quoteLiteral(sink)}`;
  }

  ownerIn(answer: QueryAnswer | undefined): RememberedOwner | undefined {
    const [row] = answer?.rows ?? [];
    if (row === undefined) return undefined;
    return {
      storeId: String(row.store_id),
      generation: Number(row.generation),
      prunedBelow: Number(row.pruned_below),
    };
  }

  /** Raises the generation; the caller has locked the pipeline and checked what was there. */
  async remember(
    session: PostgresSession,
    { pipeline, sink, storeId, generation }: SinkOwner,
    { target, canWait }: { readonly target: string; readonly canWait: boolean },
  ): Promise<void> {
    await session.query(
      `INSERT INTO ${this.#owners} (pipeline, sink, store_id, generation, target, can_wait)
       VALUES ($1, $2, $3, $4::bigint, $5, $6::boolean)
       ON CONFLICT (pipeline, sink) DO UPDATE SET generation = excluded.generation,
         target = excluded.target, can_wait = excluded.can_wait`,
      [pipeline, sink, storeId, generation, target, canWait],
    );
  }

  /** Other sinks of this pipeline that the same generation has opened on the same table. */
  async othersOn(
    session: PostgresSession,
    { pipeline, sink, generation }: SinkOwner,
    target: string,
  ): Promise<readonly { readonly sink: string; readonly canWait: boolean }[]> {
    const { rows } = await session.query(
      `SELECT sink, can_wait FROM ${this.#owners}
        WHERE pipeline = $1 AND sink <> $2 AND generation = $3::bigint AND target = $4`,
      [pipeline, sink, generation, target],
    );
    return rows.map((row) => ({ sink: String(row.sink), canWait: row.can_wait === true }));
  }

  /** In the transaction of the data: there is a marker exactly where there is the output. */
  markStatement(owner: SinkOwner, { checkpointId, epoch }: PreCommitRequest): string {
    const [pipeline, sink] = [quoteLiteral(owner.pipeline), quoteLiteral(owner.sink)];
    const storeId = quoteLiteral(owner.storeId);
    return `INSERT INTO ${this.#markers} (pipeline, sink, checkpoint_id, store_id, generation, epoch)
      VALUES (${pipeline}, ${sink}, ${checkpointId}, ${storeId}, ${owner.generation}, ${epoch})`;
  }

  /** @throws TidegateError `TIDEGATE_POSTGRES_MARKER_PRUNED` where "no marker" proves nothing. */
  async isMarked(
    session: PostgresSession,
    identity: SinkIdentity & { readonly storeId: StoreId },
    id: CheckpointId,
  ): Promise<boolean> {
    const { rows } = await session.query(
      `SELECT store_id FROM ${this.#markers}
        WHERE pipeline = $1 AND sink = $2 AND checkpoint_id = $3::bigint AND store_id = $4`,
      [identity.pipeline, identity.sink, id, identity.storeId],
    );
    if (rows.length > 0) return true;
    const owner = await this.owner(session, identity);
    if (owner === undefined || id >= owner.prunedBelow) return false;
    throw new TidegateError(
      'TIDEGATE_POSTGRES_MARKER_PRUNED',
      `sink ${identity.sink} has no marker of checkpoint ${id}, and has pruned those below ` +
        String(owner.prunedBelow),
    );
  }

  async newestMarked(
    session: PostgresSession,
    { pipeline, sink }: SinkIdentity,
  ): Promise<CheckpointId | undefined> {
    const { rows } = await session.query(
      `SELECT max(checkpoint_id)::text AS newest FROM ${this.#markers}
        WHERE pipeline = $1 AND sink = $2`,
      [pipeline, sink],
    );
    const newest = rows[0]?.newest;
    return newest === null || newest === undefined ? undefined : (Number(newest) as CheckpointId);
  }

  /**
   * Keeps the newest `kept` markers, and of the others those that a later call deletes: years of them
   * in one statement would take longer than a commit may. The bound is remembered before the first
   * marker is deleted.
   */
  async prune(
    session: PostgresSession,
    { pipeline, sink }: SinkIdentity,
    kept: number,
  ): Promise<void> {
    await session.query(
      `UPDATE ${this.#owners} SET pruned_below = greatest(pruned_below, coalesce((
         SELECT checkpoint_id FROM ${this.#markers} WHERE pipeline = $1 AND sink = $2
         ORDER BY checkpoint_id DESC OFFSET $3::bigint - 1 LIMIT 1), 0))
       WHERE pipeline = $1 AND sink = $2`,
      [pipeline, sink, kept],
    );
    await session.query(
      `DELETE FROM ${this.#markers} WHERE pipeline = $1 AND sink = $2 AND checkpoint_id <= (
         SELECT max(checkpoint_id) FROM (
           SELECT checkpoint_id FROM ${this.#markers}
            WHERE pipeline = $1 AND sink = $2 AND checkpoint_id < (
              SELECT pruned_below FROM ${this.#owners} WHERE pipeline = $1 AND sink = $2)
            ORDER BY checkpoint_id LIMIT ${maxPruned}) AS oldest)`,
      [pipeline, sink],
    );
  }
}

/** Markers that one call deletes. */
const maxPruned = 10_000;
