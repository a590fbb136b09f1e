// The logger port: silent unless the user gives one.

/** Structured facts of one log line. Never a secret, never a record's content. */
export type LogFields = Readonly<Record<string, unknown>>;

/** A logger as pino and console have it, with the message first. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

const nothing = (): void => undefined;

export const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
};
