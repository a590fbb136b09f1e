// The event-time options of a source, checked when the pipeline is built.

import { requireObject, requireOptions, type NamesOf } from '../given.js';
import type { AlignmentOptions } from './flow/alignment.js';
import type { EventTimeOptions } from './flow/event-time.js';
import { requireFunctions, requirePolicy } from './validate-functions.js';
import { invalid } from './graph.js';

/** As long as a timer can wait: 24.8 days. */
const maxIdleAfterMs = 2 ** 31 - 1;

const eventTimeNames: NamesOf<EventTimeOptions<never>> = {
  timeOf: true,
  outOfOrderMs: true,
  idleAfterMs: true,
  maxAheadMs: true,
  onAhead: true,
  alignment: true,
};

const aheadPolicies: readonly string[] = [
  'fail',
  'skip',
  'dead-letter',
  'clamp',
] satisfies NonNullable<EventTimeOptions<never>['onAhead']>[];

const alignmentNames: NamesOf<AlignmentOptions> = { maxDriftMs: true, group: true };

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
  const { outOfOrderMs = 0, idleAfterMs = 1, maxAheadMs, onAhead, alignment } = eventTime;
  requireWhole(source, { outOfOrderMs });
  if (maxAheadMs !== undefined) requireWhole(source, { maxAheadMs });
  if (!Number.isSafeInteger(idleAfterMs) || idleAfterMs < 1 || idleAfterMs > maxIdleAfterMs) {
    throw invalid(
      `source ${source} has idleAfterMs ${idleAfterMs}, not whole milliseconds from 1 to ${maxIdleAfterMs}`,
    );
  }
  if (onAhead !== undefined) requireAheadPolicy(source, onAhead, maxAheadMs);
  if (alignment !== undefined) requireAlignment(source, alignment);
}

function requireAheadPolicy(source: string, onAhead: unknown, maxAheadMs: unknown): void {
  requirePolicy(`source ${source}`, onAhead, aheadPolicies, 'onAhead');
  if (maxAheadMs !== undefined) return;
  throw invalid(`source ${source} has onAhead and no maxAheadMs: no record is ever too far ahead`);
}

function requireAlignment(source: string, alignment: AlignmentOptions): void {
  const what = `alignment of source ${source}`;
  requireObject(what, alignment);
  requireOptions(what, alignment, alignmentNames);
  const { maxDriftMs, group } = alignment;
  requireWhole(source, { 'alignment.maxDriftMs': maxDriftMs });
  if (group === undefined || (typeof group === 'string' && group !== '')) return;
  throw invalid(`source ${source} has an alignment.group that is not text, or is empty`);
}

function requireWhole(source: string, named: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(named)) {
    if (Number.isSafeInteger(value) && value >= 0) continue;
    throw invalid(`source ${source} has ${name} ${String(value)}, not whole milliseconds`);
  }
}
