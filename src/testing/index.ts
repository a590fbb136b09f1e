// What users import in their own suites: conformance suites, the simulation, crash enumeration.

export { crashEverywhere, replaySchedule } from './crash-everywhere.js';
export type {
  CrashOptions,
  CrashProgress,
  CrashReport,
  FoundViolation,
  ReplayOptions,
} from './crash-everywhere.js';
export { check, checkers } from './checkers/index.js';
export type {
  Checker,
  Ending,
  HistoryEvent,
  Observation,
  ObservedSink,
  Violation,
} from './checkers/index.js';
export { formatSchedule, parseSchedule } from './simulation/faults.js';
export type { ActionEffect, Fault, FaultKind, PointName, Schedule } from './simulation/faults.js';
export type { Matrix, MatrixCells } from './simulation/matrix.js';
export type { Perform, Port } from './simulation/port.js';
export type { Point } from './simulation/director.js';
export type { DecidedRow, RunResult } from './simulation/run-schedule.js';
export type { SimulatedSource } from './simulation/simulated-source.js';
export type { SimulatedTableStore } from './simulation/simulated-table-store.js';
export { readableSource } from './simulation/simulated-source.js';
export { startAgain } from './simulation/world.js';
export type {
  Build,
  Crashable,
  Input,
  WatchedCoordinator,
  World,
  WrapOptions,
} from './simulation/world.js';
export { describeTwoPhaseSink, twoPhaseSinkCases } from './two-phase-sink-conformance.js';
export type {
  ConformanceCase,
  SinkBench,
  SinkSystem,
  TwoPhaseSinkFactory,
} from './two-phase-sink-conformance.js';
export type { TestRunner } from './test-runner.js';
export { describeCheckpointStore, checkpointStoreCases } from './store-conformance.js';
export type {
  CheckpointStoreFactory,
  StoreConformanceCase,
  StoreSystem,
} from './store-conformance.js';
export { SimulatedAssigner } from './simulated-assigner.js';
export { SimulatedClock } from './clock.js';
export type { SimulatedClockOptions } from './clock.js';
export { SimulatedDisk } from './disk/simulated-disk.js';
export type {
  DiskFault,
  DiskHooks,
  DiskMount,
  DiskOperation,
  DiskOperationKind,
} from './disk/disk-operation.js';
export type { PowerLossOptions } from './disk/power-loss.js';
export { describeObjectStorage, objectStorageCases } from './object-storage-conformance.js';
export type {
  ObjectStorageCase,
  ObjectStorageFactory,
  ObjectStorageSystem,
} from './object-storage-conformance.js';
export { SimulatedObjectStorage } from './object-storage/simulated-object-storage.js';
export type { SimulatedObjectStorageOptions } from './object-storage/simulated-object-storage.js';
export type {
  ObjectConnection,
  ObjectFault,
  ObjectHooks,
  ObjectOperation,
  ObjectOperationKind,
} from './object-storage/object-operation.js';
