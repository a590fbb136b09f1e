// Reading a store on object storage: `current.json` first, then the bodies that it names.

import { TidegateError, isTidegateError } from '../../errors.js';
import type { CheckpointId, StoreId } from '../../ids.js';
import { manifestIntegrity } from '../../manifest/parse.js';
import type { CheckpointManifest } from '../../manifest/types.js';
import { checkManifestVersion } from '../../manifest/version.js';
import { letManyListen } from '../../runtime/abort.js';
import { forEachBounded } from '../../runtime/for-each-bounded.js';
import type {
  CheckpointListing,
  LoadedCheckpoint,
  StoreCallOptions,
  StoreOwner,
  StoreReader,
} from '../checkpoint-store.js';
import { listCheckpoints, type FoundCheckpoint } from '../listing.js';
import {
  StateChecksum,
  checkRestorable,
  inlineStateOf,
  sidecarProblem,
  sidecarRange,
} from '../state-checks.js';
import { notFound } from '../store-error.js';
import { bodyKey, type CheckpointEntry, type Current } from './current.js';
import { readCurrent } from './current-object.js';
import { checkOwnable } from './opening.js';
import { guarded, type ObjectStorePorts } from './ports.js';
import { MissingBytes } from './storage-calls.js';

/** Requests of one scan that are under way at once. */
const concurrency = 8;

export class ObjectStoreReader implements StoreReader {
  constructor(
    protected readonly ports: ObjectStorePorts,
    readonly storeId: StoreId | undefined,
    readonly pipeline: string | undefined,
  ) {}

  get place(): string {
    return this.ports.storage.address;
  }

  async owner(): Promise<StoreOwner | undefined> {
    const seen = await guarded(`looking for the owner of ${this.place}`, undefined, () =>
      readCurrent(this.ports, undefined),
    );
    if (seen?.current.owner === undefined) return undefined;
    const { owner, generation } = seen.current;
    const { pid, host } = owner;
    return { generation, pid, host, liveness: this.ports.processes.livenessOf(owner) };
  }

  async list({ signal }: StoreCallOptions = {}): Promise<readonly CheckpointListing[]> {
    return guarded(`listing ${this.place}`, signal, () => this.scan(signal));
  }

  async checkOwnable(pipeline: string): Promise<void> {
    await guarded(`opening ${this.place}`, undefined, () =>
      checkOwnable(this.ports, pipeline, undefined),
    );
  }

  async load(id: CheckpointId, { signal }: StoreCallOptions = {}): Promise<LoadedCheckpoint> {
    return guarded(`loading checkpoint ${id} of ${this.place}`, signal, async () => {
      const outcome = await this.#steadily<LoadedCheckpoint | Error>(signal, async (current) => {
        try {
          return { isWhole: true, value: await this.#load(current, id, signal) };
        } catch (error) {
          if (!isTidegateError(error) && !(error instanceof MissingBytes)) throw error;
          return { isWhole: false, value: error };
        }
      });
      if (outcome instanceof Error) throw outcome;
      return outcome;
    });
  }

  readOperatorState(
    { id, manifest }: LoadedCheckpoint,
    operator: string,
  ): AsyncIterable<Uint8Array> | undefined {
    const range = sidecarRange(manifest, operator);
    if (range === undefined) return inlineStateOf(manifest, operator);
    return this.#sidecarBytes(id, range);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** What there is now; the owner's reads see as well whether it still is the owner. */
  protected async current(signal: AbortSignal | undefined): Promise<Current | undefined> {
    return (await readCurrent(this.ports, signal))?.current;
  }

  /** @param known Manifests by the names of their bodies, which need not be looked at again. */
  protected async scan(
    signal: AbortSignal | undefined,
    known?: ReadonlyMap<string, CheckpointManifest>,
  ): Promise<readonly CheckpointListing[]> {
    const found = await this.#steadily(signal, async (current) => {
      const examined: FoundCheckpoint[] = [];
      const bounds = { concurrency, signal: letManyListen(signal ?? new AbortController().signal) };
      await forEachBounded(current?.checkpoints ?? [], bounds, async (entry) => {
        const manifest = known?.get(entry.manifest);
        if (manifest === undefined) examined.push(await this.#examine(entry, signal));
        else
          examined.push({ id: entry.id, byteLength: 0, content: { kind: 'readable', manifest } });
      });
      const isWhole = examined.every(
        ({ content }) => content.kind === 'readable' && content.problem === undefined,
      );
      return { value: examined, isWhole };
    });
    this.ports.verified.keepOnly(new Set(found.map(({ id }) => id)));
    return listCheckpoints(found);
  }

  /**
   * Looks again where something is missing and `current.json` has changed meanwhile: bodies go after the
   * version that no longer names them, so that is no damage.
   */
  async #steadily<Value>(
    signal: AbortSignal | undefined,
    look: (current: Current | undefined) => Promise<{ value: Value; isWhole: boolean }>,
  ): Promise<Value> {
    let current = await this.current(signal);
    for (;;) {
      const { value, isWhole } = await look(current);
      if (isWhole) return value;
      const later = await this.current(signal);
      if (later?.nonce === current?.nonce) return value;
      current = later;
    }
  }

  protected async manifestOf(
    entry: CheckpointEntry,
    signal: AbortSignal | undefined,
  ): Promise<CheckpointManifest> {
    return (await this.#readManifest(entry, signal)).manifest;
  }

  /** @throws TidegateError `TIDEGATE_STORE_CORRUPT` when its body is gone, or is another one's. */
  async #readManifest(
    { id, manifest: name }: CheckpointEntry,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly manifest: CheckpointManifest; readonly manifestLength: number }> {
    const { calls, maxManifestBytes, verified, storage } = this.ports;
    const key = bodyKey(name);
    const object = await calls.readWhole(key, maxManifestBytes, signal);
    if (object === undefined) {
      throw new TidegateError(
        'TIDEGATE_STORE_CORRUPT',
        `checkpoint ${id} has lost its manifest: ${storage.address}/${key} is not there; a lifecycle ` +
          'rule of the bucket must not delete below this prefix',
      );
    }
    const { bytes } = object;
    if (bytes === undefined) {
      throw new TidegateError(
        'TIDEGATE_MANIFEST_TOO_LARGE',
        `${storage.address}/${key} has ${object.size} bytes, more than ${maxManifestBytes}`,
      );
    }
    const manifest = verified.parse(id, bytes, { maxBytes: maxManifestBytes });
    if (manifest.checkpointId === id) return { manifest, manifestLength: bytes.byteLength };
    throw new TidegateError(
      'TIDEGATE_STORE_CORRUPT',
      `${storage.address}/${key} is the manifest of checkpoint ${manifest.checkpointId}, not of ${id}`,
    );
  }

  async #examine(
    entry: CheckpointEntry,
    signal: AbortSignal | undefined,
  ): Promise<FoundCheckpoint> {
    const { calls, storage } = this.ports;
    const { id, sidecar } = entry;
    const sizeOf = async (name: string): Promise<number | undefined> =>
      (await calls.repeat(signal, (options) => storage.head(bodyKey(name), options)))?.size;
    const sidecarLength = sidecar === undefined ? undefined : await sizeOf(sidecar);
    try {
      const { manifest, manifestLength } = await this.#readManifest(entry, signal);
      const byteLength = manifestLength + (sidecarLength ?? 0);
      const problem = sidecarProblem(manifest, sidecarLength);
      return { id, byteLength, content: { kind: 'readable', manifest, problem } };
    } catch (error) {
      // A service that does not answer, or a right that is missing, is no damage.
      if (!isTidegateError(error)) throw error;
      const byteLength = sidecarLength ?? 0;
      return { id, byteLength, content: { kind: 'unreadable', problem: error } };
    }
  }

  async #load(
    current: Current | undefined,
    id: CheckpointId,
    signal: AbortSignal | undefined,
  ): Promise<LoadedCheckpoint> {
    const entry = entryIn(current, id);
    const manifest = await this.manifestOf(entry, signal);
    checkManifestVersion(manifest);
    checkRestorable(manifest);
    const sidecarByteLength = await this.#verifySidecar(manifest, entry, signal);
    return { id, manifest, integrity: manifestIntegrity(manifest), sidecarByteLength };
  }

  async #verifySidecar(
    manifest: CheckpointManifest,
    { sidecar }: CheckpointEntry,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const { calls, storage } = this.ports;
    const key = bodyKey(sidecar ?? '');
    const facts =
      sidecar === undefined
        ? undefined
        : await calls.repeat(signal, (options) => storage.head(key, options));
    const checksum = new StateChecksum(manifest, facts !== undefined);
    const problem = sidecarProblem(manifest, facts?.size);
    if (problem !== undefined) throw problem;
    if (facts !== undefined && checksum.needsBytes) {
      const range = { start: 0, end: facts.size };
      for await (const piece of calls.stream(key, range, signal)) checksum.update(piece);
    }
    const mismatch = checksum.problem();
    if (mismatch !== undefined) throw mismatch;
    return facts?.size ?? 0;
  }

  async *#sidecarBytes(
    id: CheckpointId,
    range: { readonly start: number; readonly end: number },
  ): AsyncIterable<Uint8Array> {
    const doing = `reading the state of checkpoint ${id} of ${this.place}`;
    const { sidecar } = await guarded(doing, undefined, async () =>
      entryIn(await this.current(undefined), id),
    );
    const pieces = this.ports.calls.stream(bodyKey(sidecar ?? ''), range, undefined);
    for (;;) {
      const next = await guarded(doing, undefined, () => pieces.next());
      if (next.done === true) return;
      yield next.value;
    }
  }
}

function entryIn(current: Current | undefined, id: CheckpointId): CheckpointEntry {
  const entry = current?.checkpoints.find((one) => one.id === id);
  if (entry === undefined) throw notFound(id);
  return entry;
}
