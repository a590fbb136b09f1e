// The manifest of a checkpoint, to read and to make: `tidegate/manifest`.

export { canonicalManifest, manifestChecksum, manifestsEqual } from './canonical.js';
export { connectorCheckpoint, createManifest } from './create.js';
export type { CreateManifestOptions } from './create.js';
export type { JsonNumber, JsonValue } from './json/value.js';
export { ManifestError } from './manifest-error.js';
export type { ManifestErrorCode, ManifestPosition, ManifestProblem } from './manifest-error.js';
export {
  decodeInlineState,
  externalOperatorState,
  inlineOperatorState,
  operatorStateFromBytes,
  tryDecodeInlineState,
} from './operator-state.js';
export type { SplitOperatorState } from './operator-state.js';
export { manifestIntegrity, parseManifest } from './parse.js';
export type { ManifestSizeOptions } from './parse.js';
export { serializeManifest } from './serialize.js';
export { DEFAULT_VNODE_COUNT, manifestVersion } from './types.js';
export type {
  CheckpointKind,
  CheckpointManifest,
  ConnectorCheckpoint,
  ManifestValidationError,
  LostInput,
  ManualDecision,
  OperatorCheckpoint,
  RolledBack,
  SavedDefinition,
  SinkCommitStatus,
  TidegateFields,
  UnknownFields,
} from './types.js';
export { validateManifest } from './validate.js';
export { checkManifestVersion } from './version.js';
