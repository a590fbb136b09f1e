// Which functions wait for the async function that asks: V8 knows them, for its stack traces.

/** An async function that waits, and where in it. */
export interface Awaiter {
  /** The function: its file and the place at which it begins. */
  readonly of: string;
  /** The `await` at which it waits. */
  readonly at: string;
}

const framesMax = 50;

/**
 * The async functions that wait for the one that calls this, the innermost first. It must have come back
 * from an `await` of its own, or nothing can wait for it yet. Empty where nothing waits with `await`.
 */
export function awaitersHere(): readonly Awaiter[] {
  const { stackTraceLimit } = Error;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- it is only put back
  const { prepareStackTrace } = Error;
  const holder: { stack?: unknown } = {};
  try {
    Error.stackTraceLimit = framesMax;
    Error.prepareStackTrace = (_error, sites) => sites;
    Error.captureStackTrace(holder, awaitersHere);
    const sites = Array.isArray(holder.stack) ? (holder.stack as readonly NodeJS.CallSite[]) : [];
    return sites.filter((site) => site.isAsync()).flatMap(awaiterOf);
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** `Promise.all` and the like have no file. */
function awaiterOf(site: NodeJS.CallSite): readonly Awaiter[] {
  const file = site.getFileName();
  if (file === null) return [];
  const begins = `${site.getEnclosingLineNumber()}:${site.getEnclosingColumnNumber()}`;
  const at = `${site.getLineNumber() ?? ''}:${site.getColumnNumber() ?? ''}`;
  return [{ of: `${file}:${begins}`, at }];
}

/**
 * Whether two calls are awaited by one activation of a function. An activation waits at one place at a
 * time: where the innermost function that both have in common waited elsewhere, it is the same one;
 * where it waits at the same place it has begun both, and goes on beside neither.
 */
export function areOfOneFunction(one: readonly Awaiter[], other: readonly Awaiter[]): boolean {
  for (const awaiter of one) {
    const known = other.find(({ of }) => of === awaiter.of);
    if (known !== undefined) return known.at !== awaiter.at;
  }
  return false;
}
