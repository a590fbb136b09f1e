// What a sink answered, as one of the answers that there are.

import { TidegateError } from '../errors.js';

/** @throws TidegateError for any other answer: it would be counted as one of them somewhere. */
export function checkedAnswer<Known extends string>(
  question: string,
  answer: unknown,
  possible: readonly Known[],
): Known {
  const known = possible.find((one) => one === answer);
  if (known !== undefined) return known;
  throw new TidegateError(
    'TIDEGATE_RECOVERY_SINK_REFUSED',
    `${question} was answered with ${String(answer)}, and not with ${possible.join(', ')}`,
  );
}
