// What the writing process of the kill rounds needs to write into object storage, from the sources.

import { AwsClient } from 'aws4fetch';
import { ObjectCheckpointStore } from '../../../src/index.js';
import type { CheckpointStore } from '../../../src/extend/index.js';
import { s3Storage } from '../../../src/connectors/s3/index.js';
import { services } from './server.js';

export { createManifest } from '../../../src/manifest/create.js';
export { externalOperatorState } from '../../../src/manifest/operator-state.js';

/** @param directory Used as the prefix. */
export function storeAt(directory: string): CheckpointStore {
  const [service] = services();
  if (service === undefined) throw new Error('TIDEGATE_S3_SERVERS names no service');
  const { endpoint, bucket, accessKeyId, secretAccessKey, region } = service;
  const client = new AwsClient({ accessKeyId, secretAccessKey, region });
  const storage = s3Storage({ client, endpoint, bucket, prefix: directory });
  return new ObjectCheckpointStore({ storage, minBodyAgeMs: 0 });
}
