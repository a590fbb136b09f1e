// A record as JSON for a sink that writes text: refused by name where JSON would change it.

import { TidegateError } from '../errors.js';
import { exactJson } from '../exact-json.js';

/**
 * @param wayOut What a user of the sink can do instead, such as `give encode`.
 * @throws TidegateError `TIDEGATE_SINK_RECORD`, naming the place in the record and what is there.
 */
export function recordAsJson(record: unknown, wayOut: string): string {
  const json = exactJson(record);
  if (json.kind === 'text') return json.text;
  throw new TidegateError(
    'TIDEGATE_SINK_RECORD',
    `a record cannot be written as JSON without loss: ${json.loss}; turn it into text, a number or ` +
      `null before the sink, or ${wayOut}`,
  );
}
