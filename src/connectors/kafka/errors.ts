// Failures of a driver as errors of tidegate.

import { TidegateError, toError, type ErrorCode } from '../../errors.js';
import { KafkaFailure, type KafkaErrorKind, type KafkaProducerOptions } from './driver.js';

const codes: Readonly<Record<KafkaErrorKind, ErrorCode>> = {
  retriable: 'TIDEGATE_KAFKA_UNREACHABLE',
  'unknown-outcome': 'TIDEGATE_KAFKA_TRANSACTION',
  fenced: 'TIDEGATE_FENCED',
  'concurrent-transactions': 'TIDEGATE_KAFKA_UNREACHABLE',
  'transaction-timed-out': 'TIDEGATE_KAFKA_TIMED_OUT',
  'timeout-invalid': 'TIDEGATE_KAFKA_TIMEOUT',
  'offset-out-of-range': 'TIDEGATE_KAFKA_POSITION',
  authentication: 'TIDEGATE_KAFKA_LOGIN',
  authorization: 'TIDEGATE_KAFKA_RIGHTS',
  'missing-topic': 'TIDEGATE_KAFKA_TOPIC',
  'too-large': 'TIDEGATE_KAFKA_TOO_LARGE',
  'not-enough-replicas': 'TIDEGATE_KAFKA_REPLICAS',
  unsupported: 'TIDEGATE_KAFKA_UNSUPPORTED',
  invalid: 'TIDEGATE_KAFKA_REFUSED',
  closed: 'TIDEGATE_KAFKA_UNREACHABLE',
};

/**
 * What a driver threw, in front of it what it was thrown for, such as `source of topic orders`. An
 * error of tidegate, and one that is none of a driver, is given back as it is.
 */
export function toKafkaError(thrown: unknown, who: string): Error {
  if (!isKafkaFailure(thrown)) return toError(thrown);
  const { kind, message } = thrown;
  return new TidegateError(codes[kind], `${who}: ${message}`, {
    cause: thrown,
    details: { kafka: kind },
  });
}

/** By its kind, also when it was made by another copy of the package. */
export function isKafkaFailure(thrown: unknown): thrown is KafkaFailure {
  if (thrown instanceof KafkaFailure) return true;
  if (typeof thrown !== 'object' || thrown === null) return false;
  const { name, kind } = thrown as { readonly name?: unknown; readonly kind?: unknown };
  return name === 'KafkaFailure' && typeof kind === 'string' && kind in codes;
}

/** The broker answers alike for a producer that was fenced and a transaction that it timed out. */
export function withAge(
  failure: KafkaFailure,
  ageMs: number,
  { transactionTimeoutMs }: KafkaProducerOptions,
): KafkaFailure {
  if (failure.kind !== 'fenced' || ageMs < transactionTimeoutMs) return failure;
  const age = `open for ${Math.round(ageMs)} ms, over its timeout of ${transactionTimeoutMs} ms`;
  return new KafkaFailure('transaction-timed-out', `${failure.message}: ${age}`, {
    cause: failure,
  });
}

/** A reader looks again whether the topic is there, and the same one. */
export function readAnew(failure: KafkaFailure): KafkaFailure {
  if (failure.kind !== 'missing-topic') return failure;
  return new KafkaFailure('retriable', failure.message, { cause: failure });
}
