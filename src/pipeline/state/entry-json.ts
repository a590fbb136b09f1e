// One entry of keyed state as a line of JSON, refused where JSON would change it in silence.

import { TidegateError } from '../../errors.js';
import { jsonLoss } from './json-safe.js';

/** @throws TidegateError `TIDEGATE_STATE_NOT_JSON`, naming operator, key and member. */
export function entryLine(operator: string, key: string, members: readonly unknown[]): string {
  const loss = jsonLoss(members);
  if (loss === undefined) return JSON.stringify([key, ...members]);
  throw new TidegateError(
    'TIDEGATE_STATE_NOT_JSON',
    `the state of operator ${operator} for key ${JSON.stringify(key)} cannot be saved as JSON: ${loss}`,
    { details: { operator } },
  );
}
