// Known ways to break the Kafka source: records are skipped, doubled, or of another topic, and nothing says so.

export const tests = ['source.test', 'kafkajs-fetched', 'each-batch'].map(
  (name) => `test/connectors/kafka/${name}`,
);

const kafka = (what, file, find, replace) => ({
  what,
  file: `src/connectors/kafka/${file}`,
  find,
  replace,
});

export const mutations = [
  kafka(
    'aborted transactions are taken in the order in which they ended',
    'kafkajs-fetched.ts',
    '.sort((one, other) => (one.firstOffset < other.firstOffset ? -1 : 1))',
    '',
  ),
  kafka(
    'one aborted transaction begins with each record at most',
    'kafkajs-fetched.ts',
    'aborted.add(transaction.producerId);',
    'aborted.add(transaction.producerId);\n      begun += 1;\n      break;',
  ),
  kafka(
    'a record with the key of a marker ends an aborted transaction',
    'kafkajs-fetched.ts',
    'if (message.isControlRecord === true) {',
    'if (message.isControlRecord === true || message.key?.length === 4) {',
  ),
  kafka(
    'records before the offset asked for are handed out',
    'kafkajs-fetched.ts',
    'at >= offset && !isAborted(message, aborted)',
    '!isAborted(message, aborted)',
  ),
  kafka(
    'a batch ends with the last record that compaction has left',
    'kafkajs-fetched.ts',
    'return (last > at ? last : at) + 1n;',
    'return at + 1n;',
  ),
  kafka(
    'a position below the start of the log begins there in silence',
    'source-checks.ts',
    'if (next < low) {',
    'if (next < 0n) {',
  ),
  kafka(
    'a position above the end is waited for',
    'source-checks.ts',
    'if (next > high) {',
    'if (next < 0n) {',
  ),
  kafka(
    'offsets of another cluster are read on',
    'source-checks.ts',
    'if (isKnown && clusterId !== now.clusterId) {',
    'if (isKnown && clusterId === undefined) {',
  ),
  kafka(
    'offsets of another topic are read on',
    'source-position.ts',
    'if (saved !== topic) throw otherTopic(topic, saved);',
    '',
  ),
  kafka(
    'a topic that was made anew is not known by its records',
    'source-verification.ts',
    'digestOf(again) !== last.digest',
    'digestOf(again) === undefined',
  ),
  kafka(
    'offsets behind a batch are those behind all that was fetched',
    'source-reading.ts',
    'next: isLast && behind > reached ? behind : reached,',
    'next: behind,',
  ),
  kafka(
    'bounded input ends where the topic ends now',
    'source-starts.ts',
    'if (hasEnds === isBounded) return saved;',
    'if (!isBounded) return saved;',
  ),
  kafka(
    'a consumer is not moved to the checkpoint when it joins',
    'each-batch.ts',
    'isJoined = true;\n    seekAll();',
    'isJoined = true;',
  ),
  kafka(
    'a batch that was dropped is taken for read',
    'each-batch.ts',
    "if (outcome === 'dropped') return;",
    '',
  ),
];
