// PostgreSQL in this process: a PGlite that one process owns and whose one session takes turns.

import { resolve } from 'node:path';
import type { CallOptions } from '../../contracts/source.js';
import { TidegateError } from '../../errors.js';
import { completeOptions, contract, custom, path, type OptionTable } from '../../options.js';
import { nodeFileSystem } from '../../runtime/file-system-node.js';
import type { FileSystem } from '../../runtime/file-system.js';
import { systemProcesses, type Processes } from '../../runtime/process-identity.js';
import { orAborted } from '../../runtime/abort.js';
import { systemRandom, type Random } from '../../runtime/random.js';
import { Mutex } from '../../runtime/mutex.js';
import type { PostgresDriver, PostgresSession, QueryAnswer } from '../postgres/driver.js';
import type { PostgresDatabase } from '../postgres/sink.js';
import { claimDirectory, releaseDirectory } from './owner-file.js';
import { PgliteSession, type Pglite } from './session.js';

/** What is used of the class `PGlite`. */
export interface PgliteClass {
  create(
    directory: string | undefined,
    options: { readonly postgresqlconf: string[] },
  ): Promise<Pglite>;
}

/** Options of a `PgliteDatabase`. */
export interface PgliteDatabaseOptions {
  /** The class of `@electric-sql/pglite`. */
  readonly PGlite: PgliteClass;
  /** Where the data is kept; without it in memory. Its parent must exist. */
  readonly directory?: string;
  readonly fileSystem?: FileSystem;
  readonly processes?: Processes;
  readonly random?: Random;
}

type DirectoryPorts = Required<Pick<PgliteDatabaseOptions, 'fileSystem' | 'processes' | 'random'>>;

const optionTable = {
  PGlite: custom(),
  directory: path(),
  fileSystem: custom(undefined, nodeFileSystem),
  processes: custom(undefined, systemProcesses),
  random: contract(['next', 'bytes'], systemRandom),
} satisfies OptionTable<PgliteDatabaseOptions>;

/**
 * An embedded database. It is started by the first use (which takes some seconds), after this
 * process has claimed the directory: PGlite itself does not refuse a second process. All sinks and
 * sources of a process share one object.
 *
 * A transaction that was prepared survives the end of the process, not a loss of power: PGlite does
 * not sync its files.
 */
export class PgliteDatabase implements PostgresDatabase {
  readonly driver: PostgresDriver;
  readonly #options: PgliteDatabaseOptions & DirectoryPorts;
  readonly #mutex = new Mutex();
  #starting: Promise<Pglite> | undefined;

  constructor(options: PgliteDatabaseOptions) {
    const completed = completeOptions('a PgliteDatabase', options, optionTable);
    const { directory, PGlite } = completed;
    // Callers without types give undefined when the optional package is not there.
    if (typeof (PGlite as Partial<PgliteClass> | undefined)?.create !== 'function') {
      throw new TidegateError(
        'TIDEGATE_POSTGRES_OPTIONS',
        'PGlite is not the class of @electric-sql/pglite: npm install @electric-sql/pglite, then ' +
          "import { PGlite } from '@electric-sql/pglite'",
      );
    }
    this.#options =
      directory === undefined ? completed : { ...completed, directory: resolve(directory) };
    this.driver = { sessions: 'one', connect: (call) => this.#connect(call) };
  }

  /** A statement of the user's own, between the transactions of the sinks. */
  async query(text: string, values: readonly unknown[] = []): Promise<QueryAnswer['rows']> {
    const session = await this.#connect({ signal: new AbortController().signal });
    try {
      const { rows } = await session.query(text, values);
      session.release();
      return rows;
    } catch (error) {
      session.destroy();
      throw error;
    }
  }

  /** Several statements at once, without parameters and without answers. */
  async run(statements: string): Promise<void> {
    const pglite = await this.#start();
    await this.#mutex.runExclusive(() => pglite.exec(statements));
  }

  /** Closes the database and lets another process open the directory. */
  async close(): Promise<void> {
    const starting = this.#starting;
    if (starting === undefined) return;
    this.#starting = undefined;
    const pglite = await starting;
    await this.#mutex.runExclusive(() => pglite.close());
    const { directory } = this.#options;
    if (directory !== undefined) await releaseDirectory(this.#options, directory);
  }

  async #connect({ signal }: CallOptions): Promise<PostgresSession> {
    // The start is not aborted: the next caller uses it.
    const pglite = await orAborted(this.#start(), signal);
    return new Promise((onSession, onFailure) => {
      const turn = this.#mutex.runExclusive(async () => {
        signal.throwIfAborted();
        const session = new PgliteSession(pglite, signal);
        onSession(session);
        await session.ended;
      }, signal);
      turn.catch(onFailure);
    });
  }

  #start(): Promise<Pglite> {
    this.#starting ??= this.#claimAndCreate().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  async #claimAndCreate(): Promise<Pglite> {
    const { PGlite, directory } = this.#options;
    if (directory !== undefined) await claimDirectory(this.#options, directory);
    try {
      return await PGlite.create(directory, {
        postgresqlconf: [`max_prepared_transactions=${maxPreparedTransactions}`],
      });
    } catch (error) {
      if (directory !== undefined) await releaseDirectory(this.#options, directory);
      throw error;
    }
  }
}

const maxPreparedTransactions = 64;
