// A Date as the text of a PostgreSQL type: an instant, or the clock and calendar of UTC.

/** Types that a Date has a meaning in. */
export type DateType = 'timestamptz' | 'timestamp' | 'date';

export function isDateType(name: string): name is DateType {
  return name === 'timestamptz' || name === 'timestamp' || name === 'date';
}

/**
 * In UTC, whatever the zone of the process: `timestamptz` takes the instant, `timestamp` the clock of
 * UTC, `date` the day of UTC at its beginning. Undefined for a `date` that would lose a time of day: it
 * may be midnight of another zone.
 */
export function dateTextOf(value: Date, type: DateType): string | undefined {
  const year = value.getUTCFullYear();
  const [, monthAndDay = '', clock = ''] =
    /-(\d\d-\d\d)T([\d:.]+)Z$/.exec(value.toISOString()) ?? [];
  if (type === 'date' && clock !== '00:00:00.000') return undefined;
  // PostgreSQL has no year 0: it counts 1 BC, and writes no signs.
  const text = `${String(year > 0 ? year : 1 - year).padStart(4, '0')}-${monthAndDay}`;
  const era = year > 0 ? '' : ' BC';
  if (type === 'date') return `${text}${era}`;
  return `${text} ${clock}${type === 'timestamptz' ? '+00' : ''}${era}`;
}
