// The start checkpoint: where everything begins, durable before the first record, so that there always is a base.

import { savedDefinitions } from '../contracts/operator-definition.js';
import type { Source } from '../contracts/source.js';
import { checkedPosition } from '../contracts/source-position.js';
import { createManifest } from '../manifest/create.js';
import type { ConnectorCheckpoint } from '../manifest/types.js';
import type { PersistedManifest } from '../store/persisted-manifest.js';
import { initialStates } from './initial-states.js';
import { ownFields } from './new-manifest.js';
import { askParticipant } from './participant-call.js';
import { ownerOf, save, type Round } from './round.js';

/** Epoch of the start checkpoint. */
const startEpoch = 1;

/**
 * Start offsets, initial operator states, no sinks: complete once it is durable. Without it the
 * first epoch would roll back to "wherever the sources are", which has moved by then.
 */
export async function writeStartCheckpoint(round: Round): Promise<PersistedManifest> {
  const { request, store } = round;
  const { participants, options, pipelineHash, ports } = request;
  const sources = await positionsOf(round, 'source', participants.sources, startEpoch);
  const tables = await positionsOf(round, 'table', participants.tables, startEpoch);
  const id = store.allocateCheckpointId();
  const states = await initialStates(round, id);
  return save(round, {
    ...createManifest(id, startEpoch, { vnodeCount: options.vnodeCount, clock: ports.clock }),
    sourceOffsets: sources.offsets,
    tableOffsets: tables.offsets,
    operatorStates: states.entries,
    stateChecksum: states.checksum,
    sourceWatermarks: sources.watermarks,
    watermark: lowest(sources.watermarks, participants.sources.size),
    sourceNames: [...participants.sources.keys()].sort(),
    pipelineHash,
    tidegate: {
      ...ownFields(ownerOf(store)),
      operatorDefinitions: savedDefinitions(participants.operators),
    },
  });
}

export interface Positions {
  readonly offsets: ReadonlyMap<string, ConnectorCheckpoint>;
  readonly watermarks: ReadonlyMap<string, bigint>;
}

/** Where sources are at this moment, as a manifest records it. */
export async function positionsOf(
  round: Round,
  kind: 'source' | 'table',
  sources: ReadonlyMap<string, Source>,
  epoch: number,
): Promise<Positions> {
  const offsets = new Map<string, ConnectorCheckpoint>();
  const watermarks = new Map<string, bigint>();
  for (const [name, source] of sources) {
    const position = await askParticipant(round, `the position of ${kind} ${name}`, async () =>
      checkedPosition(`${kind} ${name}`, await source.position()),
    );
    offsets.set(name, {
      offsets: new Map(Object.entries(position.offsets)),
      epoch,
      metadata: new Map(Object.entries(position.metadata ?? {})),
    });
    if (position.watermark !== undefined) watermarks.set(name, position.watermark);
  }
  return { offsets, watermarks };
}

function lowest(watermarks: ReadonlyMap<string, bigint>, sources: number): bigint | undefined {
  if (watermarks.size < sources || sources === 0) return undefined;
  return [...watermarks.values()].reduce((low, next) => (next < low ? next : low));
}
