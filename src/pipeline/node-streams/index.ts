// The public names of `tidegate/streams`: barriers through Node's own streams.

export { sourceOfReadable } from './source-of-readable.js';
export type { SourceOfReadableOptions } from './source-of-readable.js';
export type { StageOptions } from './source-stage.js';
export type {
  NamedStageOptions,
  RecordStageOptions,
  StreamStages,
  WrappingOptions,
} from './stages.js';
export { StreamPipeline } from './stream-pipeline.js';
export type { Declaration, StreamPipelineOptions } from './stream-pipeline.js';
