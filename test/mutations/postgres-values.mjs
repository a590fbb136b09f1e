// Known ways to lose or change a record on its way from and to PostgreSQL.

export const tests = [
  'test/connectors/postgres-rows',
  'test/connectors/postgres-values',
  'test/connectors/postgres-keys',
  'test/connectors/postgres-json',
];

const rows = 'src/connectors/postgres/row-texts.ts';
const table = 'src/connectors/postgres/table.ts';
const reading = 'src/connectors/postgres/read-values.ts';
const json = 'src/connectors/postgres/json-text.ts';

export const mutations = [
  {
    what: 'a property that no column has is dropped',
    file: rows,
    find: 'const stray = own.find((property) => !this.#known.has(property));',
    replace: 'const stray = own.find((property) => this.#known.size < 0 && property);',
  },
  {
    what: 'a record that is no plain object becomes a row of NULLs',
    file: rows,
    find: 'if (!isPlainObject(record)) {',
    replace: "if (typeof record !== 'object' || record === null) {",
  },
  {
    what: 'what a record inherits is written',
    file: rows,
    find: 'Object.hasOwn(record, column.name) ? record[column.name] : undefined',
    replace: 'record[column.name]',
  },
  {
    what: 'a key that is NULL is written, and again after a crash',
    file: table,
    find: 'if (key?.columns.includes(column) === true && !key.areNullsEqual) {',
    replace: 'if (key?.columns.includes(column) === true && key.areNullsEqual) {',
  },
  {
    what: 'a trigger may make a key NULL',
    file: table,
    find: 'if (nullable === undefined || key.areNullsEqual) return;',
    replace: 'if (nullable === undefined || key.columns.length > 0) return;',
  },
  {
    what: 'an index that takes two keys for one is one to replace rows by',
    file: 'src/connectors/postgres/unique-keys.ts',
    find: 'valid.filter(({ hasOtherCollation }) => !hasOtherCollation)',
    replace: 'valid.filter(({ isValid }) => isValid)',
  },
  {
    what: 'a record is staged before the server has read its values',
    file: 'src/connectors/write-ahead/record-lines.ts',
    find: '    await form.check?.(checked, before, options);\n',
    replace: '',
  },
  {
    what: 'a codec of the user hides a record from the check',
    file: 'src/connectors/write-ahead/record-lines.ts',
    find: 'if (form === undefined || records.length === 0) return linesOf(this.codec);',
    replace: "if (form === undefined || this.codec.name === 'custom') return linesOf(this.codec);",
  },
  {
    what: 'the zone of the session is in what is read',
    file: reading,
    find: '  "SET LOCAL timezone = \'UTC\'",\n',
    replace: '',
  },
  {
    what: 'the session rounds what is read',
    file: reading,
    find: "  'SET LOCAL extra_float_digits = 1',\n",
    replace: '',
  },
  {
    what: 'the style of dates is the session’s',
    file: reading,
    find: '  "SET LOCAL datestyle = \'ISO, YMD\'",\n',
    replace: '',
  },
  {
    what: 'a table that was altered is read as it was',
    file: 'src/connectors/postgres/table-reader.ts',
    find: 'if (shape !== described.shape) this.#described = undefined;',
    replace: "if (shape === '') this.#described = undefined;",
  },
  {
    what: 'keys that only the index tells apart are read in pages',
    file: 'src/connectors/postgres/source-table.ts',
    find: '\n             OR (o.oid IS NOT NULL AND i.indcollation[position - 1] <> o.oid)',
    replace: '',
  },
  {
    what: 'a number of jsonb becomes the nearest double',
    file: json,
    find: '  return String(Number(text)) === text;\n',
    replace: '  return text.length < 1_000;\n',
  },
  {
    what: 'the JSON null becomes NULL',
    file: json,
    find: "  if (text.trim() === 'null') return new JsonText(text);\n",
    replace: '',
  },
  {
    what: 'the sign of zero is lost',
    file: 'src/connectors/postgres/values.ts',
    find: "return Object.is(value, -0) ? '-0' : String(value);",
    replace: 'return String(value);',
  },
  {
    what: 'a Date of another zone’s midnight becomes the day before',
    file: 'src/connectors/postgres/date-text.ts',
    find: "  if (type === 'date' && clock !== '00:00:00.000') return undefined;\n",
    replace: '',
  },
];
