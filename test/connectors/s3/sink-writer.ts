// The writing process of the object sink's chaos: numbers from 1 on into two prefixes, until it is killed.
//
//   node --import tsx sink-writer.ts <prefix> <how many numbers>

import { setTimeout as delay } from 'node:timers/promises';
import { ObjectCheckpointStore } from '../../../src/store/object/object-store.js';
import { CheckpointCoordinator } from '../../../src/coordinator/coordinator.js';
import { objectSink, s3Storage } from '../../../src/connectors/s3/index.js';
import { services, signerOf } from './server.js';

const [prefix = '', end = '0'] = process.argv.slice(2);
const [service] = services();
if (service === undefined) throw new Error('TIDEGATE_S3_SERVERS names no service');
const { endpoint, bucket } = service;
const storage = s3Storage({ client: signerOf(service), endpoint, bucket, prefix });
const timeouts = { requestMs: 3_000, retryMs: 20_000 };
let written = 0;
const coordinator = new CheckpointCoordinator({
  pipeline: 'numbers',
  store: new ObjectCheckpointStore({ storage, timeouts, heartbeatMs: 0 }),
  sources: {
    numbers: {
      position: () => ({ written: String(written) }),
      restore: (offsets: Readonly<Record<string, string>>) => {
        written = Number(offsets.written ?? 0);
      },
    },
  },
  sinks: {
    small: objectSink<number>({ storage, prefix: 'small', timeouts }),
    large: objectSink<number>({
      ...{ storage, prefix: 'large', timeouts },
      maxPartBytes: 5 * 2 ** 20,
      maxObjectBytes: 12 * 2 ** 20,
      // So that an epoch takes several parts.
      encode: (number) => `${number}${' '.repeat(2 ** 19)}\n`,
    }),
  },
  checkpoint: { intervalMs: 400, tolerableFailures: 100 },
});
await coordinator.start();
while (written < Number(end)) {
  const point = await coordinator.safePoint();
  if (point.kind === 'rewound') continue;
  const number = written + 1;
  for (const writer of Object.values(point.sinks)) await writer.write([number]);
  written = number;
  await delay(10);
}
await coordinator.stop();
process.stdout.write('the end\n');
