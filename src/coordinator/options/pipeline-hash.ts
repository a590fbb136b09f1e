// A number that changes when the shape of a pipeline does.

import { createHash } from 'node:crypto';
import { savedDefinition } from '../../contracts/operator-definition.js';
import type { Operator } from '../../contracts/operator.js';
import type { Participants } from '../../contracts/participants.js';

/**
 * The first 8 bytes (big endian) of the SHA-256 over names, kinds and definitions. Never function text, paths or
 * credentials: a new build of the same pipeline must resume.
 */
export function pipelineHashOf(pipeline: string, participants: Participants): bigint {
  const shape = {
    pipeline,
    sources: [...participants.sources.keys()].sort(),
    operators: [...participants.operators].map(definedOperator).sort(),
    sinks: [...participants.sinks].map(([name, { durability }]) => [name, durability]).sort(),
    tables: [...participants.tables.keys()].sort(),
    hasTableStore: participants.tableStore !== undefined,
  };
  const digest = createHash('sha256').update(JSON.stringify(shape)).digest();
  return digest.readBigUInt64BE(0);
}

/** The name, and where it has more than a kind what it was defined as. */
function definedOperator([name, operator]: readonly [string, Operator]): unknown {
  const { kind, version, settings } = savedDefinition(operator);
  if (version === undefined && settings.size === 0) return name;
  return [name, kind, version ?? null, [...settings]];
}
