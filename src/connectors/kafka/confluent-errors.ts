// What librdkafka answers with, as the closed kinds of failure.

import { toError } from '../../errors.js';
import { KafkaFailure, type KafkaErrorKind } from './driver.js';

/** Codes of the broker are positive, those of librdkafka itself negative (rd_kafka_resp_err_t). */
const kinds: Readonly<Record<number, KafkaErrorKind>> = {
  1: 'offset-out-of-range',
  3: 'missing-topic',
  10: 'too-large',
  17: 'invalid',
  18: 'too-large',
  19: 'not-enough-replicas',
  20: 'not-enough-replicas',
  26: 'invalid',
  29: 'authorization',
  30: 'authorization',
  31: 'authorization',
  32: 'invalid',
  33: 'authentication',
  34: 'authentication',
  35: 'unsupported',
  37: 'invalid',
  38: 'invalid',
  40: 'invalid',
  42: 'invalid',
  43: 'unsupported',
  44: 'invalid',
  45: 'fenced',
  47: 'fenced',
  48: 'fenced',
  49: 'fenced',
  50: 'timeout-invalid',
  51: 'concurrent-transactions',
  52: 'fenced',
  53: 'authorization',
  58: 'authentication',
  59: 'fenced',
  76: 'unsupported',
  87: 'invalid',
  90: 'fenced',
  [-140]: 'offset-out-of-range',
  [-144]: 'fenced',
  [-165]: 'unsupported',
  [-169]: 'authentication',
  [-181]: 'authentication',
  [-186]: 'invalid',
  [-188]: 'missing-topic',
  [-190]: 'missing-topic',
};

interface Thrown extends Error {
  readonly code?: unknown;
}

/**
 * @param doing What was tried, for the message: `reading topic orders`.
 * @param otherwise The kind where the code does not say: a lost connection, a timeout.
 */
export function toConfluentFailure(
  error: unknown,
  doing: string,
  otherwise: KafkaErrorKind = 'retriable',
): KafkaFailure {
  if (error instanceof KafkaFailure) return error;
  const thrown: Thrown = toError(error);
  const kind = typeof thrown.code === 'number' ? kinds[thrown.code] : undefined;
  return new KafkaFailure(kind ?? otherwise, `${doing}: ${thrown.message}`, { cause: error });
}

/** A call with a callback as a promise. */
export function called<Value = unknown>(
  call: (callback: (error: unknown, value?: Value) => void) => void,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    call((error, value) => {
      if (error === null || error === undefined || error === 0) resolve(value as Value);
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
      else reject(error);
    });
  });
}
