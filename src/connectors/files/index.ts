// The public names of `tidegate/files`.

export { fileSink } from './sink/sink.js';
export type { FileSinkOptions } from './sink/sink.js';
export { csvSource } from './source/csv-source.js';
export type { CsvRecord, CsvSourceOptions } from './source/csv-source.js';
export type { FileSourceOptions } from './source/source.js';
export { jsonLinesSource } from './source/json-lines-source.js';
export type { JsonLinesSourceOptions } from './source/json-lines-source.js';
export type { JsonNumbers } from './source/json-numbers.js';
export type { ResumeBy } from './source/opened-file.js';
export type { BadRecord, BadRecordPolicy } from './source/record-format.js';
export { nodeFileSystem } from '../../runtime/file-system-node.js';
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
} from '../../runtime/file-system.js';
