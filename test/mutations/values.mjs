// Known ways in which a value changes on its way into text, without a word.

export const tests = [
  'test/exact-json',
  'test/typed-json',
  'test/connectors/write-ahead-values',
  'test/connectors/files/file-sink-values',
];

export const mutations = [
  {
    what: 'NaN is written as null',
    file: 'src/exact-json.ts',
    find: 'return Number.isFinite(value) ? undefined : lost(`is ${value}`);',
    replace: 'return undefined;',
  },
  {
    what: 'an instance of a class is written as what toJSON says',
    file: 'src/exact-json.ts',
    find: 'if (!isPlain(value, 2)) return lost(`is an instance of ${nameOf(value)}`);',
    replace: '',
  },
  {
    what: 'an element that is undefined is written as null',
    file: 'src/exact-json.ts',
    find: "return lost('is undefined');",
    replace: 'return undefined;',
  },
  {
    what: 'the sign of -0 is lost',
    file: 'src/exact-json.ts',
    find: 'text: walk.hasMinusZero ? print(value) : JSON.stringify(value)',
    replace: 'text: JSON.stringify(value)',
  },
  {
    what: 'the file sink writes what JSON makes of a record',
    file: 'src/connectors/record-json.ts',
    find: 'const json = exactJson(record);',
    replace: "const json = { kind: 'text', text: JSON.stringify(record), loss: '' } as const;",
  },
  {
    what: 'text with half of a surrogate pair is written with another character',
    file: 'src/connectors/staging/staged-output.ts',
    find: 'if (value.isWellFormed()) return value;',
    replace: "if (value !== '') return value;",
  },
  {
    what: 'write-ahead stages what JSON makes of a record',
    file: 'src/connectors/write-ahead/codec.ts',
    find: "if (json.kind === 'text') return json.text;",
    replace: 'if (json !== undefined) return JSON.stringify(record);',
  },
  {
    what: 'what one codec has staged is read with another',
    file: 'src/connectors/write-ahead/codec.ts',
    find: 'const found = [...known, exact].find((codec) => codec.name === wanted);',
    replace: 'const found = known[0];',
  },
  {
    what: 'an object with the name of the tag is read as a value',
    file: 'src/typed-json.ts',
    find: "return Object.hasOwn(value, tag) ? tagged('object', typed) : typed;",
    replace: 'return typed;',
  },
];
