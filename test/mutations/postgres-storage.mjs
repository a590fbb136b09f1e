// Known ways to break objects in tables: conditions, uploads, durability.

export const tests = ['test/connectors/postgres-storage'];

const storage = (what, find, replace, file = 'storage') => ({
  what,
  file: `src/connectors/postgres/${file}.ts`,
  find,
  replace,
});

export const mutations = [
  storage('an object is replaced whatever its tag is', ' AND etag = $6`', ' AND $6 IS NOT NULL`'),
  storage(
    'an object that is there is created again',
    'ON CONFLICT (place, key) DO NOTHING`',
    'ON CONFLICT (place, key) DO UPDATE SET ${update}, upload = NULL`',
  ),
  storage(
    'a commit does not wait for the disk',
    "set_config('synchronous_commit', 'on', true)",
    "current_setting('synchronous_commit')",
  ),
  storage(
    'a condition that did not hold is no failure',
    "if (rows.length === 0) {\n      throw new ObjectStorageFailure('condition-failed'",
    "if (rows.length > 1) {\n      throw new ObjectStorageFailure('condition-failed'",
  ),
  storage('a part with another tag is taken', ' AND named.etag = p.etag', ''),
  storage(
    'parts of an object that was replaced stay',
    'WHERE u.place = $1 AND u.key = put.key AND u.is_complete)',
    'WHERE false)',
  ),
  storage(
    'a write whose connection the server ended is taken for one without effect',
    'if (/^(08|57P|58|XX)/.test(state)) return lost;',
    '',
    'storage-tables',
  ),
];
