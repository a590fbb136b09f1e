// Letting go of sinks and the store with a bound each: what was done stands, and is reported.

import { toError } from '../errors.js';
import { withDeadline } from '../runtime/deadline.js';
import type { ConnectOptions } from './connection.js';
import type { Context } from './context.js';

interface Closable {
  close?(): void | Promise<void>;
}

/** One that hangs or throws is noted and holds no other one up; the store is closed last. */
export async function closeBounded(
  sinks: ReadonlyMap<string, Closable>,
  store: Closable,
  { timeoutMs }: ConnectOptions,
  { clock, terminal }: Context,
): Promise<void> {
  const named = [...sinks].map(([name, sink]): [string, Closable] => [`sink ${name}`, sink]);
  for (const [what, thing] of [...named, ['the store', store] as const]) {
    const closing = await withDeadline({ clock, timeoutMs }, () => thing.close?.());
    if (closing.kind === 'answered') continue;
    const why = closing.kind === 'failed' ? toError(closing.error).message : closing.kind;
    terminal.note(`${what} could not be closed: ${why}`);
  }
}
