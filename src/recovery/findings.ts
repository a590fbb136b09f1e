// What is odd about a manifest in the eyes of the pipeline that resumes it, and how grave it is. Pure.

import type { CheckpointManifest, SavedDefinition } from '../manifest/types.js';
import type { RecoveryFacts, Topology, OperatorShape } from './facts.js';
import {
  definitionText,
  haveSameSettings,
  savedDefinition,
} from '../contracts/operator-definition.js';

export interface Finding {
  /** An `error` prevents the recovery, a `warning` stands in its report. */
  readonly severity: 'error' | 'warning';
  readonly message: string;
}

type FindingFacts = Pick<
  RecoveryFacts,
  'strictness' | 'pipelineHashMismatch' | 'storeId' | 'sinks'
> & {
  readonly topology: Topology;
};

/** Every finding about one manifest, with the severity that the options give it. */
export function findingsOf(manifest: CheckpointManifest, facts: FindingFacts): readonly Finding[] {
  return [
    ...vnodeFindings(manifest, facts),
    ...originFindings(manifest, facts),
    ...hashFindings(manifest, facts),
    ...sourceFindings(manifest, facts),
    ...operatorFindings(manifest, facts),
    ...definitionFindings(manifest, facts),
    ...tableFindings(manifest, facts),
    ...sinkFindings(manifest, facts),
  ];
}

export function errorsOf(findings: readonly Finding[]): readonly string[] {
  return findings.filter(({ severity }) => severity === 'error').map(({ message }) => message);
}

export function warningsOf(findings: readonly Finding[]): readonly string[] {
  return findings.filter(({ severity }) => severity === 'warning').map(({ message }) => message);
}

/** An error that `lenient` turns into a line of the report. */
function unlessLenient({ strictness }: FindingFacts, message: string): Finding {
  return { severity: strictness === 'lenient' ? 'warning' : 'error', message };
}

function warning(message: string): Finding {
  return { severity: 'warning', message };
}

/** Keys of another partition count map to other partitions: no leniency makes that safe. */
function* vnodeFindings(manifest: CheckpointManifest, facts: FindingFacts): Iterable<Finding> {
  const { vnodeCount } = facts.topology;
  if (manifest.vnodeCount === 0) {
    yield unlessLenient(facts, 'its vnode count is 0: it was never recorded');
  } else if (manifest.vnodeCount !== vnodeCount) {
    const message = `its vnode count is ${manifest.vnodeCount}, the pipeline has ${vnodeCount}`;
    yield { severity: 'error', message };
  }
}

function* originFindings(manifest: CheckpointManifest, facts: FindingFacts): Iterable<Finding> {
  const { tidegate } = manifest;
  if (manifest.timestampMs === 0) yield warning('it has no creation time');
  if (tidegate === undefined) {
    yield warning('it was written by another program and carries no checksum: unverified');
  } else if (facts.storeId !== undefined && tidegate.storeId !== facts.storeId) {
    yield unlessLenient(
      facts,
      `it was written in store ${tidegate.storeId}, this is store ${facts.storeId}`,
    );
  }
}

function* hashFindings(manifest: CheckpointManifest, facts: FindingFacts): Iterable<Finding> {
  const { pipelineHash } = facts.topology;
  if (manifest.pipelineHash === undefined || pipelineHash === undefined) return;
  if (manifest.pipelineHash === pipelineHash) return;
  const message = `its pipeline hash is ${hex(manifest.pipelineHash)}, now it is ${hex(pipelineHash)}`;
  yield { severity: facts.pipelineHashMismatch === 'refuse' ? 'error' : 'warning', message };
}

/** Where no source is named at all, the manifest is from before topology was recorded. */
function* sourceFindings(manifest: CheckpointManifest, facts: FindingFacts): Iterable<Finding> {
  const { sources } = facts.topology;
  const named = new Set(manifest.sourceNames);
  for (const source of manifest.sourceOffsets.keys()) {
    if (named.size > 0 && !named.has(source)) {
      yield unlessLenient(facts, `it has offsets of source ${source}, which it does not name`);
    }
    if (!sources.has(source)) yield warning(`source ${source} was removed; its offsets end here`);
  }
  for (const source of sources) {
    if (manifest.sourceOffsets.has(source)) continue;
    yield warning(`source ${source} was added; it starts at its present position`);
  }
}

/** State that no operator takes, or an operator that starts empty in the middle, changes results. */
function* operatorFindings(manifest: CheckpointManifest, facts: FindingFacts): Iterable<Finding> {
  const { operators } = facts.topology;
  for (const operator of manifest.operatorStates.keys()) {
    if (operators.has(operator)) continue;
    yield unlessLenient(facts, `it has state of operator ${operator}, which is not registered`);
  }
  for (const operator of operators) {
    if (manifest.operatorStates.has(operator)) continue;
    yield unlessLenient(facts, `it has no state of operator ${operator}, which would start empty`);
  }
}

/** State that means something else gives wrong results without an error: overlapping windows, say. */
function* definitionFindings(manifest: CheckpointManifest, facts: FindingFacts): Iterable<Finding> {
  for (const [operator, shape] of facts.topology.shapes) {
    if (!manifest.operatorStates.has(operator)) continue;
    const problem = definitionProblem(manifest, operator, shape);
    if (problem === undefined) continue;
    const effect = facts.strictness === 'lenient' ? ' (lenient: it starts empty)' : '';
    yield unlessLenient(facts, `${problem}${effect}`);
  }
}

function* tableFindings(manifest: CheckpointManifest, facts: FindingFacts): Iterable<Finding> {
  const { tables, hasTableStore } = facts.topology;
  if (manifest.tableStoreCheckpointPath !== undefined && !hasTableStore) {
    yield unlessLenient(facts, 'it has a checkpoint of a table store, and none is registered');
  }
  for (const table of manifest.tableOffsets.keys()) {
    if (!tables.has(table)) yield warning(`table ${table} was removed; its offsets end here`);
  }
  for (const table of tables) {
    if (manifest.tableOffsets.has(table)) continue;
    yield warning(`table ${table} was added; it starts at its present position`);
  }
}

/** A start checkpoint names no sink: there is nothing to compare. */
function* sinkFindings(manifest: CheckpointManifest, facts: FindingFacts): Iterable<Finding> {
  if (manifest.sinkNames.length === 0) return;
  const named = new Set(manifest.sinkNames);
  for (const sink of named) if (!facts.sinks.has(sink)) yield warning(`sink ${sink} was removed`);
  for (const sink of facts.sinks.keys())
    if (!named.has(sink)) yield warning(`sink ${sink} was added`);
}

function hex(hash: bigint): string {
  return `0x${hash.toString(16).padStart(16, '0')}`;
}

/**
 * Undefined when the operator may load its state. A manifest of an earlier release, or of another
 * program, says nothing about it: then it may.
 */
export function definitionProblem(
  manifest: CheckpointManifest,
  name: string,
  shape: OperatorShape,
): string | undefined {
  const saved = manifest.tidegate?.operatorDefinitions?.get(name);
  if (saved === undefined) return undefined;
  const now = savedDefinition(shape);
  const hasSameVersion = saved.version === now.version;
  if (hasSameVersion && saved.kind === now.kind && haveSameSettings(saved, now)) return undefined;
  const isDowngrade = isNewer(saved.version, now.version);
  const canMigrate = shape.migratesFrom?.(saved) ?? false;
  if (!hasSameVersion && !isDowngrade && canMigrate) return undefined;
  return (
    `its state of operator ${name} is of ${definitionText(saved)}, and the operator is now ` +
    `${definitionText(now)}: ${wayOut(saved, now, isDowngrade)}; or give the operator a new name`
  );
}

function wayOut(saved: SavedDefinition, now: SavedDefinition, isDowngrade: boolean): string {
  const before = 'start with the definition that saved it';
  if (isDowngrade) return `${before}, which is newer`;
  if (saved.version === now.version) {
    return `${before}, or give it another version and a migrate(oldValue, fromVersion)`;
  }
  return saved.kind === now.kind && haveSameSettings(saved, now)
    ? `${before}, or give it a migrate(oldValue, fromVersion)`
    : `${before}; there is no migrate() from the one to the other`;
}

/** Whole numbers have an order; state that has a number is newer than an operator that has none. */
function isNewer(saved: string | undefined, now: string | undefined): boolean {
  if (saved === undefined || !wholeNumber.test(saved)) return false;
  if (now === undefined) return true;
  return wholeNumber.test(now) && BigInt(saved) > BigInt(now);
}

const wholeNumber = /^\d{1,40}$/;
