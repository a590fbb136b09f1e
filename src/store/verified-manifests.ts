// Manifests that were read before: the same bytes are not parsed and verified a second time.

import { parseManifest } from '../manifest/parse.js';
import type { CheckpointManifest } from '../manifest/types.js';

interface VerifiedManifest {
  readonly bytes: Uint8Array;
  readonly manifest: CheckpointManifest;
}

/** More than a store holds between two prunings, unless its manifests are large. */
const defaultMaxKeptBytes = 16 * 2 ** 20;

/**
 * A scan reads every manifest, and most of them were in the scan before. The file is read all the
 * same, and one byte that differs is seen: only the work that its bytes have had before is saved.
 */
export class VerifiedManifests {
  readonly #known = new Map<number, VerifiedManifest>();
  #keptBytes = 0;

  /** @param maxKeptBytes Bytes of manifests that are kept at most. */
  constructor(private readonly maxKeptBytes = defaultMaxKeptBytes) {}

  /** As `parseManifest`; the bytes are kept, so the caller must not change them. */
  parse(id: number, bytes: Uint8Array, options: { readonly maxBytes: number }): CheckpointManifest {
    const known = this.#known.get(id);
    if (known !== undefined && Buffer.compare(known.bytes, bytes) === 0) return known.manifest;
    this.#forget(id);
    const manifest = parseManifest(bytes, options);
    this.#keep(id, { bytes, manifest });
    return manifest;
  }

  /** Forgets all others: a checkpoint that was pruned or set aside is never read again. */
  keepOnly(ids: ReadonlySet<number>): void {
    for (const id of this.#known.keys()) if (!ids.has(id)) this.#forget(id);
  }

  /** Manifests that are kept. */
  get count(): number {
    return this.#known.size;
  }

  #keep(id: number, verified: VerifiedManifest): void {
    if (verified.bytes.byteLength > this.maxKeptBytes) return;
    this.#known.set(id, verified);
    this.#keptBytes += verified.bytes.byteLength;
    for (const oldest of this.#known.keys()) {
      if (this.#keptBytes <= this.maxKeptBytes) return;
      this.#forget(oldest);
    }
  }

  #forget(id: number): void {
    this.#keptBytes -= this.#known.get(id)?.bytes.byteLength ?? 0;
    this.#known.delete(id);
  }
}
