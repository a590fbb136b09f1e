// Write-ahead connector: `tidegate/write-ahead`.

export { writeAhead } from './write-ahead.js';
export type { RecordCodec } from './codec.js';
export type { WriteAheadOptions } from './write-ahead.js';
