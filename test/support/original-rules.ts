// What the Rust original makes of a checkpoint, written anew from its rules and sharing no code with ours.

import { createHash } from 'node:crypto';

/** As serde reads it: members by name, all numbers exact. */
type Json = null | boolean | string | bigint | readonly Json[] | { readonly [name: string]: Json };

interface Entry {
  readonly name: string;
  readonly text: string | null;
  readonly external: boolean;
  readonly start: bigint;
  readonly end: bigint;
}

/**
 * Everything that keeps LaminarDB 0.23 from resuming a checkpoint, or that its `validate` warns of.
 *
 * @param sidecar Undefined where there is none; `unseen` where nobody looked.
 */
export function originalFindings(
  manifestText: string,
  sidecar: Uint8Array | undefined | 'unseen',
): readonly string[] {
  const manifest = read(manifestText);
  const findings: string[] = [...typeFindings(manifest)];
  if (findings.length > 0) return findings;
  findings.push(...validate(manifest));
  const entries = Object.entries(objectAt(manifest, 'operator_states')).map(entryOf);
  const stated = manifest.state_checksum;
  if (typeof stated === 'string' && stated !== checksumOf(entries, sidecar)) {
    if (sidecar !== 'unseen' || entries.every(({ external }) => !external)) {
      findings.push(`state_checksum ${stated} does not hold`);
    }
  }
  if (sidecar === 'unseen') return findings;
  const length = BigInt(sidecar?.byteLength ?? 0);
  for (const { name, external, end } of entries) {
    if (external && end > length) findings.push(`operator '${name}' ends past the sidecar`);
  }
  return findings;
}

/** The three forms that 0.23 to 0.27 compute; undefined where nothing can be computed. */
function checksumOf(
  entries: readonly Entry[],
  sidecar: Uint8Array | undefined | 'unseen',
): string | undefined {
  const inline = entries.filter(({ external, text }) => !external || text !== null);
  const hash = createHash('sha256');
  if (inline.length > 0) {
    const inner = createHash('sha256');
    const sorted = [...inline].sort((one, other) =>
      Buffer.compare(Buffer.from(one.name), Buffer.from(other.name)),
    );
    for (const { name, text } of sorted) inner.update(`${name}\0${text ?? ''}\0`);
    const digest = inner.digest('hex');
    if (inline.length === entries.length) return digest;
    hash.update(digest);
  }
  if (sidecar === undefined || sidecar === 'unseen') return undefined;
  return hash.update(sidecar).digest('hex');
}

/** The eight rules of the original's `validate`, for the count of partitions that it was written with. */
function* validate(manifest: Readonly<Record<string, Json>>): Iterable<string> {
  if (manifest.version === 0n) yield 'manifest version is 0';
  if (manifest.checkpoint_id === 0n) yield 'checkpoint_id is 0';
  if (manifest.epoch === 0n) yield 'epoch is 0';
  if (manifest.timestamp_ms === 0n) yield 'timestamp_ms is 0 (missing creation time)';
  const statuses = objectAt(manifest, 'sink_commit_statuses');
  for (const sink of Object.keys(objectAt(manifest, 'sink_epochs'))) {
    if (Object.keys(statuses).length > 0 && !(sink in statuses)) {
      yield `sink '${sink}' has epoch but no commit status`;
    }
  }
  const names = listAt(manifest, 'source_names');
  for (const source of Object.keys(objectAt(manifest, 'source_offsets'))) {
    if (names.length > 0 && !names.includes(source)) {
      yield `source_offsets contains '${source}' not in source_names`;
    }
  }
  if (manifest.vnode_count === 0n) yield 'vnode_count is 0 (missing or legacy checkpoint)';
}

const ranges: Readonly<Record<string, bigint>> = {
  version: 2n ** 32n - 1n,
  checkpoint_id: 2n ** 64n - 1n,
  epoch: 2n ** 64n - 1n,
  timestamp_ms: 2n ** 64n - 1n,
  vnode_count: 2n ** 16n - 1n,
};
const maps: readonly string[] = [
  'source_offsets',
  'sink_epochs',
  'sink_commit_statuses',
  'table_offsets',
  'operator_states',
  'source_watermarks',
];

/** What serde would refuse, as far as a writer can get it wrong. */
function* typeFindings(manifest: Readonly<Record<string, Json>>): Iterable<string> {
  for (const [field, most] of Object.entries(ranges)) {
    const value = manifest[field];
    if (typeof value !== 'bigint' || value < 0n || value > most)
      yield `${field} is no number of its type`;
  }
  for (const field of maps) if (!isObject(manifest[field])) yield `${field} is no map`;
  for (const field of ['source_names', 'sink_names']) {
    if (!Array.isArray(manifest[field])) yield `${field} is no list`;
  }
  for (const [sink, status] of Object.entries(objectAt(manifest, 'sink_commit_statuses'))) {
    const isWord = status === 'Pending' || status === 'Committed';
    const isFailed = isObject(status) && typeof status.Failed === 'string';
    if (!isWord && !isFailed) yield `the status of ${sink} is no SinkCommitStatus`;
  }
  for (const field of ['source_offsets', 'table_offsets']) {
    for (const [name, position] of Object.entries(objectAt(manifest, field))) {
      const isPosition =
        isObject(position) && isObject(position.offsets) && typeof position.epoch === 'bigint';
      if (!isPosition) yield `${field} of ${name} is no ConnectorCheckpoint`;
    }
  }
}

function entryOf([name, value]: readonly [string, Json]): Entry {
  const entry = isObject(value) ? value : {};
  const [offset, length] = [entry.external_offset, entry.external_length];
  const start = typeof offset === 'bigint' ? offset : 0n;
  return {
    name,
    text: typeof entry.state_b64 === 'string' ? entry.state_b64 : null,
    external: entry.external === true,
    start,
    end: start + (typeof length === 'bigint' ? length : 0n),
  };
}

function objectAt(
  manifest: Readonly<Record<string, Json>>,
  field: string,
): Readonly<Record<string, Json>> {
  const value = manifest[field];
  return isObject(value) ? value : {};
}

function listAt(manifest: Readonly<Record<string, Json>>, field: string): readonly Json[] {
  const value = manifest[field];
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

function isObject(value: Json | undefined): value is Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whole numbers outside of strings become `bigint`, so that no digit is lost. */
function read(text: string): Readonly<Record<string, Json>> {
  const strings = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
  const marked = text.replace(strings, (token) =>
    token.startsWith('"') ? JSON.stringify(`s${JSON.parse(token) as string}`) : `"n${token}"`,
  );
  // Names of members were marked like every other string.
  return unmarked(JSON.parse(marked)) as Readonly<Record<string, Json>>;
}

function unmarked(value: unknown): Json {
  if (typeof value === 'string') {
    const rest = value.slice(1);
    if (value.startsWith('s')) return rest;
    return /^-?\d+$/.test(rest) ? BigInt(rest) : rest;
  }
  if (Array.isArray(value)) return value.map(unmarked);
  if (typeof value !== 'object' || value === null) return value as Json;
  const members = Object.entries(value).map(([name, member]) => [name.slice(1), unmarked(member)]);
  return Object.assign(Object.create(null) as object, Object.fromEntries(members)) as Json;
}
