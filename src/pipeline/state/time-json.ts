// Event times in saved state: JSON has no word for the beginning and the end of time.

import { beginningOfTime, endOfTime } from '../flow/elements.js';

export function timeToJson(time: number): number | string {
  if (Number.isFinite(time)) return time;
  return time === endOfTime ? 'end' : 'beginning';
}

export function timeFromJson(time: unknown): number {
  if (typeof time === 'number') return time;
  return time === 'end' ? endOfTime : beginningOfTime;
}
