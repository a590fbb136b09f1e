// The logger port: silent unless the user gives one.

/** Structured facts of one log line. Never a secret, never a record's content. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Where warnings go. `console` is one; pino takes the fields first, so it needs four small functions
 * such as `(message, fields) => log.info(fields, message)`.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

const nothing = (): void => undefined;

/** The same logger, except that a line that cannot be written is lost without an error. */
export function harmlessLogger(logger: Logger): Logger {
  const guarded =
    (level: keyof Logger) =>
    (message: string, fields?: LogFields): void => {
      try {
        logger[level](message, fields);
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

export const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
};
