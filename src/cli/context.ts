// What every command gets: its outputs, its clock, and the signal that ends it.

import type { Clock } from '../runtime/clock.js';
import type { Random } from '../runtime/random.js';
import type { ExitCode } from './exit-codes.js';
import type { Terminal } from './terminal.js';

export interface Context {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly random: Random;
  /** Aborted by SIGINT. */
  readonly signal: AbortSignal;
}

/** Takes the exit code of a command that has run. */
export type Done = (exitCode: ExitCode) => void;

/** Options that every command has. */
export interface CommonOptions {
  /** One JSON document on stdout instead of text. */
  readonly json?: boolean;
}

/** Options of the commands that work on a store's directory. */
export interface StoreOptions extends CommonOptions {
  readonly store: string;
}
