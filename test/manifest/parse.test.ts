// Bad input, our own object and what survives a re-save: what no vector of the original covers.

import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import {
  ManifestError,
  canonicalManifest,
  checkManifestVersion,
  createManifest,
  manifestIntegrity,
  manifestsEqual,
  parseManifest,
  serializeManifest,
  validateManifest,
} from 'tidegate/manifest';
import type { CheckpointManifest, JsonValue } from 'tidegate/manifest';
import { fullManifest } from './manifests.js';

const head = '{"version":1,"checkpoint_id":1,"epoch":1,"timestamp_ms":1000';

function refusal(input: Uint8Array | string, maxBytes?: number): ManifestError {
  try {
    parseManifest(input, maxBytes === undefined ? {} : { maxBytes });
  } catch (error) {
    if (error instanceof ManifestError) return error;
    throw error;
  }
  throw new Error('the manifest was accepted');
}

describe('an error says where and what', () => {
  test('line and column count bytes, the path names the field', () => {
    const error = refusal(`${head},\n"é😀":1, "sink_epochs": {"été": "x"}}`);
    expect(error).toMatchObject({
      name: 'ManifestError',
      code: 'TIDEGATE_MANIFEST_TYPE',
      kind: 'corrupt',
      line: 2,
      column: 38,
      path: 'sink_epochs["été"]',
      found: '"x"',
    });
    expect(error.message).toContain('line 2, column 38, at sink_epochs["été"]');
    expect(error.remedy).not.toBe('');
  });

  test('a long value is shortened', () => {
    const error = refusal(`${head},"epoch2":1,"watermark":"${'w'.repeat(100_000)}"}`);
    expect(error.message.length).toBeLessThan(400);
  });

  test('a deep path is shortened, and depth never overflows the stack', () => {
    const error = refusal(`${head},"extra":${'['.repeat(1_000_000)}`);
    expect(error.code).toBe('TIDEGATE_MANIFEST_TOO_DEEP');
    expect(error.message.length).toBeLessThan(400);
  });

  test.each([
    ['a byte order mark in bytes', Buffer.from(`\ufeff${head}}`), 1, 1],
    ['a byte order mark in a string', `\ufeff${head}}`, 1, 1],
    ['half a surrogate pair in a string', `${head},\n"state_checksum":"\ud800"}`, 2, 19],
    ['a truncated sequence at the end', Buffer.from([0x7b, 0x0a, 0xf0, 0x9f]), 2, 1],
    ['an overlong sequence', Buffer.from([0x7b, 0xc0, 0x80]), 1, 2],
    ['an overlong sequence of three', Buffer.from([0x7b, 0xe0, 0x80, 0x80]), 1, 2],
    ['an overlong sequence of four', Buffer.from([0x7b, 0xf0, 0x80, 0x80, 0x80]), 1, 2],
  ])('%s is refused with its place', (_what, input, line, column) => {
    expect(refusal(input)).toMatchObject({ code: 'TIDEGATE_MANIFEST_ENCODING', line, column });
  });

  test('bytes after good multi-byte text are found at the right place', () => {
    const good = Buffer.from(`${head},"x":"é日😀`);
    const error = refusal(Buffer.concat([good, Buffer.from([0x80])]));
    expect(error).toMatchObject({ code: 'TIDEGATE_MANIFEST_ENCODING', column: good.length + 1 });
  });

  test('a half surrogate pair as an escape is refused in known and unknown strings', () => {
    expect(refusal(`${head},"state_checksum":"\\ud800x"}`).code).toBe('TIDEGATE_MANIFEST_ENCODING');
    expect(refusal(`${head},"other":"\\udfff"}`).code).toBe('TIDEGATE_MANIFEST_ENCODING');
  });

  test('a name that stands twice is refused wherever it stands', () => {
    for (const members of [
      '"epoch":1',
      '"sink_epochs":{"a":1,"\\u0061":1}',
      '"other":{"a":1,"a":1}',
      '"other":1,"other":1',
    ]) {
      expect(refusal(`${head},${members}}`).code).toBe('TIDEGATE_MANIFEST_DUPLICATE_FIELD');
    }
  });

  test('a document above the size limit is refused unread, at the limit it is not', () => {
    const text = `${head}}`;
    expect(parseManifest(text, { maxBytes: text.length }).epoch).toBe(1);
    expect(refusal(text, text.length - 1).code).toBe('TIDEGATE_MANIFEST_TOO_LARGE');
    expect(refusal('x'.repeat(64 * 2 ** 20 + 1)).code).toBe('TIDEGATE_MANIFEST_TOO_LARGE');
  });
});

describe('our own object', () => {
  const text = serializeManifest(fullManifest);

  test('survives with everything in it', () => {
    expect(parseManifest(text)).toEqual(fullManifest);
    expect(manifestIntegrity(parseManifest(text))).toBe('verified');
  });

  test('comes after the seventeen fields of the original, which are all written', () => {
    const names = [...text.matchAll(/^ {2}"(\w+)":/gm)].map(([, name]) => name);
    expect(names).toEqual([
      'version',
      'checkpoint_id',
      'epoch',
      'timestamp_ms',
      'source_offsets',
      'sink_epochs',
      'sink_commit_statuses',
      'table_offsets',
      'operator_states',
      'table_store_checkpoint_path',
      'watermark',
      'source_watermarks',
      'source_names',
      'sink_names',
      'pipeline_hash',
      'vnode_count',
      'state_checksum',
      'tidegate',
    ]);
  });

  test('the checksum is SHA-256 over the canonical form', () => {
    const expected = createHash('sha256').update(canonicalManifest(fullManifest)).digest('hex');
    expect(text).toContain(`"manifest_checksum": "${expected}"`);
  });

  test('a foreign manifest has none, is accepted and counts as unverified', () => {
    const foreign = parseManifest(`${head}}`);
    expect(manifestIntegrity(foreign)).toBe('unverified');
    expect(serializeManifest(foreign)).not.toContain('tidegate');
  });

  test('one without a checksum is refused', () => {
    const without = text.replace(/,\s*"manifest_checksum": "\w+"/, '');
    expect(refusal(without)).toMatchObject({
      code: 'TIDEGATE_MANIFEST_CHECKSUM',
      path: 'tidegate.manifest_checksum',
      found: 'none',
    });
  });

  test('a change anywhere is refused, also of an unknown member', () => {
    const withMore = serializeManifest({
      ...fullManifest,
      unknownFields: new Map([['laminar', 'soon']]),
    });
    for (const [from, to] of [
      ['"1234"', '"1235"'],
      ['"soon"', '"sooN"'],
      ['"laminar"', '"Laminar"'],
      ['orders/warehouse', 'orders/Warehouse'],
    ] as const) {
      expect(withMore).toContain(from);
      const error = refusal(withMore.replace(from, to));
      expect(error.code).toBe('TIDEGATE_MANIFEST_CHECKSUM');
      expect(error.expected).toMatch(/^the SHA-256 of the rest, [0-9a-f]{64}$/);
      expect(withMore.split('\n')[error.line! - 1]).toContain('manifest_checksum');
    }
  });

  test('under a damaged name it is not taken for a foreign manifest', () => {
    expect(refusal(text.replace('"tidegate"', '"tidegatE"'))).toMatchObject({
      code: 'TIDEGATE_MANIFEST_CHECKSUM',
      kind: 'corrupt',
      found: 'an object with a manifest_checksum under the name "tidegatE"',
      expected: 'it under the name "tidegate"',
    });
  });

  test('an unknown kind is refused', () => {
    const error = refusal(text.replace('"savepoint"', '"waypoint"'));
    expect(error).toMatchObject({ code: 'TIDEGATE_MANIFEST_TYPE', path: 'tidegate.kind' });
  });

  test('white space and the order of members do not matter', () => {
    const reordered = JSON.stringify(
      Object.fromEntries(Object.entries(JSON.parse(quoteLong(text)) as object).reverse()),
    );
    expect(manifestsEqual(parseManifest(unquoteLong(reordered)), fullManifest)).toBe(true);
  });
});

describe('unknown members', () => {
  const unknown = `{"n":1e400,"huge":${'9'.repeat(400)},"neg":-0.0,"deep":[[{"":null}]],"__proto__":{"a":true}}`;

  test('survive a re-save at every level, numbers to the digit', () => {
    const text =
      `${head},"future":${unknown},` +
      `"source_offsets":{"s":{"offsets":{},"epoch":1,"future":${unknown}}},` +
      `"operator_states":{"o":{"future":${unknown}}}}`;
    const manifest = parseManifest(text);
    const again = parseManifest(serializeManifest(manifest));
    expect(again).toEqual(manifest);
    expect(serializeManifest(again)).toContain('9'.repeat(400));
    expect(canonicalManifest(again).match(/-0\.0/g)).toHaveLength(3);
  });

  test('inside our object are covered by its checksum and survive too', () => {
    const ours = {
      ...fullManifest,
      tidegate: {
        ...fullManifest.tidegate!,
        unknownFields: new Map([['later', [1n].map(number)]]),
      },
    };
    const text = serializeManifest(ours);
    expect(parseManifest(text)).toEqual(ours);
    expect(text.indexOf('"manifest_checksum"')).toBeLessThan(text.indexOf('"later"'));
  });

  test.each(['0', '-0', '10', '100', '1.5', '1.55', '-1e5', '1E5', '1e+55', '1e-5', '0.25e10'])(
    'may be the number %s, kept as it is spelt',
    (numberText) => {
      const manifest = parseManifest(`${head},"x":${numberText}}`);
      expect(manifest.unknownFields?.get('x')).toEqual({ numberText });
      expect(serializeManifest(manifest)).toContain(`"x": ${numberText}\n`);
    },
  );

  test('are read as what they are', () => {
    const text = `${head},"x":[null,true,false,-1.50,"\\ud800\\udc00\\udbff\\udfff\\ud7ff\\ue000\\uffff",{}]}`;
    expect(parseManifest(text).unknownFields?.get('x')).toEqual([
      null,
      true,
      false,
      { numberText: '-1.50' },
      '\u{10000}\u{10ffff}\ud7ff\ue000\uffff',
      new Map(),
    ]);
  });
});

describe('names are only names', () => {
  test.each(['__proto__', 'constructor', 'toString', '', ' ', 'a"b\\c\n', '日本', '\u0000'])(
    'as everywhere: %j',
    (name) => {
      const manifest: CheckpointManifest = {
        ...createManifest(1, 1),
        sourceOffsets: new Map([
          [name, { offsets: new Map([[name, name]]), epoch: 1, metadata: new Map([[name, name]]) }],
        ]),
        sinkEpochs: new Map([[name, 1]]),
        sinkCommitStatuses: new Map([[name, { kind: 'failed', message: name }]]),
        sourceWatermarks: new Map([[name, -1n]]),
        sourceNames: [name],
        sinkNames: [name],
      };
      expect(parseManifest(serializeManifest(manifest))).toEqual(manifest);
      expect(validateManifest(manifest, 256)).toEqual([]);
      expect(Object.prototype).not.toHaveProperty('offsets');
    },
  );

  test('are sorted by their UTF-8 bytes, not by UTF-16 units', () => {
    const names = ['\u{1f600}', '\u{10000}', '\uffee', '\ue000', '\ud7ff', 'z', '\u00e9', 'a', ''];
    const manifest = {
      ...createManifest(1, 1),
      sinkEpochs: new Map(names.map((name) => [name, 1])),
    };
    const written = JSON.parse(canonicalManifest(manifest)) as { sink_epochs: object };
    const byBytes = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(Object.keys(written.sink_epochs)).toEqual(byBytes);
  });
});

describe('serializing refuses what parsing would refuse', () => {
  const cases: readonly (readonly [
    string,
    string,
    Partial<Record<keyof CheckpointManifest, unknown>>,
    string,
  ])[] = [
    [
      'a counter above 2^53-1',
      'TIDEGATE_MANIFEST_COUNTER_TOO_LARGE',
      { checkpointId: 2 ** 53 },
      'checkpoint_id',
    ],
    ['a negative counter', 'TIDEGATE_MANIFEST_RANGE', { epoch: -1 }, 'epoch'],
    ['a fraction', 'TIDEGATE_MANIFEST_TYPE', { timestampMs: 1.5 }, 'timestamp_ms'],
    ['not a number', 'TIDEGATE_MANIFEST_TYPE', { epoch: Number.NaN }, 'epoch'],
    ['a bigint counter', 'TIDEGATE_MANIFEST_TYPE', { epoch: 1n }, 'epoch'],
    ['a number watermark', 'TIDEGATE_MANIFEST_TYPE', { watermark: 1 }, 'watermark'],
    ['a watermark above i64', 'TIDEGATE_MANIFEST_RANGE', { watermark: 2n ** 63n }, 'watermark'],
    ['a hash above u64', 'TIDEGATE_MANIFEST_RANGE', { pipelineHash: 2n ** 64n }, 'pipeline_hash'],
    ['a negative hash', 'TIDEGATE_MANIFEST_RANGE', { pipelineHash: -1n }, 'pipeline_hash'],
    ['a vnode count above u16', 'TIDEGATE_MANIFEST_RANGE', { vnodeCount: 65536 }, 'vnode_count'],
    [
      'half a surrogate pair',
      'TIDEGATE_MANIFEST_ENCODING',
      { stateChecksum: '\ud800' },
      'state_checksum',
    ],
    [
      'half a pair in a name',
      'TIDEGATE_MANIFEST_ENCODING',
      { sinkEpochs: new Map([['\udc00', 1]]) },
      'sink_epochs',
    ],
    [
      'an unknown status',
      'TIDEGATE_MANIFEST_TYPE',
      { sinkCommitStatuses: new Map([['s', { kind: 'lost' }]]) },
      'sink_commit_statuses.s',
    ],
    ['an object for a map', 'TIDEGATE_MANIFEST_TYPE', { sinkEpochs: { a: 1 } }, 'sink_epochs'],
    ['text for a list', 'TIDEGATE_MANIFEST_TYPE', { sinkNames: 'a' }, 'sink_names'],
    ['a number for text', 'TIDEGATE_MANIFEST_TYPE', { sinkNames: [1] }, 'sink_names[0]'],
    [
      'text for a flag',
      'TIDEGATE_MANIFEST_TYPE',
      { operatorStates: new Map([['o', { external: 'yes' }]]) },
      'operator_states.o.external',
    ],
    [
      'a known name among the unknown',
      'TIDEGATE_MANIFEST_DUPLICATE_FIELD',
      { unknownFields: new Map([['epoch', null]]) },
      'epoch',
    ],
    [
      'a number text that is none',
      'TIDEGATE_MANIFEST_TYPE',
      { unknownFields: new Map([['x', { numberText: '01' }]]) },
      'x',
    ],
    [
      'an unknown value that JSON has not',
      'TIDEGATE_MANIFEST_TYPE',
      { unknownFields: new Map([['x', 1n]]) },
      'x',
    ],
    [
      'an unknown value too deep',
      'TIDEGATE_MANIFEST_TOO_DEEP',
      { unknownFields: new Map([['x', nested(600)]]) },
      'x[0]',
    ],
  ];

  test.each(cases)('%s: %s', (_what, code, change, path) => {
    const manifest = { ...createManifest(1, 1), ...change } as CheckpointManifest;
    expect(() => serializeManifest(manifest)).toThrow(
      expect.objectContaining({ code, path: expect.stringContaining(path) as unknown }),
    );
  });

  test('a text above the size limit', () => {
    const size = Buffer.byteLength(serializeManifest(fullManifest));
    expect(serializeManifest(fullManifest, { maxBytes: size })).toHaveLength(size);
    expect(() => serializeManifest(fullManifest, { maxBytes: size - 1 })).toThrow(
      expect.objectContaining({ code: 'TIDEGATE_MANIFEST_TOO_LARGE' }),
    );
  });
});

describe('versions and times', () => {
  test('any version parses, and one above ours is refused where it would be resumed', () => {
    const newer = parseManifest(head.replace('"version":1', '"version":2') + '}');
    expect(newer.version).toBe(2);
    expect(() => checkManifestVersion(newer)).toThrow(
      expect.objectContaining({
        code: 'TIDEGATE_MANIFEST_VERSION',
        path: 'version',
        found: `version 2 in checkpoint ${newer.checkpointId}`,
        expected: expect.stringContaining(
          'at most version 1, as tidegate and LaminarDB',
        ) as unknown,
      }),
    );
    expect(() => checkManifestVersion(fullManifest)).not.toThrow();
  });

  test.each([
    ['other fields', '{"checkpoint_id":2,"epoch":2,"participants":[],"version":10}'],
    ['a known field of another type', head.replace('"version":1', '"version":9') + ',"epoch":"x"}'],
    ['nothing else', '{"version":4294967295}'],
  ])('a newer version is newer and never damaged, with %s', (_what, document) => {
    expect(() => parseManifest(document)).toThrow(
      expect.objectContaining({ code: 'TIDEGATE_MANIFEST_VERSION', line: 1 }),
    );
  });

  test.each([
    ['TYPE', '{"version":"10"}'],
    ['RANGE', '{"version":4294967296}'],
    ['TYPE', '{"version":1e1}'],
    ['SYNTAX', '{"version":10'],
    ['MISSING_FIELD', '{"version":1}'],
    ['TYPE', '[10]'],
  ])('what names no newer version is damaged as before: %s of %s', (code, document) => {
    expect(() => parseManifest(document)).toThrow(
      expect.objectContaining({ code: `TIDEGATE_MANIFEST_${code}` }),
    );
  });

  test('one digit that was damaged makes no manifest of ours a newer one', () => {
    const text = serializeManifest(fullManifest).replace('"version": 1,', '"version": 9,');
    expect(() => parseManifest(text)).toThrow(
      expect.objectContaining({ code: 'TIDEGATE_MANIFEST_CHECKSUM' }),
    );
  });

  test('the creation time comes from the clock that is given, in whole milliseconds', () => {
    const manifest = createManifest(1, 1, { clock: { now: () => 1234.9 }, vnodeCount: 128 });
    expect(manifest).toMatchObject({ timestampMs: 1234, vnodeCount: 128 });
  });

  test('equality does not depend on the order in which maps were filled', () => {
    const forwards = {
      ...fullManifest,
      sinkEpochs: new Map([
        ['a', 1],
        ['b', 2],
      ]),
    };
    const backwards = {
      ...fullManifest,
      sinkEpochs: new Map([
        ['b', 2],
        ['a', 1],
      ]),
    };
    expect(manifestsEqual(forwards, backwards)).toBe(true);
    expect(manifestsEqual(forwards, fullManifest)).toBe(false);
  });
});

function nested(depth: number): JsonValue {
  let value: JsonValue = null;
  for (let level = 0; level < depth; level++) value = [value];
  return value;
}

function number(value: bigint): JsonValue {
  return { numberText: String(value) };
}

/** `JSON.parse` would round long integers: they travel as marked strings. */
function quoteLong(text: string): string {
  return text.replace(/: (-?\d{17,})/g, ': "#$1"');
}

function unquoteLong(text: string): string {
  return text.replace(/"#(-?\d+)"/g, '$1');
}
