// Write-ahead connector: `tidegate/write-ahead`.

export { writeAhead } from './write-ahead.js';
export type { RecordCodec, WriteAheadOptions } from './write-ahead.js';
