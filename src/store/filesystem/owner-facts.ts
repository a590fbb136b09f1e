// What an owner says about itself in its staging directory.

import type { ProcessIdentity } from '../../runtime/process-identity.js';
import { parseJsonObject } from '../../runtime/small-files.js';
import type { StorePorts } from './ports.js';

export const defaultHeartbeatMs = 1_000;

export interface OwnerFacts {
  readonly identity: ProcessIdentity;
  /** Milliseconds between two signs of life; 0 when the owner gives none. */
  readonly heartbeatMs: number;
}

export function ownerBytes({ processes, heartbeatMs }: StorePorts): Uint8Array {
  return Buffer.from(JSON.stringify({ ...processes.self(), heartbeatMs }));
}

/** Undefined for anything but what `ownerBytes` writes: a torn file is the trace of a crash. */
export function parseOwner(bytes: Uint8Array): OwnerFacts | undefined {
  const value = parseJsonObject(bytes);
  if (value === undefined) return undefined;
  const { host, bootId, pidNamespace, pid, startedAt, heartbeatMs } = value;
  if (typeof host !== 'string' || typeof bootId !== 'string') return undefined;
  if (typeof pidNamespace !== 'string' || typeof startedAt !== 'string') return undefined;
  if (typeof pid !== 'number' || typeof heartbeatMs !== 'number') return undefined;
  return { identity: { host, bootId, pidNamespace, pid, startedAt }, heartbeatMs };
}
