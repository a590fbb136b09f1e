// The public names of `tidegate/files`.

export { fileSink } from './sink/file-sink.js';
export type { FileSinkOptions } from './sink/file-sink.js';
