// What the writing process of the kill rounds needs, from the sources.

import { FileSystemCheckpointStore } from '../../../src/index.js';

export { createManifest } from '../../../src/manifest/create.js';
export { externalOperatorState } from '../../../src/manifest/operator-state.js';

export function storeAt(directory: string): FileSystemCheckpointStore {
  return new FileSystemCheckpointStore(directory);
}
