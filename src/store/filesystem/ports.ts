// What a filesystem store stands on: everything that can fail, wait or differ, passed in.

import type { Clock } from '../../runtime/clock.js';
import type { FileSystem } from '../../runtime/file-system.js';
import type { Logger } from '../../runtime/logger.js';
import type { Processes } from '../../runtime/process-identity.js';
import type { Random } from '../../runtime/random.js';
import type { StoreLayout } from '../layout.js';
import type { VerifiedManifests } from '../verified-manifests.js';

export interface StorePorts {
  readonly layout: StoreLayout;
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly processes: Processes;
  /** What this store object has read before. */
  readonly verified: VerifiedManifests;
  /** Bytes above which a manifest is neither read nor written. */
  readonly maxManifestBytes: number;
  /** Milliseconds between two signs of life of an owner; 0 for none. */
  readonly heartbeatMs: number;
}
