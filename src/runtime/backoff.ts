// The pauses between tries: they grow, and restarted processes do not ask in step.

/** The bounds of a pause. */
export interface BackoffBounds {
  /** Before the second try. Default 100. */
  readonly firstMs?: number;
  /** Default 10 000. */
  readonly maxMs?: number;
}

/**
 * Doubles up to its bound, half of it by chance.
 *
 * @param attempt From 0.
 * @param chance From 0 to 1.
 */
export function backoffMs(
  attempt: number,
  chance: number,
  { firstMs = 100, maxMs = 10_000 }: BackoffBounds = {},
): number {
  const wholeMs = Math.min(maxMs, firstMs * 2 ** Math.min(attempt, 20));
  return wholeMs / 2 + (wholeMs / 2) * chance;
}
