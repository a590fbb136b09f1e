// What a document that cannot be read is reported by: place, path, what was expected and what was found.

import { describe, expect, test } from '@jest/globals';
import { ManifestError, createManifest, parseManifest, serializeManifest } from 'tidegate/manifest';

/** Stands for … in the documents below. */
const head = '{"version":1,"checkpoint_id":1,"epoch":1,"timestamp_ms":1000';

/** Stand for <u16> and the like in the messages below. */
const ranges = {
  u16: 'an integer from 0 to 65535 (u16)',
  u32: 'an integer from 0 to 4294967295 (u32)',
  u64: 'an integer from 0 to 18446744073709551615 (u64)',
  i64: 'an integer from -9223372036854775808 to 9223372036854775807 (i64)',
};

/** A document, with escapes for what does not fit in a line, and below it its code and message. */
const refusals: readonly [string, string][] = [
  [
    'a document that is none',
    String.raw`
    []
      TYPE, line 1, column 1: expected a manifest object, found [
    "x"
      TYPE, line 1, column 1: expected a manifest object, found "x"
    {
      SYNTAX, line 1, column 2: expected a name in double quotes, found the end of the document
    {,
      SYNTAX, line 1, column 2: expected a name in double quotes, found ,
    {"version"
      SYNTAX, line 1, column 11: expected ":", found the end of the document
    {"version":
      SYNTAX, line 1, column 12, at version: expected <u32>, found the end of the document
    {"version" 1
      SYNTAX, line 1, column 12: expected ":", found 1
    {"version":1
      SYNTAX, line 1, column 13: expected "," or "}", found the end of the document
    {"version":1 "epoch"
      SYNTAX, line 1, column 14: expected "," or "}", found "epoch"
    {"version":1,}
      SYNTAX, line 1, column 14: expected a name in double quotes, found }
    {'version':1}
      SYNTAX, line 1, column 2: expected a name in double quotes, found '
    {version:1}
      SYNTAX, line 1, column 2: expected a name in double quotes, found version
    …}x
      SYNTAX, line 1, column 62: expected the end of the document, found x
    …} {}
      SYNTAX, line 1, column 63: expected the end of the document, found {
    …}\n}
      SYNTAX, line 2, column 1: expected the end of the document, found }
    …,"x":}
      SYNTAX, line 1, column 66, at x: expected a JSON value, found }
    …,"x":tru}
      SYNTAX, line 1, column 66, at x: expected a JSON value, found tru
    …,"x":[1,2}
      SYNTAX, line 1, column 70, at x: expected "," or "]", found }
    …,"x":[}
      SYNTAX, line 1, column 67, at x[0]: expected a JSON value, found }
    …,"x":{"a":[{"b":01}]}}
      SYNTAX, line 1, column 77, at x.a[0].b: expected a JSON number, found 01
    …,"x":😀}
      SYNTAX, line 1, column 66, at x: expected a JSON value, found 😀
    …\n,\n"é":tru}
      SYNTAX, line 3, column 6, at ["é"]: expected a JSON value, found tru
    …\r\n,"a":"\\n","é":tru}
      SYNTAX, line 2, column 16, at ["é"]: expected a JSON value, found tru
  `,
  ],
  [
    'a number',
    String.raw`
    {"version":true}
      TYPE, line 1, column 12, at version: expected <u32>, found true
    {"version":null}
      TYPE, line 1, column 12, at version: expected <u32>, found null
    {"version":"1"}
      TYPE, line 1, column 12, at version: expected <u32>, found "1"
    {"version":1.0}
      TYPE, line 1, column 12, at version: expected <u32>, found 1.0
    {"version":1e3}
      TYPE, line 1, column 12, at version: expected <u32>, found 1e3
    {"version":-0}
      TYPE, line 1, column 12, at version: expected <u32>, found -0
    {"version":-1}
      RANGE, line 1, column 12, at version: expected <u32>, found -1
    {"version":4294967296}
      RANGE, line 1, column 12, at version: expected <u32>, found 4294967296
    {"version":123456789012345678901}
      RANGE, line 1, column 12, at version: expected <u32>, found 123456789012345678901
    {"version":01}
      SYNTAX, line 1, column 12, at version: expected a JSON number, found 01
    {"version":00}
      SYNTAX, line 1, column 12, at version: expected a JSON number, found 00
    {"version":09}
      SYNTAX, line 1, column 12, at version: expected a JSON number, found 09
    {"version":+1}
      SYNTAX, line 1, column 12, at version: expected <u32>, found +1
    {"version":1x}
      SYNTAX, line 1, column 12, at version: expected a JSON number, found 1x
    {"version":1_}
      SYNTAX, line 1, column 12, at version: expected a JSON number, found 1_
    {"version":1-}
      SYNTAX, line 1, column 12, at version: expected a JSON number, found 1-
    {"version":1+}
      SYNTAX, line 1, column 12, at version: expected a JSON number, found 1+
    {"version":1.}
      SYNTAX, line 1, column 12, at version: expected a JSON number, found 1.
    {"version":1A}
      SYNTAX, line 1, column 12, at version: expected a JSON number, found 1A
    {"version":1Z}
      SYNTAX, line 1, column 12, at version: expected a JSON number, found 1Z
    {"version":1a}
      SYNTAX, line 1, column 12, at version: expected a JSON number, found 1a
    {"version":1z}
      SYNTAX, line 1, column 12, at version: expected a JSON number, found 1z
    {"version":1é}
      SYNTAX, line 1, column 13: expected "," or "}", found é
    {"version":1[}
      SYNTAX, line 1, column 13: expected "," or "}", found [
    {"version":1@}
      SYNTAX, line 1, column 13: expected "," or "}", found @
    {"version":1{}
      SYNTAX, line 1, column 13: expected "," or "}", found {
    {"version":1/}
      SYNTAX, line 1, column 13: expected "," or "}", found /
    {"version":1:}
      SYNTAX, line 1, column 13: expected "," or "}", found :
    {"version":.5}
      SYNTAX, line 1, column 12, at version: expected <u32>, found .5
    {"version":-}
      SYNTAX, line 1, column 12, at version: expected <u32>, found -
    {"version":NaN}
      SYNTAX, line 1, column 12, at version: expected <u32>, found NaN
    {"version":tru}
      SYNTAX, line 1, column 12, at version: expected <u32>, found tru
    {"version":xnull}
      SYNTAX, line 1, column 12, at version: expected <u32>, found xnull
    {"version":"abc
      TYPE, line 1, column 12, at version: expected <u32>, found "abc
    {"version":nullx}
      SYNTAX, line 1, column 12, at version: expected <u32>, found nullx
    {"version":{}}
      TYPE, line 1, column 12, at version: expected <u32>, found {
    {"version":[1]}
      TYPE, line 1, column 12, at version: expected <u32>, found [
    {"version":é}
      SYNTAX, line 1, column 12, at version: expected <u32>, found é
    …,"watermark":9223372036854775808}
      RANGE, line 1, column 74, at watermark: expected <i64>, found 9223372036854775808
    …,"watermark":-9223372036854775809}
      RANGE, line 1, column 74, at watermark: expected <i64>, found -9223372036854775809
    …,"watermark":"5"}
      TYPE, line 1, column 74, at watermark: expected <i64>, found "5"
    …,"watermark":-123456789012345678901}
      RANGE, line 1, column 74, at watermark: expected <i64>, found -123456789012345678901
    …,"pipeline_hash":-1}
      RANGE, line 1, column 78, at pipeline_hash: expected <u64>, found -1
    …,"pipeline_hash":18446744073709551616}
      RANGE, line 1, column 78, at pipeline_hash: expected <u64>, found 18446744073709551616
    …,"vnode_count":65536}
      RANGE, line 1, column 76, at vnode_count: expected <u16>, found 65536
    …,"vnode_count":1.5}
      TYPE, line 1, column 76, at vnode_count: expected <u16>, found 1.5
    …,"sink_epochs":{"a":9007199254740992}}
      COUNTER_TOO_LARGE, line 1, column 81, at sink_epochs.a: expected at most 9007199254740991 (2^53-1), found 9007199254740992
    …,"sink_epochs":{"a":18446744073709551616}}
      RANGE, line 1, column 81, at sink_epochs.a: expected <u64>, found 18446744073709551616
    …,"operator_states":{"o":{"external_length":-3}}}
      RANGE, line 1, column 104, at operator_states.o.external_length: expected <u64>, found -3
  `,
  ],
  [
    'text',
    String.raw`
    …,"state_checksum":1}
      TYPE, line 1, column 79, at state_checksum: expected a string, found 1
    …,"state_checksum":"abc
      SYNTAX, line 1, column 83, at state_checksum: expected a closing quote, found the end of the document
    …,"state_checksum":"a\tb"}
      SYNTAX, line 1, column 81, at state_checksum: expected it as an escape, found control character U+0009
    …,"state_checksum":"\u001f"}
      SYNTAX, line 1, column 80, at state_checksum: expected it as an escape, found control character U+001F
    …,"state_checksum":"\u0000"}
      SYNTAX, line 1, column 80, at state_checksum: expected it as an escape, found control character U+0000
    …,"state_checksum":"a\\x"}
      SYNTAX, line 1, column 81, at state_checksum: expected a JSON escape, found "\\x"
    …,"state_checksum":"a\\
      SYNTAX, line 1, column 81, at state_checksum: expected a complete escape, found the end of the document
    …,"state_checksum":"a\\u12"}
      SYNTAX, line 1, column 81, at state_checksum: expected a JSON escape, found "\u" without four hex digits
    …,"state_checksum":"a\\u12G4"}
      SYNTAX, line 1, column 81, at state_checksum: expected a JSON escape, found "\u" without four hex digits
    …,"state_checksum":"\\ud800"}
      ENCODING, line 1, column 80, at state_checksum: expected both, found half of a surrogate pair, U+D800
    …,"state_checksum":"\\ud800\\u0041"}
      ENCODING, line 1, column 80, at state_checksum: expected both, found half of a surrogate pair, U+D800
    …,"state_checksum":"\\udc00"}
      ENCODING, line 1, column 80, at state_checksum: expected both, found half of a surrogate pair, U+DC00
    …,"state_checksum":"\\uD800\\uE000"}
      ENCODING, line 1, column 80, at state_checksum: expected both, found half of a surrogate pair, U+D800
    …,"state_checksum":"\\uDBFF\\uDBFF"}
      ENCODING, line 1, column 80, at state_checksum: expected both, found half of a surrogate pair, U+DBFF
    …,"state_checksum":"\\uD800xuDC00"}
      ENCODING, line 1, column 80, at state_checksum: expected both, found half of a surrogate pair, U+D800
    …,"state_checksum":"\\uDFFF\\uDC00"}
      ENCODING, line 1, column 80, at state_checksum: expected both, found half of a surrogate pair, U+DFFF
  `,
  ],
  [
    'lists, objects and flags',
    String.raw`
    …,"sink_names":[1]}
      TYPE, line 1, column 76, at sink_names[0]: expected a string, found 1
    …,"sink_names":["a" "b"]}
      SYNTAX, line 1, column 80, at sink_names: expected "," or "]", found "b"
    …,"sink_names":["a",]}
      SYNTAX, line 1, column 80, at sink_names[1]: expected a string, found ]
    …,"sink_names":{}}
      TYPE, line 1, column 75, at sink_names: expected an array, found {
    …,"sink_names":null}
      TYPE, line 1, column 75, at sink_names: expected an array, found null
    …,"sink_names":["a"
      SYNTAX, line 1, column 79, at sink_names: expected "," or "]", found the end of the document
    …,"sink_epochs":[]}
      TYPE, line 1, column 76, at sink_epochs: expected an object, found [
    …,"sink_epochs":{"a":1,"a":2}}
      DUPLICATE_FIELD, line 1, column 83, at sink_epochs: expected each name once, found the name "a" a second time
    …,"sink_epochs":{"a b":{}}}
      TYPE, line 1, column 83, at sink_epochs["a b"]: expected <u64>, found {
    …,"sink_epochs":{"_b":{"c":1}}}
      TYPE, line 1, column 82, at sink_epochs._b: expected <u64>, found {
    …,"operator_states":{"o":{"external":1}}}
      TYPE, line 1, column 97, at operator_states.o.external: expected true or false, found 1
    …,"operator_states":{"o":{"external":"true"}}}
      TYPE, line 1, column 97, at operator_states.o.external: expected true or false, found "true"
    …,"operator_states":{"o":{"external":truest}}}
      SYNTAX, line 1, column 97, at operator_states.o.external: expected true or false, found truest
    …,"operator_states":{"o":[]}}
      TYPE, line 1, column 85, at operator_states.o: expected an operator checkpoint object, found [
    …,"source_offsets":{"s":{"epoch":1}}}
      MISSING_FIELD, line 1, column 84, at source_offsets.s: expected the field "offsets", found an object without it
    …,"source_offsets":{"s":{"offsets":{}}}}
      MISSING_FIELD, line 1, column 84, at source_offsets.s: expected the field "epoch", found an object without it
    …,"source_offsets":{"s":{"offsets":{"p":1},"epoch":1}}}
      TYPE, line 1, column 100, at source_offsets.s.offsets.p: expected a string, found 1
    …,"source_offsets":{"s":1}}
      TYPE, line 1, column 84, at source_offsets.s: expected a connector checkpoint object, found 1
    …,"tidegate":{}}
      MISSING_FIELD, line 1, column 73, at tidegate: expected the field "store_id", found an object without it
    …,"tidegate":1}
      TYPE, line 1, column 73, at tidegate: expected the object of tidegate, found 1
    …,"tidegate":{"store_id":"s","pipeline":"p","generation":1,"attempt":"a"}}
      MISSING_FIELD, line 1, column 73, at tidegate: expected the field "kind", found an object without it
    …,"tidegate":{"kind":1}}
      TYPE, line 1, column 81, at tidegate.kind: expected "checkpoint" or "savepoint", found 1
    …,"tidegate":{"kind":"x"}}
      TYPE, line 1, column 81, at tidegate.kind: expected "checkpoint" or "savepoint", found "x"
    …,"tidegate":{"rolled_back":1}}
      TYPE, line 1, column 88, at tidegate.rolled_back: expected an object with reason and generation, found 1
    …,"tidegate":{"decisions":[1]}}
      TYPE, line 1, column 87, at tidegate.decisions[0]: expected an object with sink, handle, action and reason, found 1
    …,"tidegate":{"decisions":[{"action":"undo"}]}}
      TYPE, line 1, column 97, at tidegate.decisions[0].action: expected "commit" or "rollback", found "undo"
    {"version":1}
      MISSING_FIELD, line 1, column 1: expected the field "checkpoint_id", found an object without it
    {"version":1,"checkpoint_id":1}
      MISSING_FIELD, line 1, column 1: expected the field "epoch", found an object without it
    {"version":1,"checkpoint_id":1,"epoch":1}
      MISSING_FIELD, line 1, column 1: expected the field "timestamp_ms", found an object without it
    {}
      MISSING_FIELD, line 1, column 1: expected the field "version", found an object without it
  `,
  ],
  [
    'a commit status',
    String.raw`
    …,"sink_commit_statuses":{"s":"Done"}}
      TYPE, line 1, column 90, at sink_commit_statuses.s: expected "Pending", "Committed" or {"Failed": "message"}, found "Done"
    …,"sink_commit_statuses":{"s":{"Failed":1}}}
      TYPE, line 1, column 100, at sink_commit_statuses.s.Failed: expected a string, found 1
    …,"sink_commit_statuses":{"s":{"Lost":"x"}}}
      TYPE, line 1, column 91, at sink_commit_statuses.s.Lost: expected "Pending", "Committed" or {"Failed": "message"}, found "Lost"
    …,"sink_commit_statuses":{"s":{}}}
      TYPE, line 1, column 90, at sink_commit_statuses.s: expected "Pending", "Committed" or {"Failed": "message"}, found an empty object
    …,"sink_commit_statuses":{"s":{"Failed":"x","Failed":"y"}}}
      DUPLICATE_FIELD, line 1, column 104, at sink_commit_statuses.s: expected each name once, found the name "Failed" a second time
    …,"sink_commit_statuses":{"s":1}}
      TYPE, line 1, column 90, at sink_commit_statuses.s: expected "Pending", "Committed" or {"Failed": "message"}, found 1
    …,"sink_commit_statuses":{"s":null}}
      TYPE, line 1, column 90, at sink_commit_statuses.s: expected "Pending", "Committed" or {"Failed": "message"}, found null
    …,"sink_commit_statuses":{"s":{"Failed":"x" "y"}}}
      SYNTAX, line 1, column 104, at sink_commit_statuses.s: expected "," or "}", found "y"
    …,"sink_commit_statuses":{"s":{"Failed":"x","b":1}}}
      TYPE, line 1, column 104, at sink_commit_statuses.s.b: expected "Pending", "Committed" or {"Failed": "message"}, found "b"
    …,"sink_commit_statuses":{"s":{"Pending":null}}}
      TYPE, line 1, column 91, at sink_commit_statuses.s.Pending: expected "Pending", "Committed" or {"Failed": "message"}, found "Pending"
  `,
  ],
];

function refusalOf(document: string | Uint8Array): ManifestError {
  try {
    parseManifest(document);
  } catch (error) {
    if (error instanceof ManifestError) return error;
    throw error;
  }
  throw new Error('the manifest was accepted');
}

function* casesOf(table: string): Iterable<[string, string]> {
  const lines = table.split('\n').map((line) => line.trim());
  for (let index = 1; index + 1 < lines.length; index += 2) {
    const document = JSON.parse(`"${lines[index]!.replaceAll('"', '\\"')}"`) as string;
    const message = lines[index + 1]!.replace(
      /<(\w+)>/,
      (_, name: keyof typeof ranges) => ranges[name],
    );
    yield [document.replace('…', head), message];
  }
}

describe.each(refusals)('%s that is wrong', (_what, table) => {
  test.each([...casesOf(table)])('%j is refused: %s', (document, expected) => {
    const { code, message } = refusalOf(document);
    expect(`${code}, ${message}`).toBe(
      `TIDEGATE_MANIFEST_${expected.replace(', ', ', manifest, ')}`,
    );
  });
});

describe('a refusal', () => {
  test('of nothing at all says so, behind white space of every kind', () => {
    expect(refusalOf('').message).toBe(
      'manifest, line 1, column 1: expected a manifest object, found the end of the document',
    );
    expect(refusalOf(' \n\t\r').message).toContain('line 2, column 3: ');
  });

  test('of bytes that are no UTF-8 names the byte', () => {
    const found = (...bytes: readonly number[]): string => refusalOf(Buffer.from(bytes)).message;
    expect(found(0x7b, 0xff)).toBe(
      'manifest, line 1, column 2: expected UTF-8, found byte 0xff at offset 1',
    );
    expect(found(0x7b, 0x0a, 0x22, 0x20, 0x80)).toContain('line 2, column 3: ');
    expect(found(0x09, 0xc0)).toContain('column 2: expected UTF-8, found byte 0xc0 at offset 1');
  });

  test('of a byte order mark or half a surrogate pair says which', () => {
    expect(refusalOf('\ufeff{}').message).toBe(
      'manifest, line 1, column 1: expected UTF-8 without one, found a byte order mark',
    );
    expect(refusalOf('{"\udc00').message).toBe(
      'manifest, line 1, column 3: expected well-formed text, found half of a surrogate pair',
    );
  });

  test('shows sixty characters and says how many there are', () => {
    const quoted = (length: number): string => `"${'w'.repeat(length - 2)}"`;
    const found = (text: string): string => refusalOf(`${head},"watermark":${text}}`).found;
    expect(found(quoted(60))).toBe(quoted(60));
    expect(found(quoted(61))).toBe(`"${'w'.repeat(59)}… (61 characters)`);
    expect(found(`"${'w'.repeat(58)}😀"`)).toBe(`"${'w'.repeat(58)}�… (62 characters)`);
  });

  test('names twelve levels of a path and counts the rest', () => {
    const { message } = refusalOf(`${head},"x":${'['.repeat(600)}`);
    expect(message).toContain(
      `at x${'[0]'.repeat(11)}… (512 levels): expected at most 512 levels, ` +
        'found nesting below level 512',
    );
    expect(refusalOf(`${head},"x":${'['.repeat(11)}`).path).toBe(`x${'[0]'.repeat(11)}`);
    expect(refusalOf(`${head},"x":${'['.repeat(12)}`).path).toBe(
      `x${'[0]'.repeat(11)}… (13 levels)`,
    );
  });

  test('of a size names both sizes', () => {
    expect(() => parseManifest('12345', { maxBytes: 4 })).toThrow(
      'manifest: expected at most 4 bytes, found 5 bytes',
    );
  });

  test('is a ManifestError with all of it in its details', () => {
    const error = refusalOf('[]');
    expect(error.name).toBe('ManifestError');
    expect(error.details).toEqual({
      path: '',
      found: '[',
      expected: 'a manifest object',
      position: { line: 1, column: 1 },
    });
  });
});

describe('a place', () => {
  test('is counted up to where it is, not by what comes after it', () => {
    expect(refusalOf(`${head},\n"x":tru\n\n}`)).toMatchObject({ line: 2, column: 5 });
  });

  test('of a line feed is in the line that it ends', () => {
    expect(refusalOf(`${head},\n"x":"a\nb"}`)).toMatchObject({ line: 2, column: 7 });
  });
});

describe('what cannot be written is reported like what cannot be read', () => {
  const wrong = (change: Record<string, unknown>) => {
    const manifest = { ...createManifest(1, 1), ...change };
    try {
      return serializeManifest(manifest);
    } catch (error) {
      if (error instanceof ManifestError) return error.message.replace('manifest, ', '');
      throw error;
    }
  };
  const status = (value: unknown) => ({ sinkCommitStatuses: new Map([['s', value]]) });
  const operator = (value: unknown) => ({ operatorStates: new Map([['o', value]]) });
  const ours = (value: object) => ({
    tidegate: {
      storeId: 's',
      pipeline: 'p',
      generation: 1,
      kind: 'checkpoint',
      commitHandles: new Map(),
      ...value,
    },
  });
  const unknown = (value: unknown) => ({ unknownFields: new Map([['x', value]]) });

  test.each([
    ['text', { stateChecksum: 1 }, 'at state_checksum: expected a string, found 1'],
    [
      'half a pair',
      { stateChecksum: '\ud800' },
      'at state_checksum: expected text without lone surrogates, found "\\ud800"',
    ],
    ['a list', { sinkNames: 'a' }, 'at sink_names: expected an array, found "a"'],
    ['an element', { sinkNames: ['a', 1] }, 'at sink_names[1]: expected a string, found 1'],
    ['a map', { sinkEpochs: 1 }, 'at sink_epochs: expected a Map, found 1'],
    [
      'a flag',
      operator({ external: 'yes' }),
      'at operator_states.o.external: expected true or false, found "yes"',
    ],
    [
      'a word',
      ours({ kind: 'waypoint' }),
      'at tidegate.kind: expected "checkpoint" or "savepoint", found "waypoint"',
    ],
    ['a counter', { epoch: 1.5 }, `at epoch: expected ${ranges.u64}, found 1.5`],
    ['a negative counter', { epoch: -1 }, `at epoch: expected ${ranges.u64}, found -1`],
    [
      'a large counter',
      { epoch: 2 ** 53 },
      'at epoch: expected at most 9007199254740991 (2^53-1), found 9007199254740992',
    ],
    ['an exact number', { watermark: 1 }, `at watermark: expected ${ranges.i64}, found 1`],
    [
      'a small number',
      { vnodeCount: 65_536 },
      `at vnode_count: expected ${ranges.u16}, found 65536`,
    ],
    [
      'a status',
      status({ kind: 'lost' }),
      'at sink_commit_statuses.s: expected pending, committed or failed, found "lost"',
    ],
    [
      'the message of a status',
      status({ kind: 'failed', message: 1 }),
      'at sink_commit_statuses.s.Failed: expected a string, found 1',
    ],
    [
      'a known name among the unknown',
      { unknownFields: new Map([['epoch', null]]) },
      'at epoch: expected a name that no field has, found "epoch"',
    ],
    ['an unknown number', unknown({ numberText: '01' }), 'at x: expected a JSON value, found "01"'],
    ['an unknown value', unknown(1n), 'at x: expected a JSON value, found 1'],
    [
      'a nested one',
      unknown([true, ['\udc00']]),
      'at x[1][0]: expected text without lone surrogates, found "\\udc00"',
    ],
    [
      'a nested name',
      unknown(new Map([['\udc00', 1n]])),
      'at x["\\udc00"]: expected text without lone surrogates, found "\\udc00"',
    ],
    ['a member', unknown(new Map([['y', 1n]])), 'at x.y: expected a JSON value, found 1'],
  ])('%s', (_what, change, message) => {
    expect(wrong(change)).toBe(message);
  });

  test('depth is counted to the level', () => {
    let deep: unknown = null;
    for (let level = 0; level < 511; level += 1) deep = [deep];

    expect(wrong(unknown(deep))).toContain('"x": [');
    expect(wrong(unknown([deep]))).toBe(
      `at x${'[0]'.repeat(11)}… (513 levels): expected at most 512 levels, found "a deeper value"`,
    );
  });
});

test('a new manifest has nothing in it yet', () => {
  const manifest = createManifest(7, 2, { clock: { now: () => 5 } });

  expect(manifest).toEqual({
    version: 1,
    checkpointId: 7,
    epoch: 2,
    timestampMs: 5,
    sourceOffsets: new Map(),
    sinkEpochs: new Map(),
    sinkCommitStatuses: new Map(),
    tableOffsets: new Map(),
    operatorStates: new Map(),
    tableStoreCheckpointPath: undefined,
    watermark: undefined,
    sourceWatermarks: new Map(),
    sourceNames: [],
    sinkNames: [],
    pipelineHash: undefined,
    vnodeCount: 256,
    stateChecksum: undefined,
  });
});
