// Known ways to break the Kafka sink: records are lost or doubled, or a guess is taken for an answer.

export const tests = ['test/connectors/kafka/kafka-sink'];

const kafka = (what, file, find, replace) => ({
  what,
  file: `src/connectors/kafka/${file}`,
  find,
  replace,
});

export const mutations = [
  kafka(
    'older producers are not fenced',
    'sink.ts',
    'await whenEnded(names, options, () => producer.init(options));',
    'await producer.begin();',
  ),
  kafka(
    'the markers are read before the fence only',
    'sink.ts',
    'const { newest: found } = await readMarkers(kafka, admin, markerTopic, options);',
    'const { newest: found } = before;',
  ),
  kafka(
    'an overtaken owner fences the newer one',
    'sink.ts',
    'checkMarker(before.newest, owner, this.#opening);',
    '',
  ),
  kafka(
    'a generation is remembered with its first epoch only',
    'sink.ts',
    'await this.#claim(producer, names, marker, options);',
    '',
  ),
  kafka(
    'the marker is behind the commit',
    'sink-session.ts',
    'await whenEnded(this.#opened, options, () => one.send([message], options));',
    '',
  ),
  kafka(
    'the marker has a transaction of its own',
    'sink-session.ts',
    'await whenEnded(this.#opened, options, () => one.send([message], options));',
    `const apart = await this.#opened.producer.begin();
      await apart.send([message], options);
      await apart.commit(options);`,
  ),
  kafka(
    'an end that was not answered counts as committed',
    'sink-session.ts',
    'throw this.#fail(this.#unclear, doing);',
    "this.#unclear = undefined;\n      this.#marker = held.marker;\n      return 'applied';",
  ),
  kafka(
    'an end that was not answered counts as absent',
    'sink-session.ts',
    'throw this.#fail(this.#unclear, doing);',
    "return 'absent';",
  ),
  kafka(
    'after an end that was not answered the session answers from memory',
    'sink-session.ts',
    'throw this.#fail(this.#unclear, doing);',
    'const failure = this.#unclear;\n      this.#unclear = undefined;\n      throw failure;',
  ),
  kafka(
    'records behind a held epoch go into its transaction',
    'sink-session.ts',
    'if (this.#held === undefined) {\n        await this.#send',
    'if (this.#waitingBytes > 0) {\n        await this.#send',
  ),
  kafka('a failed send leaves no hole', 'sink-session.ts', 'this.#failure ??= failure;', ''),
  kafka(
    'a closed session leaves its transaction open',
    'sink-session.ts',
    'await withDeadline(bound, (signal) => left.abort({ signal }));',
    '',
  ),
  kafka(
    'a roll back keeps what was sent',
    'sink-session.ts',
    "await this.#doing('rolling back', () => held.transaction.abort(options));",
    "await this.#doing('rolling back', () => held.transaction.commit(options));",
  ),
  kafka(
    'the markers of another store are taken over',
    'markers.ts',
    'if (state.storeId !== storeId) {',
    'if (state.storeId === undefined) {',
  ),
  kafka(
    'markers of earlier epochs are forgotten',
    'markers.ts',
    'const committed = IdRanges.of(state.committed.ranges);',
    'const committed = new IdRanges();',
  ),
  kafka(
    'reading the markers ends before their end',
    'markers.ts',
    'if (read.nextOffset >= high) return',
    'if (read.nextOffset > 0n) return',
  ),
  kafka(
    'who only looks takes an open transaction for nothing',
    'sink.ts',
    "if (read.isWhole) return 'absent';",
    "if (read.isWhole || id > 0) return 'absent';",
  ),
  kafka(
    'a marker topic that deletes is taken',
    'markers.ts',
    "if (policy !== undefined && policy !== 'compact') {",
    "if (policy === 'none') {",
  ),
  kafka(
    'a fence of the brokers stops the pipeline for good',
    'sink-errors.ts',
    "const kind = thrown.kind === 'fenced' ? 'unknown-outcome' : thrown.kind;",
    'const { kind } = thrown;',
  ),
  kafka(
    'a transaction that is not over is a failure',
    'sink-errors.ts',
    "const isEnding = isKafkaFailure(error) && error.kind === 'concurrent-transactions';",
    'const isEnding = false;',
  ),
  kafka(
    'all records that wait are one batch',
    'sink-topics.ts',
    'if (isFull && batch.length > 0) {',
    'if (isFull && batch.length < 0) {',
  ),
  kafka(
    'sizes of records are looked at by the broker, at the commit',
    'sink-topics.ts',
    'return bytes + batchHeaderBytes <= (limits.maxBatchBytes ?? Infinity);',
    'return bytes >= 0;',
  ),
  kafka(
    'topics of staged records are looked at by the broker, at the commit',
    'output-form.ts',
    'await topics.check(asked, call);',
    'await Promise.resolve(call);',
  ),
  kafka(
    'a limit is looked at once and for all',
    'sink-topics.ts',
    'const open = [...byTopic].filter(([topic, need]) => !fits(this.#known.get(topic), need));',
    'const open = [...byTopic].filter(([topic]) => !this.#known.has(topic));',
  ),
  kafka(
    'the tail without a marker is taken for a topic without one',
    'markers.ts',
    'if (read.newest !== undefined) return read;',
    'return read;',
  ),
  kafka(
    'an overtaken owner answers from memory',
    'sink-session.ts',
    'if (!this.#hasSent) checkMarker(',
    'if (this.#hasSent) checkMarker(',
  ),
];
