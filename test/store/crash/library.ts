// What the writing process of the kill rounds needs, from the sources.

export { createManifest } from '../../../src/manifest/create.js';
export { externalOperatorState } from '../../../src/manifest/operator-state.js';
export { FileSystemCheckpointStore } from '../../../src/store/filesystem/file-system-store.js';
