// Known ways to break how the PostgreSQL connectors open, keep and recognise a server.

export const tests = [
  'test/connectors/postgres-opening',
  'test/connectors/postgres-position',
  'test/connectors/postgres-lost-connections',
];

const driver = 'src/connectors/postgres/pg-driver.ts';
const room = 'src/connectors/postgres/shared-room.ts';

export const mutations = [
  {
    what: 'nobody listens to a client between the pool and the session',
    file: driver,
    find: "  acquiring.on('acquire', guardClient);\n",
    replace: '  void acquiring;\n',
  },
  {
    what: 'nobody listens to a pool whose connections lie idle',
    file: driver,
    find: "  pool.on('error', ignore);\n",
    replace: '  void ignore;\n',
  },
  {
    what: 'a lost connection is reported without what the server said',
    file: driver,
    find: 'throw lostConnections.get(this.#client) ?? error;',
    replace: 'throw error;',
  },
  {
    what: 'a pool too small for its sinks is accepted',
    file: room,
    find: 'if (needed <= max) return leave;',
    replace: 'if (needed > 0) return leave;',
  },
  {
    what: 'a server with too few places for prepared transactions is accepted',
    file: room,
    find: 'if (needed <= server.maxPrepared) return leave;',
    replace: 'if (needed > 0) return leave;',
  },
  {
    what: 'row-level security may hide markers',
    file: 'src/connectors/postgres/marker-rights.ts',
    find: "if (typeof facts.hidden !== 'string') return;",
    replace: 'if (facts !== undefined) return;',
  },
  {
    what: 'triggers that no prepared transaction may have are found at the first commit',
    file: 'src/connectors/postgres/unpreparable.ts',
    find: 'if (word !== undefined) return word;',
    replace: "if (word === '') return word;",
  },
  {
    what: 'the statement of a sink is first run for its first record',
    file: 'src/connectors/postgres/opening.ts',
    find: '  await rehearse(session, tableBuffer(table));\n',
    replace: '  void rehearse;\n',
  },
  {
    what: 'what another role has prepared is found at its commit',
    file: 'src/connectors/postgres/prepared-transactions.ts',
    find: 'if (foreign === undefined) return;',
    replace: 'if (rows.length >= 0) return;',
  },
  {
    what: 'a position of another server is read on from',
    file: 'src/connectors/postgres/place.ts',
    find: 'if (saved.system !== undefined && saved.system !== found.system) {',
    replace: "if (saved.system === '') {",
  },
  {
    what: 'a position of another table is read on from',
    file: 'src/connectors/postgres/place.ts',
    find: 'if (saved.table !== found.table) {',
    replace: "if (saved.table === '') {",
  },
  {
    what: 'a server that was restored is told by its transaction numbers only',
    file: 'src/connectors/postgres/table-reader.ts',
    find: 'if (saysTheSame(place.row, digestOfRow(witness, described)) !== false) return undefined;',
    replace: 'if (witness !== undefined) return undefined;',
  },
  {
    what: 'a source that reads on passes over a change of its server',
    file: 'src/connectors/postgres/table-reader.ts',
    find: 'if (from !== undefined) await this.#checkPlace(session, { described, origin }, from);',
    replace: 'void origin;',
  },
];
