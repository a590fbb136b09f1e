// What differs between two manifests: in words what matters most, and then every other field. Pure.

import type {
  CheckpointManifest,
  ConnectorCheckpoint,
  OperatorCheckpoint,
} from '../manifest/types.js';
import { sinkStatuses } from './checkpoint-text.js';
import { changedFields, fieldName, fieldText, type FieldChange } from './diff-fields.js';
import { stateByteLength } from './manifest-text.js';
import { count, formatBytes } from './units.js';

type DiffSection =
  | 'checkpoint'
  | 'offsets'
  | 'tables'
  | 'watermarks'
  | 'state'
  | 'sinks'
  | 'topology'
  /** What no other section says, by its path in the JSON. */
  | 'fields';

/** One fact that is not the same; undefined where it is missing. */
export interface Change {
  readonly section: DiffSection;
  readonly name: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** For people, such as how much a number grew. */
  readonly note?: string | undefined;
}

type Facts = ReadonlyMap<string, string>;

export function diffManifests(
  before: CheckpointManifest,
  after: CheckpointManifest,
): readonly Change[] {
  const known = [
    ...changed('checkpoint', checkpointFacts(before), checkpointFacts(after)),
    ...changed('offsets', offsetFacts(before.sourceOffsets), offsetFacts(after.sourceOffsets)),
    ...changed('tables', offsetFacts(before.tableOffsets), offsetFacts(after.tableOffsets)),
    ...changed('watermarks', watermarkFacts(before), watermarkFacts(after)),
    ...stateChanges(before.operatorStates, after.operatorStates),
    ...changed('state', sidecarFacts(before), sidecarFacts(after)),
    ...changed('sinks', sinkFacts(before), sinkFacts(after)),
    ...changed('topology', topologyFacts(before), topologyFacts(after)),
  ];
  return [...known, ...notListed(known, changedFields(before, after))];
}

/** The fields that changed and that no line so far speaks of. */
function notListed(known: readonly Change[], fields: readonly FieldChange[]): readonly Change[] {
  const keys = new Set(known.map(({ section, name }) => keyOf(section, name)));
  return fields
    .filter(({ path }) => !keysFor(path).some((key) => keys.has(key)))
    .map((field) => {
      const [before, after] = [fieldText(field.before), fieldText(field.after)];
      const isCut = before === after;
      const note = isCut ? 'other content' : distance(before, after);
      return { section: 'fields', name: fieldName(field), before, after, note };
    });
}

function keyOf(section: DiffSection, name: string): string {
  return `${section} ${name}`;
}

/** The lines that would tell of a field, by what the JSON calls it. */
function keysFor([
  field = '',
  name = '',
  member = '',
  offset,
]: readonly string[]): readonly string[] {
  switch (field) {
    case 'epoch':
      return [keyOf('checkpoint', 'epoch')];
    case 'tidegate':
      if (name === 'pipeline') return [keyOf('topology', name)];
      return name === 'generation' || name === 'kind' ? [keyOf('checkpoint', name)] : [];
    case 'source_offsets':
    case 'table_offsets':
      if (member !== 'offsets' || offset === undefined) return [];
      return [keyOf(field === 'source_offsets' ? 'offsets' : 'tables', `${name} ${offset}`)];
    case 'watermark':
      return [keyOf('watermarks', 'pipeline')];
    case 'source_watermarks':
      return [keyOf('watermarks', `source ${name}`)];
    case 'operator_states':
      return stateMembers.has(member) ? [keyOf('state', name)] : [];
    case 'state_checksum':
      return [keyOf('state', '(checksum)')];
    case 'sink_commit_statuses':
    case 'sink_epochs':
      return [keyOf('sinks', name)];
    case 'vnode_count':
    case 'pipeline_hash':
      return [keyOf('topology', field.replace('_', ' '))];
    case 'table_store_checkpoint_path':
      return [keyOf('topology', 'table store')];
    default:
      return [];
  }
}

const stateMembers: ReadonlySet<string> = new Set(['state_b64', 'external', 'external_length']);

/** By name, in the order of names; whole numbers also say how far they went. */
function changed(section: DiffSection, before: Facts, after: Facts): readonly Change[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return (
    names
      .map((name) => ({ section, name, before: before.get(name), after: after.get(name) }))
      .filter((change) => change.before !== change.after)
      // The distance between two hashes means nothing.
      .map((change) => ({
        ...change,
        note: section === 'topology' ? undefined : distance(change.before, change.after),
      }))
  );
}

function checkpointFacts(manifest: CheckpointManifest): Facts {
  const { tidegate } = manifest;
  const facts = new Map([['epoch', String(manifest.epoch)]]);
  if (tidegate === undefined) return facts;
  return facts.set('generation', String(tidegate.generation)).set('kind', tidegate.kind);
}

function offsetFacts(positions: ReadonlyMap<string, ConnectorCheckpoint>): Facts {
  const facts = new Map<string, string>();
  for (const [source, { offsets }] of positions) {
    for (const [name, value] of offsets) facts.set(`${source} ${name}`, value);
  }
  return facts;
}

function watermarkFacts({ watermark, sourceWatermarks }: CheckpointManifest): Facts {
  const facts = new Map<string, string>();
  if (watermark !== undefined) facts.set('pipeline', String(watermark));
  for (const [source, value] of sourceWatermarks) facts.set(`source ${source}`, String(value));
  return facts;
}

/** Sizes, and whether the bytes are the same where they stand in the manifest itself. */
function stateChanges(
  before: ReadonlyMap<string, OperatorCheckpoint>,
  after: ReadonlyMap<string, OperatorCheckpoint>,
): readonly Change[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names.flatMap((name): readonly Change[] => {
    const [was, is] = [before.get(name), after.get(name)];
    const [wasText, isText] = [was && stateText(was), is && stateText(is)];
    if (wasText !== isText) {
      return [{ section: 'state', name, before: wasText, after: isText, note: growth(was, is) }];
    }
    if (was?.stateB64 === is?.stateB64) return [];
    const note = 'same size, other content';
    return [{ section: 'state', name, before: wasText, after: isText, note }];
  });
}

/** The bytes in the sidecar have one checksum together. */
function sidecarFacts({ stateChecksum }: CheckpointManifest): Facts {
  return new Map(stateChecksum === undefined ? [] : [['(checksum)', stateChecksum]]);
}

function stateText(state: OperatorCheckpoint): string {
  const byteLength = stateByteLength(state);
  const size = byteLength === undefined ? 'damaged' : formatBytes(byteLength);
  return state.external ? `${size} in the sidecar` : size;
}

function growth(
  before: OperatorCheckpoint | undefined,
  after: OperatorCheckpoint | undefined,
): string | undefined {
  const was = before && stateByteLength(before);
  const is = after && stateByteLength(after);
  if (was === undefined || is === undefined || was === is) return undefined;
  return is > was ? `+${count(is - was, 'byte')}` : `-${count(was - is, 'byte')}`;
}

function sinkFacts(manifest: CheckpointManifest): Facts {
  const facts = new Map<string, string>();
  for (const [sink, status] of sinkStatuses(manifest)) {
    const kind = status.kind === 'failed' ? `failed (${status.message})` : status.kind;
    const epoch = manifest.sinkEpochs.get(sink);
    const committed = epoch === undefined ? 'no epoch committed' : `committed epoch ${epoch}`;
    facts.set(sink, `${kind}, ${committed}`);
  }
  return facts;
}

function topologyFacts(manifest: CheckpointManifest): Facts {
  const { pipelineHash, tableStoreCheckpointPath, tidegate } = manifest;
  const facts = new Map([['vnode count', String(manifest.vnodeCount)]]);
  for (const source of manifest.sourceNames) facts.set(`source ${source}`, 'registered');
  for (const sink of manifest.sinkNames) facts.set(`sink ${sink}`, 'registered');
  if (pipelineHash !== undefined) facts.set('pipeline hash', String(pipelineHash));
  if (tableStoreCheckpointPath !== undefined) facts.set('table store', tableStoreCheckpointPath);
  if (tidegate !== undefined) facts.set('pipeline', tidegate.pipeline);
  return facts;
}

function distance(before: string | undefined, after: string | undefined): string | undefined {
  if (before === undefined || after === undefined) return undefined;
  if (!wholeNumber.test(before) || !wholeNumber.test(after)) return undefined;
  const moved = BigInt(after) - BigInt(before);
  return moved > 0n ? `+${moved}` : String(moved);
}

/** Longer ones are no positions, and slow to subtract. */
const wholeNumber = /^-?\d{1,40}$/;
