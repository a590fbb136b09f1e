// Known ways to break the PostgreSQL and write-ahead sinks: each is a mistake that somebody made or could make.

export const tests = [
  'test/connectors/postgres-server',
  'test/connectors/postgres-class-changed',
  'test/connectors/postgres-embedded',
  'test/connectors/write-ahead',
  'test/connectors/many-generations',
];

const ended = 'src/connectors/postgres/prepared-transactions.ts';
const fence = 'src/connectors/postgres/fence.ts';
const catalog = 'src/connectors/postgres/catalog.ts';

export const mutations = [
  {
    what: 'an embedded directory that a running process has open is opened a second time',
    file: 'src/connectors/pglite/owner-file.ts',
    find: "  if (liveness === 'gone') return;",
    replace: "  if (liveness !== 'unknown') return;",
  },
  {
    what: '"not found" is taken for committed',
    file: ended,
    find: "return (await catalog.isMarked(session, owner, id)) ? 'already-applied' : 'absent';",
    replace: "return 'already-applied';",
  },
  {
    what: '"not found" is taken for rolled back',
    file: ended,
    find: "outcomes.set(handle, isMarked ? 'committed' : 'absent');",
    replace: "outcomes.set(handle, 'rolled-back');",
  },
  {
    what: 'the marker is written outside the transaction of the data',
    file: 'src/connectors/postgres/epoch-transaction.ts',
    find: 'const first = [this.#markStatement(request)];',
    replace: `const other = await this.#context.driver.connect({ signal: this.#life.signal });
    await other.commands([this.#markStatement(request)]);
    other.release();
    const first: string[] = [];`,
  },
  {
    what: 'the fence is skipped: nobody looks at the generation',
    file: fence,
    find: 'if (remembered?.generation !== owner.generation) throw',
    replace: 'if (remembered === undefined) throw',
  },
  {
    what: 'older sessions are only ended, nobody waits for them',
    file: fence,
    find: '  await waitForHolders(session, owner);\n  // A newer',
    replace: '  // A newer',
  },
  {
    what: 'there is one highest marker instead of one per checkpoint',
    file: catalog,
    find: 'pipeline = $1 AND sink = $2 AND checkpoint_id = $3::bigint AND store_id = $4',
    replace: 'pipeline = $1 AND sink = $2 AND checkpoint_id >= $3::bigint AND store_id = $4',
  },
  {
    what: 'a marker that may have been pruned counts as absent',
    file: catalog,
    find: 'if (owner === undefined || id >= owner.prunedBelow) return false;',
    replace: 'if (owner === undefined || id >= 0) return false;',
  },
  {
    what: 'a transaction that a user’s statement ended is prepared all the same',
    file: 'src/connectors/postgres/epoch-transaction.ts',
    find: 'if ((await transactionIdOf(session)) === this.#transactionId) return;',
    replace: 'if (this.#transactionId !== undefined) return;',
  },
  {
    what: 'a PREPARE or COMMIT that the server answers with ROLLBACK counts as done',
    file: 'src/connectors/postgres/session-use.ts',
    find: 'if (found === expected) return;',
    replace: "if (found !== '') return;",
  },
  {
    what: 'the connection is kept after the PREPARE',
    file: 'src/connectors/postgres/epoch-transaction.ts',
    find: '      session.release();\n      this.#session = undefined;',
    replace: '      this.#session = undefined;',
  },
  {
    what: 'the COPY of an epoch is bound like a statement',
    file: 'src/connectors/postgres/epoch-transaction.ts',
    find: "    'SET LOCAL statement_timeout = 0',\n",
    replace: '',
  },
  {
    what: 'a second store is let in',
    file: fence,
    find: 'if (remembered === undefined || remembered.storeId === storeId) return;',
    replace: 'if (remembered === undefined || storeId !== remembered.storeId.repeat(2)) return;',
  },
  {
    what: 'an epoch with a failed write can be prepared',
    file: 'src/connectors/postgres/open-epoch.ts',
    find: `    this.#transaction?.discard();
    this.#failure = toTrouble(`,
    replace: `    this.#transaction?.discard();
    this.#transaction = undefined;
    return toTrouble(`,
  },
  {
    what: 'a lost answer to COMMIT is asked about before the server has ended',
    file: 'src/connectors/postgres/session.ts',
    find: "return (await catalog.isMarked(one, owner, id)) ? 'already-applied' : 'absent';",
    replace: "return this.#held === undefined ? 'absent' : 'already-applied';",
  },
  {
    what: 'a message quotes the value that did not fit',
    file: 'src/connectors/postgres/trouble.ts',
    find: 'if (isAboutRows(state)) return',
    replace: 'if (isAboutRows(state) && state === "") return',
  },
  {
    what: 'a write-ahead owner leaves the older directory where it was',
    file: 'src/connectors/write-ahead/opening.ts',
    find: 'if (older === undefined || older >= owner.generation) continue;',
    replace: 'if (older === undefined || older >= 0) continue;',
  },
  {
    what: 'a last-resource sink leaves prepared what it was as a durable one',
    file: 'src/connectors/postgres/session.ts',
    find: '    if (left.every(({ handle }) => keep.includes(handle))) return outcomes;',
    replace: '    if (left.length >= 0) return outcomes;',
  },
  {
    what: 'a last-resource sink does not commit what it prepared as a durable one',
    file: 'src/connectors/postgres/session.ts',
    find: 'if (!left.some((one) => one.handle === handle)) return',
    replace: 'return',
  },
  {
    what: 'an upsert sink leaves prepared what it was as a durable one',
    file: 'src/connectors/postgres/upsert-session.ts',
    find: '      await this.#discardPrepared();\n',
    replace: '',
  },
  {
    what: 'a write-ahead sink does not see what the sink behind it has prepared unwrapped',
    file: 'src/connectors/write-ahead/inspector.ts',
    find: '    return left.find(({ checkpointId }) => checkpointId === id);',
    replace: '    return left.find(({ checkpointId }) => checkpointId === id && id < 0);',
  },
  {
    what: 'two openings of one number share a write-ahead staging directory',
    file: 'src/connectors/write-ahead/layout.ts',
    find: '`${padded(generation, 9)}-${nonce}`',
    replace: '`${padded(generation, 9)}${nonce.slice(16)}`',
  },
  {
    what: 'a write-ahead owner removes its own entry with those of older ones',
    file: 'src/connectors/write-ahead/opening.ts',
    find: '(generationOfOwner(name) ?? Infinity) < owner.generation',
    replace: '(generationOfOwner(name) ?? Infinity) <= owner.generation',
  },
  {
    what: 'an overtaken write-ahead owner commits',
    file: 'src/connectors/write-ahead/session.ts',
    find: '      await this.#requireCurrent();\n      try {',
    replace: '      try {',
  },
  {
    what: 'a marker that a ledger forgot is read as absent',
    file: 'src/connectors/staging/marker-files.ts',
    find: '  if (id >= prunedBelow) return false;\n',
    replace: '  if (id >= 0) return false;\n',
  },
  {
    what: 'a write-ahead owner does not make durable what an older one has marked',
    file: 'src/connectors/write-ahead/opening.ts',
    find: '[own, layout.staging, layout.committed, layout.directory]',
    replace: '[own, layout.staging, layout.directory]',
  },
  {
    what: 'a write-ahead owner does not look at the identity again under its fence',
    file: 'src/connectors/staging/opening.ts',
    find: '  checkIdentity(ports, identity, owner);\n',
    replace: '  void identity;\n',
  },
  {
    what: 'a staged file is not synced',
    file: 'src/connectors/staging/staged-output.ts',
    find: '      await file.sync();\n',
    replace: '',
  },
  {
    what: 'a staged file is not verified',
    file: 'src/connectors/write-ahead/staged-file.ts',
    find: 'if (trailer?.records === records && trailer.sha256 === sha256) return trailer;',
    replace: 'if (trailer !== undefined) return trailer;',
  },
  {
    what: 'a damaged staged file is marked as committed before it is verified',
    file: 'src/connectors/write-ahead/session.ts',
    find: '      // Before the commit point:',
    replace: '      if (!isMarked) await applier.mark?.(id);\n      // Before the commit point:',
  },
  {
    what: 'a half written epoch is written again',
    file: 'src/connectors/write-ahead/applier.ts',
    find: '      isHalfWritten = true;\n',
    replace: '',
  },
];
