import { describe, expect, test } from '@jest/globals';
import { connectorCheckpoint, inlineOperatorState } from 'tidegate/manifest';
import type { CheckpointManifest } from 'tidegate/manifest';
import type { RecoveryFacts, Topology } from '../../src/recovery/facts.js';
import { errorsOf, findingsOf, warningsOf } from '../../src/recovery/findings.js';
import { storeId } from '../../src/ids.js';
import { factsOf, manifestOf, sink, theStore } from './facts-kit.js';

const position = connectorCheckpoint(1);
const state = inlineOperatorState(new Uint8Array([1]));

function factsWith(topology: Partial<Topology>, change: Partial<RecoveryFacts> = {}) {
  const facts = factsOf([], {}, change);
  return { ...facts, topology: { ...facts.topology, ...topology } };
}

function messagesFor(
  change: Partial<CheckpointManifest>,
  facts: ReturnType<typeof factsWith>,
): { errors: readonly string[]; warnings: readonly string[] } {
  const findings = findingsOf(manifestOf({ id: 7, change }), facts);
  return { errors: errorsOf(findings), warnings: warningsOf(findings) };
}

test('a manifest that fits its pipeline has no finding', () => {
  const fitting = messagesFor(
    {
      pipelineHash: 5n,
      operatorStates: new Map([['totals', state]]),
      tableOffsets: new Map([['rates', position]]),
      tableStoreCheckpointPath: 'tables/7',
    },
    factsWith({
      operators: new Set(['totals']),
      tables: new Set(['rates']),
      hasTableStore: true,
      pipelineHash: 5n,
    }),
  );

  expect(fitting).toEqual({ errors: [], warnings: [] });
});

describe('what changes results is an error, and a warning when lenient', () => {
  const cases: readonly [string, Partial<CheckpointManifest>, Partial<Topology>, string][] = [
    [
      'a vnode count that was never recorded',
      { vnodeCount: 0 },
      {},
      'its vnode count is 0: it was never recorded',
    ],
    [
      'offsets of a source that it does not name',
      { sourceNames: ['other'] },
      {},
      'it has offsets of source lines, which it does not name',
    ],
    [
      'state of an unknown operator',
      { operatorStates: new Map([['totals', state]]) },
      {},
      'it has state of operator totals, which is not registered',
    ],
    [
      'an operator without state',
      {},
      { operators: new Set(['totals']) },
      'it has no state of operator totals, which would start empty',
    ],
    [
      'a table store that is gone',
      { tableStoreCheckpointPath: 'tables/7' },
      {},
      'it has a checkpoint of a table store, and none is registered',
    ],
  ];

  test.each(cases)('%s', (_what, change, topology, message) => {
    const strict = messagesFor(change, factsWith(topology));
    const lenient = messagesFor(change, factsWith(topology, { strictness: 'lenient' }));

    expect(strict).toEqual({ errors: [message], warnings: [] });
    expect(lenient).toEqual({ errors: [], warnings: [message] });
  });

  test('a manifest of another store names both', () => {
    const facts = (strictness: 'strict' | 'lenient') =>
      factsWith({}, { strictness, storeId: storeId('another') });
    const message = 'it was written in store store, this is store another';

    expect(messagesFor({}, facts('strict'))).toEqual({ errors: [message], warnings: [] });
    expect(messagesFor({}, facts('lenient'))).toEqual({ errors: [], warnings: [message] });
    expect(messagesFor({}, { ...facts('strict'), storeId: undefined }).errors).toEqual([]);
  });
});

describe('no leniency', () => {
  test('makes another vnode count safe', () => {
    const message = 'its vnode count is 128, the pipeline has 256';
    for (const strictness of ['strict', 'lenient'] as const) {
      const found = messagesFor({ vnodeCount: 128 }, factsWith({}, { strictness }));
      expect(found).toEqual({ errors: [message], warnings: [] });
    }
  });
});

describe('a warning only', () => {
  const cases: readonly [string, Partial<CheckpointManifest>, Partial<Topology>, string][] = [
    ['no creation time', { timestampMs: 0 }, {}, 'it has no creation time'],
    [
      'a removed source',
      {
        sourceNames: ['lines', 'old'],
        sourceOffsets: new Map([
          ['lines', position],
          ['old', position],
        ]),
      },
      {},
      'source old was removed; its offsets end here',
    ],
    [
      'an added source',
      {},
      { sources: new Set(['lines', 'new']) },
      'source new was added; it starts at its present position',
    ],
    [
      'a removed table',
      { tableOffsets: new Map([['rates', position]]) },
      {},
      'table rates was removed; its offsets end here',
    ],
    [
      'an added table',
      {},
      { tables: new Set(['rates']) },
      'table rates was added; it starts at its present position',
    ],
  ];

  test.each(cases)('%s', (_what, change, topology, message) => {
    expect(messagesFor(change, factsWith(topology))).toEqual({ errors: [], warnings: [message] });
  });

  test('a manifest of another program is unverified', () => {
    const findings = findingsOf(manifestOf({ id: 7, ours: 'foreign' }), factsWith({}));

    expect(errorsOf(findings)).toEqual([]);
    expect(warningsOf(findings)).toEqual([
      'it was written by another program and carries no checksum: unverified',
    ]);
  });

  test('where no source is named, offsets are no finding: topology was not recorded yet', () => {
    expect(messagesFor({ sourceNames: [] }, factsWith({}))).toEqual({ errors: [], warnings: [] });
  });
});

describe('the pipeline hash', () => {
  const message = 'its pipeline hash is 0x000000000000000a, now it is 0xfedcba9876543210';

  test('that differs is a warning, and an error on request', () => {
    const topology = { pipelineHash: 0xfedcba9876543210n };
    const refusing = factsWith(topology, { pipelineHashMismatch: 'refuse' });

    expect(messagesFor({ pipelineHash: 10n }, factsWith(topology)).warnings).toEqual([message]);
    expect(messagesFor({ pipelineHash: 10n }, refusing).errors).toEqual([message]);
  });

  test('is not compared where one side has none', () => {
    const refuse = { pipelineHashMismatch: 'refuse' } as const;

    expect(messagesFor({}, factsWith({ pipelineHash: 1n }, refuse)).errors).toEqual([]);
    expect(messagesFor({ pipelineHash: 1n }, factsWith({}, refuse)).errors).toEqual([]);
  });
});

describe('sinks', () => {
  const facts = { ...factsOf([], { archive: sink(), added: sink() }), storeId: theStore };

  test('that were removed or added are warnings', () => {
    const manifest = manifestOf({ id: 7, sinks: { archive: 'committed', gone: 'committed' } });

    expect(warningsOf(findingsOf(manifest, facts))).toEqual([
      'sink gone was removed',
      'sink added was added',
    ]);
  });

  test('are not compared with a start checkpoint, which names none', () => {
    expect(warningsOf(findingsOf(manifestOf({ id: 7 }), facts))).toEqual([]);
  });
});
