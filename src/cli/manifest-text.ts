// A manifest as lines for people: every field that has something to say.

import { decodeBase64 } from '../manifest/base64.js';
import type {
  CheckpointManifest,
  ConnectorCheckpoint,
  OperatorCheckpoint,
  SinkCommitStatus,
} from '../manifest/types.js';
import { sinkStatuses } from './checkpoint-text.js';
import { table, toned } from './table.js';
import type { Line, Span, Text } from './terminal.js';
import { formatAge, formatBytes, formatTime } from './units.js';

export function manifestLines(manifest: CheckpointManifest, nowMs: number): readonly Line[] {
  const { sourceOffsets, tableOffsets, sourceWatermarks, operatorStates, sourceNames } = manifest;
  const sources = new Set([...sourceNames, ...sourceOffsets.keys(), ...sourceWatermarks.keys()]);
  return [
    ...table(factRows(manifest, nowMs), { indent: '  ' }),
    ...section(
      'sources',
      [...sources].sort().map((name) => sourceRow(name, manifest)),
    ),
    ...section(
      'tables',
      [...tableOffsets].map(([name, position]) => [name, ...positionTexts(position)]),
    ),
    ...section('operators', [...operatorStates].map(operatorRow)),
    ...section(
      'sinks',
      sinkStatuses(manifest).map(([name, status]) => sinkRow(name, status, manifest)),
    ),
    ...section(
      'input given up',
      [...(manifest.tidegate?.lostInput ?? [])].map(
        ([name, { checkpointId, from, to, reason }]) => [
          name,
          `behind checkpoint ${checkpointId}: ${pairsText(from)} to ${pairsText(to)}`,
          quiet(reason),
        ],
      ),
    ),
    ...section(
      'decided by hand',
      (manifest.tidegate?.decisions ?? []).map((decision) => [
        formatTime(decision.decidedAtMs),
        `${decision.action} ${decision.handle} at ${decision.sink}: ${decision.reason}`,
      ]),
    ),
  ];
}

/** Bytes that an operator's state takes, decoded; undefined when its base64 is damaged. */
export function stateByteLength(state: OperatorCheckpoint): number | undefined {
  if (state.external) return state.externalLength;
  if (state.stateB64 === undefined) return 0;
  const decoded = decodeBase64(state.stateB64);
  return decoded.kind === 'decoded' ? decoded.bytes.byteLength : undefined;
}

/** Such as `partition-0=1234, partition-1=5678`. */
function offsetsText({ offsets }: ConnectorCheckpoint): string {
  return pairsText(offsets);
}

function factRows(manifest: CheckpointManifest, nowMs: number): readonly (readonly Text[])[] {
  const { tidegate, timestampMs } = manifest;
  const unknown = [
    ...(manifest.unknownFields?.keys() ?? []),
    ...[...(tidegate?.unknownFields?.keys() ?? [])].map((name) => `tidegate.${name}`),
  ];
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['taken', `${formatTime(timestampMs)} (age ${formatAge(timestampMs, nowMs)})`],
    ['kind', tidegate === undefined ? undefined : kindOf(tidegate)],
    ['pipeline', tidegate?.pipeline],
    ['store', tidegate?.storeId],
    ['generation', tidegate?.generation.toString()],
    ['rolled back', tidegate?.rolledBack && rolledBackText(tidegate.rolledBack)],
    ['supersedes', tidegate?.supersedes?.toString()],
    ['restored from', tidegate?.restoredFrom?.toString()],
    ['watermark', manifest.watermark?.toString()],
    ['pipeline hash', manifest.pipelineHash?.toString()],
    ['table store', manifest.tableStoreCheckpointPath],
    ['state checksum', manifest.stateChecksum],
    ['vnode count', manifest.vnodeCount.toString()],
    ['version', manifest.version.toString()],
    ['unknown fields', unknown.length === 0 ? undefined : unknown.join(', ')],
  ];
  return rows.flatMap(([name, text]) => (text === undefined ? [] : [[quiet(name), text]]));
}

function kindOf({ kind, label }: NonNullable<CheckpointManifest['tidegate']>): string {
  return label === undefined ? kind : `${kind} ${JSON.stringify(label)}`;
}

function rolledBackText(mark: { readonly generation: number; readonly reason: string }): string {
  return `by generation ${mark.generation}: ${mark.reason}`;
}

function section(title: string, rows: readonly (readonly Text[])[]): readonly Line[] {
  if (rows.length === 0) return [];
  return [[toned('strong', title)], ...table(rows, { indent: '  ' })];
}

function sourceRow(name: string, manifest: CheckpointManifest): readonly Text[] {
  const position = manifest.sourceOffsets.get(name);
  const watermark = manifest.sourceWatermarks.get(name);
  const texts: Text[] = position === undefined ? [quiet('no offsets')] : positionTexts(position);
  if (watermark !== undefined) texts.push(`watermark ${watermark}`);
  return [name, ...texts];
}

function positionTexts(position: ConnectorCheckpoint): Text[] {
  const texts: Text[] = [`epoch ${position.epoch}`, offsetsText(position)];
  if (position.metadata.size > 0) texts.push(quiet(`[${pairsText(position.metadata)}]`));
  return texts;
}

function operatorRow([name, state]: readonly [string, OperatorCheckpoint]): readonly Text[] {
  const byteLength = stateByteLength(state);
  const size = byteLength === undefined ? toned('bad', 'damaged') : formatBytes(byteLength);
  if (state.external) return [name, 'sidecar', size, `from byte ${state.externalOffset}`];
  return state.stateB64 === undefined ? [name, quiet('no state')] : [name, 'inline', size];
}

function sinkRow(
  name: string,
  status: SinkCommitStatus,
  { sinkEpochs, tidegate }: CheckpointManifest,
): readonly Text[] {
  const epoch = sinkEpochs.get(name);
  const handle = tidegate?.commitHandles.get(name);
  const marker = tidegate?.sinkMarkers?.get(name);
  const facts = [
    epoch === undefined ? 'no committed epoch' : `committed epoch ${epoch}`,
    ...(handle === undefined ? [] : [`handle ${handle}`]),
    ...(marker === undefined ? [] : [`had committed checkpoint ${marker}`]),
  ];
  return [name, statusText(status), facts.join(', ')];
}

function statusText(status: SinkCommitStatus): Span {
  if (status.kind === 'committed') return toned('good', 'committed');
  if (status.kind === 'pending') return toned('doubtful', 'pending');
  return toned('bad', `failed: ${status.message}`);
}

function pairsText(pairs: ReadonlyMap<string, string>): string {
  if (pairs.size === 0) return 'none';
  return [...pairs].map(([name, value]) => `${name}=${value}`).join(', ');
}

function quiet(text: string): Span {
  return toned('quiet', text);
}
