// The pauses between tries: they grow, and restarted processes do not ask in step.

const firstDelayMs = 100;
const longestDelayMs = 10_000;

/**
 * Doubles up to ten seconds, half of it by chance.
 *
 * @param attempt From 0.
 * @param chance From 0 to 1.
 */
export function backoffMs(attempt: number, chance: number): number {
  const longestMs = Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(attempt, 20));
  return longestMs / 2 + (longestMs / 2) * chance;
}
