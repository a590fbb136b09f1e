// The public names of tidegate.

export { TidegateError, errorCodes, hasErrorCode, isTidegateError } from './errors.js';
export type { ErrorCode, ErrorDetails, ErrorKind, TidegateErrorOptions } from './errors.js';
export type { AttemptId, CheckpointId, Epoch, Generation, StoreId } from './ids.js';

export { canonicalManifest, manifestChecksum, manifestsEqual } from './manifest/canonical.js';
export { connectorCheckpoint, createManifest } from './manifest/create.js';
export type { CreateManifestOptions } from './manifest/create.js';
export type { JsonNumber, JsonValue } from './manifest/json/value.js';
export { ManifestError } from './manifest/manifest-error.js';
export type {
  ManifestErrorCode,
  ManifestPosition,
  ManifestProblem,
} from './manifest/manifest-error.js';
export {
  decodeInlineState,
  externalOperatorState,
  inlineOperatorState,
  operatorStateFromBytes,
  tryDecodeInlineState,
} from './manifest/operator-state.js';
export type { SplitOperatorState } from './manifest/operator-state.js';
export { manifestIntegrity, parseManifest } from './manifest/parse.js';
export type { ManifestSizeOptions } from './manifest/parse.js';
export { serializeManifest } from './manifest/serialize.js';
export { DEFAULT_VNODE_COUNT, manifestVersion } from './manifest/types.js';
export type {
  CheckpointKind,
  CheckpointManifest,
  ConnectorCheckpoint,
  ManifestValidationError,
  OperatorCheckpoint,
  RolledBack,
  SinkCommitStatus,
  TidegateFields,
  UnknownFields,
} from './manifest/types.js';
export { brokenUpdateRule, checkManifestUpdate, updateRules } from './manifest/update-rules.js';
export type { UpdateRule } from './manifest/update-rules.js';
export { validateManifest } from './manifest/validate.js';
export { checkManifestVersion } from './manifest/version.js';

export { systemClock } from './runtime/clock.js';
export type { Clock, Timer } from './runtime/clock.js';
export { silentLogger } from './runtime/logger.js';
export type { LogFields, Logger } from './runtime/logger.js';
export { seededRandom, systemRandom } from './runtime/random.js';
export type { Random } from './runtime/random.js';
