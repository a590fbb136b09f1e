// Parsing a 10 MB manifest of 10 000 operators, as a ratio to JSON.parse of the same bytes.

import {
  createManifest,
  inlineOperatorState,
  parseManifest,
  serializeManifest,
} from 'tidegate/manifest';
import type { CheckpointManifest } from 'tidegate/manifest';
import { compare, isQuick, printTable } from './measure.js';

const operatorCount = isQuick ? 1_000 : 10_000;
const rounds = isQuick ? 3 : 31;
const stateBytes = 680;

const foreign: CheckpointManifest = {
  ...createManifest(1, 1),
  operatorStates: new Map(
    Array.from({ length: operatorCount }, (_, index) => [
      `operator-${index}`,
      inlineOperatorState(
        Uint8Array.from({ length: stateBytes }, (__, at) => (at * 31 + index) % 256),
      ),
    ]),
  ),
};
const own: CheckpointManifest = {
  ...foreign,
  tidegate: {
    storeId: '0192a3b4-0000-7000-8000-000000000001',
    pipeline: 'bench',
    generation: 1,
    kind: 'checkpoint',
    commitHandles: new Map(),
  },
};

const foreignBytes = Buffer.from(serializeManifest(foreign));
const ownBytes = Buffer.from(serializeManifest(own));
const decode = (bytes: Uint8Array): string =>
  new TextDecoder('utf-8', { fatal: true }).decode(bytes);

const [floor, parsedForeign, parsedOwn, written] = compare(rounds, [
  () => JSON.parse(decode(foreignBytes)) as unknown,
  () => parseManifest(foreignBytes),
  () => parseManifest(ownBytes),
  () => serializeManifest(own),
]);

console.log(
  `${(foreignBytes.length / 1e6).toFixed(1)} MB, ${operatorCount} operators, medians of ${rounds} interleaved runs`,
);
printTable(
  ['work', 'ms', 'ratio to JSON.parse', 'spread of the ratio (p10 to p90)'],
  [
    ['JSON.parse of the decoded bytes', floor],
    ['parseManifest, foreign (no checksum)', parsedForeign],
    ['parseManifest, own (checksum verified)', parsedOwn],
    ['serializeManifest, own (checksum made)', written],
  ],
);
