// Bytes, ages and times as people read them.

/** Such as `0 B`, `1.5 KiB`, `64 MiB`. */
export function formatBytes(byteLength: number): string {
  if (byteLength < 1_024) return `${byteLength} B`;
  let value = byteLength;
  let unit = -1;
  // Up to the unit in which it is still below 1 024 when rounded, never "1024 KiB".
  while (unit < units.length - 1 && (value >= 1_023.95 || unit < 0)) {
    value /= 1_024;
    unit += 1;
  }
  const text = value >= 99.95 ? value.toFixed(0) : value.toFixed(1);
  return `${text.replace(/\.0$/, '')} ${units[unit] ?? ''}`;
}

const units = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** Such as `3 s`, `12 min`, `5 h`, `9 d`; a time that lies ahead is `in the future`. */
export function formatAge(thenMs: number, nowMs: number): string {
  if (thenMs === 0) return 'unknown';
  const seconds = Math.floor((nowMs - thenMs) / 1_000);
  // A clock that is a little ahead is no news.
  if (seconds < -5) return 'in the future';
  if (seconds < 60) return `${Math.max(0, seconds)} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3_600) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** ISO 8601 in UTC, to the second; the bare number where no calendar reaches. */
export function formatTime(timestampMs: number): string {
  const date = new Date(timestampMs);
  if (Number.isNaN(date.getTime())) return `${timestampMs} ms`;
  return date.toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Such as `1 checkpoint`, `2 checkpoints`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
