// How a command ends, as a number that scripts can rely on.

export const exitCodes = {
  /** Done, and nothing is wrong. */
  fine: 0,
  /** Done, and the answer is bad news: findings, damage, a refusal, a violation. */
  findings: 1,
  /** Could not be done: something cannot be read, parsed, reached or owned. */
  failed: 2,
  /** The command line itself is wrong (EX_USAGE of sysexits.h). */
  usage: 64,
  /** Ended by SIGINT, as shells report it. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
