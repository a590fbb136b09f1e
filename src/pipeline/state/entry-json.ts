// One entry of keyed state as a line of JSON, refused where JSON would change it in silence.

import { TidegateError } from '../../errors.js';
import { exactJson } from '../../exact-json.js';

/** @throws TidegateError `TIDEGATE_STATE_NOT_JSON`, naming operator, key and member. */
export function entryLine(operator: string, key: string, members: readonly unknown[]): string {
  const json = exactJson(members, { undefinedMembers: 'absent' });
  if (json.kind === 'text') return withKey(key, json.text);
  throw new TidegateError(
    'TIDEGATE_STATE_NOT_JSON',
    `the state of operator ${operator} for key ${JSON.stringify(key)} cannot be saved as JSON: ${json.loss}`,
    { details: { operator } },
  );
}

/** The text of an array with one more element before the others. */
function withKey(key: string, members: string): string {
  return `[${JSON.stringify(key)}${members === '[]' ? '' : ','}${members.slice(1)}`;
}
