// Spans of event time, made and checked: kinds of windows, how far a join looks, when a source is idle.

import { requireOptions, type NamesOf } from '../given.js';
import type { EventTimeOptions } from './flow/source-times.js';
import { requireFunctions } from './given-functions.js';
import { invalid } from './graph.js';
import type { WindowSpec } from './stages/window.js';

/** Windows side by side: each record is in one. They begin at multiples of their size. */
export function tumblingWindow({ sizeMs }: { readonly sizeMs: number }): WindowSpec {
  return { sizeMs, everyMs: sizeMs };
}

/** Windows of `sizeMs`, one beginning every `everyMs`: a record is in `sizeMs / everyMs` of them. */
export function slidingWindow(spec: WindowSpec): WindowSpec {
  return spec;
}

/** @throws TidegateError `TIDEGATE_PIPELINE` for sizes that no record could be put into. */
export function checkedWindow(name: string, { sizeMs, everyMs }: WindowSpec): WindowSpec {
  for (const [what, value] of Object.entries({ sizeMs, everyMs })) {
    if (Number.isSafeInteger(value) && value > 0) continue;
    throw invalid(`window ${name} has ${what} ${value}, not whole milliseconds above 0`);
  }
  if (everyMs <= sizeMs) return { sizeMs, everyMs };
  throw invalid(
    `window ${name} begins every ${everyMs} ms and lasts ${sizeMs} ms: records between are in none`,
  );
}

/** @throws TidegateError `TIDEGATE_PIPELINE` for a distance that no pair of records could have. */
export function requireWholeSpan(join: string, withinMs: number): void {
  if (Number.isSafeInteger(withinMs) && withinMs >= 0) return;
  throw invalid(`join ${join} has withinMs ${withinMs}, not whole milliseconds`);
}

/** As long as a timer can wait: 24.8 days. */
const longestIdleAfterMs = 2 ** 31 - 1;

const eventTimeNames: NamesOf<EventTimeOptions<never>> = {
  timeOf: true,
  outOfOrderMs: true,
  idleAfterMs: true,
};

/**
 * A fraction is refused because a watermark is saved as whole milliseconds: after a restart it would
 * be lower than before.
 *
 * @throws TidegateError `TIDEGATE_PIPELINE` for spans that no watermark could follow from, and for
 * a `timeOf` that does not answer at once; `TIDEGATE_OPTIONS` for names that there are not.
 */
export function requireEventTimes<Rec>(source: string, eventTime: EventTimeOptions<Rec>): void {
  requireOptions(`eventTime of source ${source}`, eventTime, eventTimeNames);
  requireFunctions(`source ${source}`, { timeOf: eventTime.timeOf });
  const { outOfOrderMs = 0, idleAfterMs = 1 } = eventTime;
  if (!Number.isSafeInteger(outOfOrderMs) || outOfOrderMs < 0) {
    throw invalid(`source ${source} has outOfOrderMs ${outOfOrderMs}, not whole milliseconds`);
  }
  if (Number.isSafeInteger(idleAfterMs) && idleAfterMs > 0 && idleAfterMs <= longestIdleAfterMs)
    return;
  throw invalid(
    `source ${source} has idleAfterMs ${idleAfterMs}, not whole milliseconds from 1 to ${longestIdleAfterMs}`,
  );
}
