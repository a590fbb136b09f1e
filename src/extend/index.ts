// What those need who write a store, a sink, a source or an operator: `tidegate/extend`.

export { toEpoch, toGeneration, toStoreId } from '../public-ids.js';

export { systemClock } from '../runtime/clock.js';
export type { Clock, Timer } from '../runtime/clock.js';
export { silentLogger } from '../runtime/logger.js';
export type { LogFields, Logger } from '../runtime/logger.js';
export { seededRandom, systemRandom } from '../runtime/random.js';
export type { Random } from '../runtime/random.js';

export { lostInput } from '../contracts/lost-input.js';
export type { LostInputOptions } from '../contracts/lost-input.js';
export type {
  Barrier,
  BarrierPort,
  CutListener,
  Flow,
  FlowStatus,
  RecordTrouble,
  SourceBack,
  SourcePatience,
  SourceStatus,
  SourceWaiting,
  TroubledRecords,
} from '../contracts/barrier.js';
export type {
  EncodedState,
  Operator,
  OperatorDefinition,
  OperatorRestoreOptions,
  OperatorSnapshot,
} from '../contracts/operator.js';
export type { MigratedFrom, StateVersion } from '../contracts/migration.js';
export type { Participants } from '../contracts/participants.js';
export { isTwoPhase } from '../contracts/sink.js';
export type {
  CommitOutcome,
  Durability,
  FlushingSink,
  FlushingSinkSession,
  InspectRequest,
  Inspection,
  PreCommitRequest,
  Prepared,
  PreparedListing,
  RollbackOutcome,
  RecordForm,
  RollbackRequest,
  Sink,
  SinkInspector,
  SinkOwner,
  SinkSession,
  TwoPhaseSink,
  TwoPhaseSinkSession,
} from '../contracts/sink.js';
export type {
  CallOptions,
  Offsets,
  ReadableSource,
  RestoreOptions,
  Source,
  SourceBatch,
  SourceInput,
  SourcePartition,
  SourcePosition,
} from '../contracts/source.js';
export type { TableStore } from '../contracts/table-store.js';
export { ObjectStorageFailure } from '../contracts/object-storage.js';
export type {
  ObjectCondition,
  ObjectFacts,
  ObjectPage,
  ObjectStorage,
  ObjectStorageFailureKind,
  StoredObject,
  UploadedPart,
  UploadName,
} from '../contracts/object-storage.js';

export type {
  CheckpointListing,
  CheckpointState,
  CheckpointStore,
  LoadedCheckpoint,
  OpenStoreOptions,
  OwnedStore,
  PruneOptions,
  PruneReport,
  SavedManifest,
  SidecarReceipt,
  SkippedEntry,
  StoreCallOptions,
  StoreOwner,
  StoreReader,
  WriteSidecarOptions,
} from '../store/checkpoint-store.js';
export { checkManifestUpdate } from '../manifest/update-rules.js';
export type { PersistedManifest } from '../store/persisted-manifest.js';
export type { StoreErrorCode } from '../store/store-error.js';
export type { CustomContext, CustomOperator } from '../pipeline/stages/custom-operator.js';
export type {
  DirectoryEntry,
  FileAccess,
  FileFacts,
  FileIdentity,
  FileKind,
  FileSystem,
  ReadableFile,
  Visibility,
  WritableFile,
} from '../runtime/file-system.js';
export type { ProcessIdentity, ProcessLiveness, Processes } from '../runtime/process-identity.js';
