// Known ways to break the manifest: each is a mistake that somebody made or could make.

export const tests = ['test/manifest'];

export const mutations = [
  {
    what: 'the checksum is computed but not compared',
    file: 'src/manifest/parse.ts',
    find: 'if (found === expected) return manifest;',
    replace: 'if (found !== undefined) return manifest;',
  },
  {
    what: 'our object without a checksum is accepted',
    file: 'src/manifest/parse.ts',
    find: 'if (found === expected) return manifest;',
    replace: 'if (found === expected || found === undefined) return manifest;',
  },
  {
    what: 'a damaged name of our object makes the manifest foreign',
    file: 'src/manifest/schema.ts',
    find: 'if (!(value instanceof Map) || !value.has(checksumField)) return;',
    replace: 'if (value !== undefined) return;',
  },
  {
    what: 'unknown members are dropped',
    file: 'src/manifest/json/struct.ts',
    find: 'if (unknown.size > 0) value.unknownFields = unknown;',
    replace: '',
  },
  {
    what: 'the last of two equal names wins',
    file: 'src/manifest/json/reader.ts',
    find: 'if (names.has(name)) this.failDuplicate(name, nameIndex);',
    replace: '',
  },
  {
    what: 'counters above 2^53-1 are rounded',
    file: 'src/manifest/json/integers.ts',
    find: 'if (value > within.exact) {',
    replace: 'if (value > within.most) {',
  },
  {
    what: 'minus zero is zero',
    file: 'src/manifest/json/integers.ts',
    find: "|| text === '-0'",
    replace: '',
  },
  {
    what: 'a lone surrogate in an escape is accepted',
    file: 'src/manifest/json/string-token.ts',
    find: 'if (!isHigh || low === undefined || low < 0xdc00 || low > 0xdfff) {',
    replace:
      'if (low === undefined) return { kind: "good", value: String.fromCharCode(unit), end: index + 6 };\n  if (low < 0xdc00 || low > 0xdfff) {',
  },
  {
    what: 'names are sorted by UTF-16 units',
    file: 'src/manifest/json/utf8.ts',
    find: 'if (a !== b) return codePointRank(a) - codePointRank(b);',
    replace: 'if (a !== b) return a - b;',
  },
  {
    what: 'base64 is as forgiving as Buffer',
    file: 'src/manifest/base64.ts',
    find: "if (bytes.toString('base64') === text)",
    replace: 'if (bytes.length > 0 || text.length === 0)',
  },
  {
    what: 'state of exactly the threshold goes to the sidecar',
    file: 'src/manifest/operator-state.ts',
    find: 'if (bytes.byteLength <= threshold) {',
    replace: 'if (bytes.byteLength < threshold) {',
  },
  {
    what: 'the state checksum may be lost when a manifest is saved again',
    file: 'src/manifest/update-rules.ts',
    find: 'previous.stateChecksum === next.stateChecksum,',
    replace: 'previous.stateChecksum === next.stateChecksum || true,',
  },
  {
    what: 'a committed sink may become pending again',
    file: 'src/manifest/update-rules.ts',
    find: 'rank[next.kind] >= rank[previous.kind];',
    replace: 'rank[next.kind] >= 0;',
  },
  {
    what: 'rolled back may be taken back',
    file: 'src/manifest/update-rules.ts',
    find: 'if (mark === undefined) return true;',
    replace: 'if (mark !== null) return true;',
  },
  {
    what: 'nesting has no limit',
    file: 'src/manifest/json/reader.ts',
    find: 'if (this.#path.length >= maxDepth) {',
    replace: 'if (this.#path.length >= Number.MAX_SAFE_INTEGER) {',
  },
  {
    what: 'a byte order mark is skipped',
    file: 'src/manifest/json/input.ts',
    find: 'if (text.charCodeAt(0) === byteOrderMark) {',
    replace: 'if (text.charCodeAt(0) === byteOrderMark && text.length < 0) {',
  },
];
