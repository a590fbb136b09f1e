// What runs a pipeline: `tidegate`.

export { TidegateError, errorCodes, hasErrorCode, isTidegateError } from './errors.js';
export type { ErrorJson, PlainJson } from './error-json.js';
export type { ErrorCode, ErrorDetails, ErrorKind, TidegateErrorOptions } from './errors.js';
export type { AttemptId, CheckpointId, Epoch, Generation, StoreId } from './ids.js';
export { toCheckpointId } from './public-ids.js';

export type { SinkWriter } from './contracts/barrier.js';

export { CheckpointCoordinator } from './coordinator/coordinator.js';
export type { CoordinatorStatus } from './coordinator/coordinator.js';
export type { Batch } from './coordinator/dataflow/batch-loop.js';
export type { SafePoint } from './coordinator/dataflow/safe-point.js';
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
export type { Guarantee, GuaranteeLevel, SinkGuarantee } from './coordinator/options/guarantee.js';
export { jsonState } from './coordinator/json-state.js';
export type { JsonStateOptions } from './coordinator/json-state.js';
export type { Phase } from './coordinator/lifecycle/life-events.js';
export type {
  AttemptCause,
  AttemptEnd,
  DroppedReport,
  StepName,
} from './coordinator/checkpoint/outcome.js';
export type { Inspect, InspectedActor, InspectionEvent } from './coordinator/context.js';
export { defaultCheckpointOptions } from './coordinator/options/checkpoint-options.js';
export type {
  CheckpointOptions,
  CheckpointSettings,
  StepTimeouts,
  Timeouts,
} from './coordinator/options/checkpoint-options.js';
export type { CheckpointOutcome, RequestOutcome } from './coordinator/checkpoint/requests.js';

export { renderReport } from './recovery/report.js';
export type { RecoveryReport, SinkReport, SkippedCheckpoint } from './recovery/request.js';
export type {
  InDoubtPolicy,
  LostInputChoice,
  RecoveryOptions,
  RecoveryTimeouts,
  RestoreChoice,
  StateLimits,
} from './recovery/request.js';
export type { LiveOwnerPolicy } from './store/checkpoint-store.js';
export { FileSystemCheckpointStore } from './store/filesystem/file-system-store.js';
export type { FileSystemCheckpointStoreOptions } from './store/filesystem/file-system-store.js';
export { MemoryCheckpointStore } from './store/memory/memory-store.js';
export type { MemoryCheckpointStoreOptions } from './store/memory/memory-store.js';
export { ObjectCheckpointStore } from './store/object/object-store.js';
export type { ObjectCheckpointStoreOptions } from './store/object/object-store.js';
export type { ObjectStoreTimeouts } from './store/object/storage-calls.js';

export { arraySource } from './connectors/memory/array-source.js';
export type { ArraySourceOptions } from './connectors/memory/array-source.js';
export { consoleSink } from './connectors/memory/console-sink.js';
export type { ConsoleSinkOptions, TextOutput } from './connectors/memory/console-sink.js';
export { iterableSource } from './connectors/memory/iterable-source.js';
export type { IterableSourceOptions } from './connectors/memory/iterable-source.js';
export { pushSource } from './connectors/memory/push-source.js';
export type {
  PushedBatch,
  PushOutcome,
  PushSource,
  PushSourceOptions,
} from './connectors/memory/push-source.js';
export { memorySink } from './connectors/memory/memory-sink.js';
export type { MemorySink } from './connectors/memory/memory-sink.js';

export type { AlignmentOptions } from './pipeline/flow/alignment.js';
export type { DeadLetter, ErrorPolicy } from './pipeline/flow/record-errors.js';
export type { EventTimeOptions } from './pipeline/flow/event-time.js';
export { Pipeline } from './pipeline/pipeline.js';
export type { PreparedRun, RunOptions, RunReport } from './pipeline/prepared-run.js';
export type { Aggregation, KeyedValue } from './pipeline/stages/aggregate.js';
export type { Key, KeyOf } from './pipeline/stages/keys.js';
export type { KeyedStream, ProcessedStream, Stream, TimedStream } from './pipeline/stream.js';
export type {
  OperatorOptions,
  PipelineOptions,
  SourceOptions,
  StatefulOptions,
  TableOptions,
} from './pipeline/options.js';
export type { Table } from './pipeline/table.js';
export type { JoinOptions } from './pipeline/stages/join.js';
export type { KeyedFunction, ProcessContext } from './pipeline/stages/process.js';
export type { WindowAggregation, WindowResult } from './pipeline/stages/window.js';
export { slidingWindow, tumblingWindow } from './pipeline/windows.js';
export type { TimeWindow, TumblingWindowOptions, WindowSpec } from './pipeline/windows.js';
