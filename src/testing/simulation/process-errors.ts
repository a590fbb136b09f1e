// What the error says with which a process ended: a refusal, a loss, an overtaken owner, or a mistake of ours.

import { isTidegateError, toError, type ErrorCode } from '../../errors.js';

/** Recovery says that something is missing, damaged or ahead: never right after a mere crash. */
export const losses: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'TIDEGATE_SINK_STORE',
  'TIDEGATE_RECOVERY_UNKNOWN_SINK',
  'TIDEGATE_RECOVERY_NOTHING_TO_RESUME',
  'TIDEGATE_RECOVERY_TWO_IN_DOUBT',
  'TIDEGATE_RECOVERY_CORRUPT',
  'TIDEGATE_RECOVERY_FOREIGN_IN_DOUBT',
  'TIDEGATE_RECOVERY_SPLIT',
  'TIDEGATE_RECOVERY_SUPERSEDES',
  'TIDEGATE_RECOVERY_NO_BASE',
  'TIDEGATE_RECOVERY_SINK_AHEAD',
  'TIDEGATE_RECOVERY_SINK_REWOUND',
  'TIDEGATE_RECOVERY_NEWER_VERSION',
  'TIDEGATE_RECOVERY_BEYOND_LIMITS',
  'TIDEGATE_RESTORE_REFUSED',
]);

/** Recovery asks for a human, for whatever reason. */
export const refusals: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...losses,
  'TIDEGATE_RECOVERY_UNANSWERED',
  'TIDEGATE_RECOVERY_SINK_REFUSED',
  'TIDEGATE_RECOVERY_POLICY',
]);

export const overtaken: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['TIDEGATE_FENCED']);

/** Whether one of these codes is given, at any depth of causes. */
export function hasCode(error: unknown, codes: ReadonlySet<ErrorCode>): boolean {
  return causesOf(error).some((cause) => isTidegateError(cause) && codes.has(cause.code));
}

export function isBug(error: unknown): boolean {
  return causesOf(error).some(
    (cause) =>
      cause instanceof TypeError ||
      cause instanceof ReferenceError ||
      cause instanceof RangeError ||
      (isTidegateError(cause) && cause.kind === 'internal'),
  );
}

export function texts(error: unknown): string {
  return causesOf(error)
    .map((cause) => {
      const code = isTidegateError(cause) ? `${cause.code} ` : '';
      return code + toError(cause).message;
    })
    .join(' <- ');
}

function causesOf(error: unknown): readonly unknown[] {
  const causes: unknown[] = [];
  let next = error;
  while (next !== undefined && causes.length < 10) {
    causes.push(next);
    next = next instanceof Error ? next.cause : undefined;
  }
  return causes;
}
