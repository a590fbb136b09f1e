// A number that changes when the shape of a pipeline does.

import { createHash } from 'node:crypto';
import type { Participants } from '../contracts/participants.js';

/**
 * The first 8 bytes (big endian) of the SHA-256 over names and kinds. Never function text, paths or
 * credentials: a new build of the same pipeline must resume.
 */
export function pipelineHashOf(pipeline: string, participants: Participants): bigint {
  const shape = {
    pipeline,
    sources: [...participants.sources.keys()].sort(),
    operators: [...participants.operators.keys()].sort(),
    sinks: [...participants.sinks].map(([name, { durability }]) => [name, durability]).sort(),
    tables: [...participants.tables.keys()].sort(),
    hasTableStore: participants.tableStore !== undefined,
  };
  const digest = createHash('sha256').update(JSON.stringify(shape)).digest();
  return digest.readBigUInt64BE(0);
}
