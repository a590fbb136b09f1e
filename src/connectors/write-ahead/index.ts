// Write-ahead connector: `tidegate/write-ahead`.

export { writeAhead } from './sink.js';
export type { RecordCodec } from './codec.js';
export type { WriteAheadOptions } from './sink.js';
