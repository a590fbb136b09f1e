// The logger port: silent unless the user gives one.

/** Structured facts of one log line; an error is under `err`. Never a secret, never a record's content. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where warnings go: the shape of pino, so that an instance of it is one; `console` is one too. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

const nothing = (): void => undefined;

/** The same logger, except that a line that cannot be written is lost without an error. */
export function harmlessLogger(logger: Logger): Logger {
  const guarded =
    (level: keyof Logger) =>
    (fields: LogFields, message: string): void => {
      try {
        logger[level](fields, message);
      } catch {
        // The log is what failed, so this cannot be logged.
      }
    };
  return {
    debug: guarded('debug'),
    info: guarded('info'),
    warn: guarded('warn'),
    error: guarded('error'),
  };
}

/** A logger that writes nothing. */
export const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
};
