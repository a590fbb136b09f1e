// Known ways to break the adapter for Confluent's client.

export const tests = ['test/connectors/kafka/confluent.test'];

const confluent = (what, file, find, replace) => ({
  what,
  file: `src/connectors/kafka/confluent-${file}.ts`,
  find,
  replace,
});

export const mutations = [
  confluent(
    'records fetched before a seek are handed out after it',
    'consumer',
    'if (this.#isStale || assigned !== undefined) continue;',
    'if (assigned !== undefined) continue;',
  ),
  confluent(
    'what lies behind the last record is not counted',
    'consumer',
    'if (BigInt(offset) > known.next) known.next = BigInt(offset);',
    '',
  ),
  confluent(
    'records of aborted transactions are read',
    'consumer',
    "'isolation.level': 'read_committed'",
    "'isolation.level': 'read_uncommitted'",
  ),
  confluent(
    'a full queue loses the record',
    'producer',
    'if ((error as { code?: unknown }).code !== queueFull) throw error;',
    'if ((error as { code?: unknown }).code === queueFull) return;',
  ),
  confluent(
    'a record that was not delivered is taken for delivered',
    'producer',
    'await Promise.all(delivered);',
    'await Promise.allSettled(delivered);',
  ),
  confluent(
    'a commit whose answer was lost is taken for one without effect',
    'producer',
    "toConfluentFailure(error, what, 'unknown-outcome')",
    'toConfluentFailure(error, what)',
  ),
];
