// Reading a filesystem store: a scan of what is there, and nothing believed that was not checked.

import { accessWarnings } from '../../durable-directory/access.js';
import { isTidegateError } from '../../errors.js';
import { checkpointId, type CheckpointId, type StoreId } from '../../ids.js';
import { manifestIntegrity } from '../../manifest/parse.js';
import { checkManifestVersion } from '../../manifest/version.js';
import { errnoOf, type DirectoryEntry } from '../../runtime/file-system.js';
import type {
  CheckpointListing,
  LoadedCheckpoint,
  SkippedEntry,
  StoreCallOptions,
  StoreOwner,
  StoreReader,
} from '../checkpoint-store.js';
import { idOfCheckpointName, checkpointName, manifestFile } from '../layout.js';
import { listCheckpoints, type FoundCheckpoint } from '../listing.js';
import { inlineStateOf, checkRestorable, sidecarProblem, sidecarRange } from '../state-checks.js';
import { notFound, storeFailure, toStoreError } from '../store-error.js';
import type { StoreIdentity } from './identity.js';
import { checkOwnable } from './ownable.js';
import { ownerOf } from './owner.js';
import type { StorePorts } from './ports.js';
import { notADirectory, readManifest } from './read-manifest.js';
import { readSidecar, verifySidecar } from './sidecar-reader.js';
import { statIfExists, unlessMissing } from '../../runtime/small-files.js';
import { join } from 'node:path';

export class FileSystemStoreReader implements StoreReader {
  readonly storeId: StoreId | undefined;
  readonly pipeline: string | undefined;

  constructor(
    protected readonly ports: StorePorts,
    identity: StoreIdentity | undefined,
  ) {
    this.storeId = identity?.storeId;
    this.pipeline = identity?.pipeline;
  }

  get place(): string {
    return this.ports.layout.directory;
  }

  async owner(): Promise<StoreOwner | undefined> {
    try {
      return await ownerOf(this.ports);
    } catch (error) {
      throw toStoreError(error, `looking for the owner of ${this.place}`);
    }
  }

  async list({ signal }: StoreCallOptions = {}): Promise<readonly CheckpointListing[]> {
    const { fileSystem, layout } = this.ports;
    try {
      const found: FoundCheckpoint[] = [];
      const entries = (await unlessMissing(fileSystem.listDirectory(layout.directory))) ?? [];
      for (const entry of entries) {
        signal?.throwIfAborted();
        const id = idOfCheckpointName(entry.name);
        const checkpoint = id === undefined ? undefined : await examine(this.ports, id, entry);
        if (checkpoint !== undefined) found.push(checkpoint);
      }
      this.ports.verified.keepOnly(new Set(found.map(({ id }) => id)));
      return listCheckpoints(found);
    } catch (error) {
      throw storeFailure(error, `listing ${layout.directory}`, signal);
    }
  }

  async skipped({ signal }: StoreCallOptions = {}): Promise<readonly SkippedEntry[]> {
    const { fileSystem, layout } = this.ports;
    try {
      const entries = (await unlessMissing(fileSystem.listDirectory(layout.directory))) ?? [];
      return await skippedAmong(this.ports, entries);
    } catch (error) {
      throw storeFailure(error, `listing ${layout.directory}`, signal);
    }
  }

  async warnings({ signal }: StoreCallOptions = {}): Promise<readonly string[]> {
    const { fileSystem, layout } = this.ports;
    try {
      return await accessWarnings(fileSystem, [layout.directory, layout.ownFolder]);
    } catch (error) {
      throw storeFailure(error, `looking at ${layout.directory}`, signal);
    }
  }

  async checkOwnable(pipeline: string): Promise<void> {
    try {
      await checkOwnable(this.ports, pipeline);
    } catch (error) {
      throw toStoreError(error, `opening ${this.ports.layout.directory}`);
    }
  }

  async load(id: CheckpointId, { signal }: StoreCallOptions = {}): Promise<LoadedCheckpoint> {
    const { layout } = this.ports;
    try {
      const manifest = await readManifest(this.ports, id);
      checkManifestVersion(manifest);
      checkRestorable(manifest);
      const sidecarByteLength = await verifySidecar(this.ports, manifest, signal);
      return { id, manifest, integrity: manifestIntegrity(manifest), sidecarByteLength };
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') throw notFound(id);
      throw storeFailure(error, `loading ${layout.checkpoint(id)}`, signal);
    }
  }

  readOperatorState(
    { manifest }: LoadedCheckpoint,
    operator: string,
  ): AsyncIterable<Uint8Array> | undefined {
    const range = sidecarRange(manifest, operator);
    if (range === undefined) return inlineStateOf(manifest, operator);
    return readSidecar(this.ports, checkpointId(manifest.checkpointId), range);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Undefined when it vanished meanwhile: a reader does not own the store. */
async function examine(
  ports: StorePorts,
  id: CheckpointId,
  { kind }: DirectoryEntry,
): Promise<FoundCheckpoint | undefined> {
  const { fileSystem, layout } = ports;
  if (kind !== 'directory') {
    const problem = notADirectory(layout.checkpoint(id));
    return { id, byteLength: 0, content: { kind: 'unreadable', problem } };
  }
  const manifestFacts = await statIfExists(fileSystem, layout.manifest(id));
  const sidecarFacts = await statIfExists(fileSystem, layout.sidecar(id));
  const byteLength = (manifestFacts?.byteLength ?? 0) + (sidecarFacts?.byteLength ?? 0);
  try {
    const manifest = await readManifest(ports, id);
    const sidecarLength = sidecarFacts?.kind === 'file' ? sidecarFacts.byteLength : undefined;
    const problem = sidecarProblem(manifest, sidecarLength);
    return { id, byteLength, content: { kind: 'readable', manifest, problem } };
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') {
      return {
        id,
        byteLength,
        content: { kind: 'unreadable', problem: damage(error, layout.manifest(id)) },
      };
    }
    const isThere = (await statIfExists(fileSystem, layout.checkpoint(id))) !== undefined;
    return isThere ? { id, byteLength, content: { kind: 'orphan' } } : undefined;
  }
}

/**
 * Damage is a property of what is stored. A disk that does not answer, or a right that is missing,
 * is not: taking it for damage would make recovery fall back although nothing is lost.
 */
function damage(error: unknown, path: string): Error {
  const problem = isTidegateError(error) ? error : toStoreError(error, `reading ${path}`);
  const isAboutContent = isTidegateError(error) || problem.code === 'TIDEGATE_STORE_CORRUPT';
  if (isAboutContent) return problem;
  throw problem;
}

/** The entries of the store's directory that `idOfCheckpointName` refuses, each with the reason. */
async function skippedAmong(
  { fileSystem, layout }: StorePorts,
  entries: readonly DirectoryEntry[],
): Promise<readonly SkippedEntry[]> {
  const skipped: SkippedEntry[] = [];
  for (const { name, kind } of [...entries].sort((left, right) =>
    left.name < right.name ? -1 : 1,
  )) {
    const why = reasonFor(name);
    if (why === undefined) continue;
    const manifest = join(layout.directory, name, manifestFile);
    const hasManifest =
      kind === 'directory' && (await statIfExists(fileSystem, manifest)) !== undefined;
    skipped.push({ name, why, hasManifest, isAboveAll: hasManifest && isAboveAll(name) });
  }
  return skipped;
}

/** Undefined for names that are no business of checkpoints, and for checkpoints. */
function reasonFor(name: string): string | undefined {
  if (!name.toLowerCase().startsWith(prefix) || idOfCheckpointName(name) !== undefined) {
    return undefined;
  }
  const digits = /^\d+$/.exec(name.slice(prefix.length))?.[0];
  if (digits === undefined) return `it has no id: a checkpoint is named ${checkpointName(42)}`;
  if (BigInt(digits) > Number.MAX_SAFE_INTEGER) {
    return 'its id is above 2^53-1 (9007199254740991), which tidegate keeps exactly';
  }
  if (BigInt(digits) === 0n) return 'its id is 0, which no checkpoint has';
  return `checkpoint ${Number(digits)} is spelled ${checkpointName(Number(digits))}`;
}

function isAboveAll(name: string): boolean {
  const digits = /^\d+$/.exec(name.slice(prefix.length))?.[0];
  return digits !== undefined && BigInt(digits) > Number.MAX_SAFE_INTEGER;
}

const prefix = checkpointName(0).slice(0, -6);
