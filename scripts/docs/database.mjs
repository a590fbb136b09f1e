// An embedded PostgreSQL for the statements that pages show: each is run, none may fail.

import { PGlite } from '@electric-sql/pglite';

export class Database {
  #server;

  /** @returns {Promise<string[]>} Messages of the server, none when the statements are good. */
  async check(text) {
    if (/^-- Sketch: \S/.test(text)) return [];
    this.#server ??= await start();
    try {
      await this.#server.exec(text);
      return [];
    } catch (error) {
      return [`the server refuses it: ${error.message}`];
    }
  }

  async close() {
    await this.#server?.close();
  }
}

/** With room for prepared transactions. */
async function start() {
  const server = await PGlite.create({ postgresqlconf: ['max_prepared_transactions=64'] });
  return server;
}
