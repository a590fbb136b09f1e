// Folds the markers of a sink now and then, so that the number of their files stays bounded.

import { toError } from '../../errors.js';
import type { Logger } from '../../runtime/logger.js';
import { foldMarkers, looseMarkers, type MarkerPorts } from './marker-files.js';

export interface FoldingOptions {
  readonly staging: string;
  readonly maxLooseMarkers: number;
  /** Ids whose markers are still read, and must not be folded. */
  readonly unfinished?: () => Promise<ReadonlySet<number>>;
}

export class MarkerFolding {
  readonly #ports: MarkerPorts & { readonly logger: Logger };
  readonly #options: FoldingOptions;
  /** Undefined before the first look: processes that commit a few times each have left any number. */
  #looseCount: number | undefined;
  #isFolding = false;

  constructor(ports: MarkerPorts & { readonly logger: Logger }, options: FoldingOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  /** A failure here costs nothing but files: the commit is done. */
  async afterCommit(): Promise<void> {
    if (this.#looseCount !== undefined) this.#looseCount += 1;
    const { maxLooseMarkers, staging, unfinished } = this.#options;
    if (this.#isFolding || (this.#looseCount ?? maxLooseMarkers) < maxLooseMarkers) return;
    this.#isFolding = true;
    try {
      this.#looseCount = (await looseMarkers(this.#ports)).length;
      if (this.#looseCount < maxLooseMarkers) return;
      // Also when it fails: it is tried again only after as many commits.
      this.#looseCount = 0;
      await foldMarkers(this.#ports, staging, await unfinished?.());
    } catch (error) {
      this.#ports.logger.warn(
        { directory: this.#ports.layout.committed, err: toError(error) },
        'could not fold the markers of a sink',
      );
    } finally {
      this.#isFolding = false;
    }
  }
}
