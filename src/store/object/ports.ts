// What a store on object storage stands on: everything that can fail, wait or differ, passed in.

import { TidegateError } from '../../errors.js';
import type { ObjectStorage } from '../../contracts/object-storage.js';
import type { Clock } from '../../runtime/clock.js';
import type { Logger } from '../../runtime/logger.js';
import type { Processes } from '../../runtime/process-identity.js';
import type { Random } from '../../runtime/random.js';
import type { VerifiedManifests } from '../verified-manifests.js';
import { abortReason } from '../../runtime/abort.js';
import { toStoreError } from '../store-error.js';
import { MissingBytes, type StorageCalls } from './storage-calls.js';

export interface ObjectStorePorts {
  readonly storage: ObjectStorage;
  readonly calls: StorageCalls;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly processes: Processes;
  /** What this store object has read before. */
  readonly verified: VerifiedManifests;
  readonly maxManifestBytes: number;
  readonly heartbeatMs: number;
  readonly minBodyAgeMs: number;
  readonly partBytes: number;
}

/** Names what a session or a change has for itself. */
export function drawHex(random: Random, byteLength: number): string {
  return Buffer.from(random.bytes(byteLength)).toString('hex');
}

/** Runs `work`; what it fails with becomes the signal's reason, or an error with a code. */
export async function guarded<Value>(
  doing: string,
  signal: AbortSignal | undefined,
  work: () => Promise<Value>,
): Promise<Value> {
  signal?.throwIfAborted();
  try {
    return await work();
  } catch (error) {
    if (signal?.aborted === true) throw abortReason(signal);
    if (!(error instanceof MissingBytes)) throw toStoreError(error, doing);
    throw new TidegateError('TIDEGATE_STATE_CORRUPT', `${doing} failed: ${error.message}`);
  }
}
