// The public names of tidegate.

export { TidegateError, errorCodes, hasErrorCode, isTidegateError } from './errors.js';
export type { ErrorCode, ErrorDetails, ErrorKind, TidegateErrorOptions } from './errors.js';
export type { AttemptId, Branded, CheckpointId, Epoch, Generation, StoreId } from './ids.js';
export { checkpointId, epoch, generation, storeId } from './given-ids.js';

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
  ManualDecision,
  OperatorCheckpoint,
  RolledBack,
  SavedDefinition,
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

export type {
  Barrier,
  BarrierPort,
  CutListener,
  Flow,
  FlowStatus,
  RecordTrouble,
  SinkWriter,
  SourceStatus,
  TroubledRecords,
} from './contracts/barrier.js';
export type {
  EncodedState,
  Operator,
  OperatorDefinition,
  OperatorRestoreOptions,
  OperatorSnapshot,
} from './contracts/operator.js';
export type { MigratedFrom, StateVersion } from './contracts/migration.js';
export type { Participants } from './contracts/participants.js';
export { isTwoPhase } from './contracts/sink.js';
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
  RecordForm,
  RollbackOutcome,
  RollbackRequest,
  Sink,
  SinkInspector,
  SinkOwner,
  SinkSession,
  TwoPhaseSink,
  TwoPhaseSinkSession,
} from './contracts/sink.js';
export type {
  CallOptions,
  Offsets,
  ReadableSource,
  RestoreOptions,
  Source,
  SourceBatch,
  SourceInput,
  SourcePosition,
} from './contracts/source.js';
export type { TableStore } from './contracts/table-store.js';

export { CheckpointCoordinator } from './coordinator/coordinator.js';
export type { CoordinatorStatus, SafePoint } from './coordinator/coordinator.js';
export type {
  CoordinatorOptions,
  Named,
  RecordOf,
  WritersOf,
} from './coordinator/options/coordinator-options.js';
export type {
  AttemptEndedEarly,
  AttemptIds,
  AttemptStarted,
  CheckpointCompleted,
  CoordinatorEvents,
  CoordinatorEventSource,
  CoordinatorListener,
  ReportDropped,
  SinkCommitted,
  SinkNotCommitted,
  StepEnded,
  StepStarted,
} from './coordinator/events.js';
export type { DroppedReport } from './coordinator/checkpoint/pending-cut.js';
export type { Guarantee, GuaranteeLevel, SinkGuarantee } from './coordinator/options/guarantee.js';
export { jsonState } from './coordinator/json-state.js';
export type { JsonStateOptions } from './coordinator/json-state.js';
export type { Phase } from './coordinator/lifecycle/life-events.js';
export type { AttemptCause, StepName } from './coordinator/checkpoint/outcome.js';
export type { Inspect } from './coordinator/xstate-ports.js';
export { defaultCheckpointOptions } from './coordinator/options/checkpoint-options.js';
export type { CheckpointOptions, StepBounds } from './coordinator/options/checkpoint-options.js';
export type { CheckpointOutcome } from './coordinator/checkpoint/tickets.js';

export { planOnly } from './recovery/dry-run.js';
export type { DryRun, DryRunRequest, RecoveryPlanKind } from './recovery/dry-run.js';
export { recover } from './recovery/recover.js';
export { renderReport } from './recovery/render-report.js';
export type { RecoveryReport, SinkReport, SkippedCheckpoint } from './recovery/report.js';
export type {
  InDoubtPolicy,
  Recover,
  Recovered,
  RecoveryAnswered,
  RecoveryOptions,
  RecoveryOutcome,
  RecoveryPorts,
  RecoveryRequest,
  RestoreChoice,
  StateLimits,
} from './recovery/request.js';
export type {
  CheckpointListing,
  CheckpointState,
  CheckpointStore,
  LiveOwnerPolicy,
  LoadedCheckpoint,
  OpenStoreOptions,
  OwnedStore,
  PruneOptions,
  PruneReport,
  SavedManifest,
  SidecarReceipt,
  SkippedEntry,
  StoreCallOptions,
  StoreReader,
  WriteSidecarOptions,
} from './store/checkpoint-store.js';
export { FileSystemCheckpointStore } from './store/filesystem/file-system-store.js';
export type { FileSystemCheckpointStoreOptions } from './store/filesystem/file-system-store.js';
export { MemoryCheckpointStore } from './store/memory/memory-store.js';
export type { MemoryCheckpointStoreOptions } from './store/memory/memory-store.js';
export type { PersistedManifest } from './store/persisted-manifest.js';
export type { StoreErrorCode } from './store/store-error.js';
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
} from './runtime/file-system.js';
export type { ProcessIdentity, ProcessLiveness, Processes } from './runtime/process-identity.js';

export { arraySource } from './connectors/memory/array-source.js';
export type { ArraySourceOptions } from './connectors/memory/array-source.js';
export { consoleSink } from './connectors/memory/console-sink.js';
export type { ConsoleSinkOptions, TextOutput } from './connectors/memory/console-sink.js';
export { iterableSource } from './connectors/memory/iterable-source.js';
export type { IterableSourceOptions } from './connectors/memory/iterable-source.js';
export { MemorySink } from './connectors/memory/memory-sink.js';

export type { PipelineOptions } from './pipeline/determinism.js';
export type { AlignmentOptions } from './pipeline/flow/alignment.js';
export type { DeadLetter, ErrorPolicy } from './pipeline/flow/record-errors.js';
export type { EventTimeOptions } from './pipeline/flow/event-time.js';
export { Pipeline } from './pipeline/pipeline.js';
export type { SourceOptions } from './pipeline/pipeline.js';
export type { PreparedRun, RunOptions, RunReport } from './pipeline/prepared-run.js';
export type { Aggregation, KeyedValue } from './pipeline/stages/aggregate.js';
export type { Key, KeyOf } from './pipeline/stages/keys.js';
export type { KeyedStream, ProcessedStream, Stream, TimedStream } from './pipeline/stream.js';
export type { OperatorOptions, StatefulOptions, TableOptions } from './pipeline/stream-options.js';
export type { Table } from './pipeline/table.js';
export type { CustomContext, CustomOperator } from './pipeline/stages/custom-operator.js';
export type { JoinOptions } from './pipeline/stages/join.js';
export type { KeyedFunction, ProcessContext } from './pipeline/stages/process.js';
export type { WindowAggregation, WindowResult } from './pipeline/stages/window.js';
export type { TimeWindow, WindowSpec } from './pipeline/stages/window-grid.js';
export { slidingWindow, tumblingWindow } from './pipeline/windows.js';
export type { TumblingWindowOptions } from './pipeline/windows.js';
