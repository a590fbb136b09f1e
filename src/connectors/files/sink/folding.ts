// Folds the markers of a file sink now and then, so that their number stays bounded.

import { toError } from '../../../errors.js';
import { foldMarkers, looseMarkers } from './markers.js';
import type { FileSinkPorts } from './ports.js';

export interface FoldingOptions {
  readonly staging: string;
  readonly looseMarkersMax: number;
}

export class MarkerFolding {
  readonly #ports: FileSinkPorts;
  readonly #options: FoldingOptions;
  #commitsSinceFold = 0;
  #isFolding = false;

  constructor(ports: FileSinkPorts, options: FoldingOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  /** A failure here costs nothing but files: the commit is done. */
  async afterCommit(): Promise<void> {
    this.#commitsSinceFold += 1;
    const { looseMarkersMax, staging } = this.#options;
    if (this.#commitsSinceFold < looseMarkersMax || this.#isFolding) return;
    this.#isFolding = true;
    this.#commitsSinceFold = 0;
    try {
      const loose = await looseMarkers(this.#ports);
      if (loose.length >= looseMarkersMax) await foldMarkers(this.#ports, staging);
    } catch (error) {
      this.#ports.logger.warn('could not fold the markers of a file sink', {
        directory: this.#ports.layout.directory,
        error: toError(error),
      });
    } finally {
      this.#isFolding = false;
    }
  }
}
