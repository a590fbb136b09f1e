// What kafkajs throws, as the closed kinds of failure.

import { toError } from '../../errors.js';
import { KafkaFailure, type KafkaErrorKind } from './driver.js';

/** By the broker's name for the error. */
const kinds: Readonly<Record<string, KafkaErrorKind>> = {
  OFFSET_OUT_OF_RANGE: 'offset-out-of-range',
  UNKNOWN_TOPIC_OR_PARTITION: 'missing-topic',
  INVALID_TOPIC_EXCEPTION: 'invalid',
  MESSAGE_TOO_LARGE: 'too-large',
  RECORD_LIST_TOO_LARGE: 'too-large',
  NOT_ENOUGH_REPLICAS: 'not-enough-replicas',
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 'not-enough-replicas',
  TOPIC_AUTHORIZATION_FAILED: 'authorization',
  GROUP_AUTHORIZATION_FAILED: 'authorization',
  CLUSTER_AUTHORIZATION_FAILED: 'authorization',
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 'authorization',
  SASL_AUTHENTICATION_FAILED: 'authentication',
  UNSUPPORTED_SASL_MECHANISM: 'authentication',
  ILLEGAL_SASL_STATE: 'authentication',
  UNSUPPORTED_VERSION: 'unsupported',
  UNSUPPORTED_FOR_MESSAGE_FORMAT: 'unsupported',
  UNSUPPORTED_COMPRESSION_TYPE: 'unsupported',
  INVALID_PRODUCER_EPOCH: 'fenced',
  INVALID_PRODUCER_ID_MAPPING: 'fenced',
  TRANSACTION_COORDINATOR_FENCED: 'fenced',
  OUT_OF_ORDER_SEQUENCE_NUMBER: 'fenced',
  UNKNOWN_PRODUCER_ID: 'fenced',
  INVALID_TXN_STATE: 'fenced',
  INVALID_TRANSACTION_TIMEOUT: 'timeout-invalid',
  CONCURRENT_TRANSACTIONS: 'concurrent-transactions',
  ILLEGAL_GENERATION: 'retriable',
  UNKNOWN_MEMBER_ID: 'retriable',
  REBALANCE_IN_PROGRESS: 'retriable',
  INVALID_SESSION_TIMEOUT: 'invalid',
  INVALID_PARTITIONS: 'invalid',
  INVALID_REPLICATION_FACTOR: 'invalid',
  INVALID_CONFIG: 'invalid',
  INVALID_REQUEST: 'invalid',
  INVALID_RECORD: 'invalid',
  INVALID_TIMESTAMP: 'invalid',
  POLICY_VIOLATION: 'invalid',
};

/** Codes that are younger than kafkajs. */
const youngerKinds: Readonly<Record<string, KafkaErrorKind>> = {
  /** PRODUCER_FENCED */
  90: 'fenced',
  /** THROTTLING_QUOTA_EXCEEDED */
  89: 'retriable',
};

/** By the name of the class, where no broker has answered. */
const kindsByName: Readonly<Record<string, KafkaErrorKind>> = {
  KafkaJSSASLAuthenticationError: 'authentication',
  KafkaJSNotImplemented: 'unsupported',
  KafkaJSServerDoesNotSupportApiKey: 'unsupported',
  KafkaJSPartialMessageError: 'unsupported',
};

/** Codes of Node's TLS: the handshake fails again and again. */
const tlsCode = /^(CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO$)/;

interface Thrown extends Error {
  readonly type?: unknown;
  readonly code?: unknown;
  readonly retriable?: unknown;
}

/**
 * @param doing What was tried, for the message: `reading topic orders`.
 * @param otherwise The kind where neither broker nor client says: a lost connection, a timeout.
 */
export function toFailure(
  error: unknown,
  doing: string,
  otherwise: KafkaErrorKind = 'retriable',
): KafkaFailure {
  if (error instanceof KafkaFailure) return error;
  const chain = causesOf(error);
  const kind = chain.map(kindOfError).find((found) => found !== undefined);
  const innermost = chain.at(-1) ?? toError(error);
  return new KafkaFailure(kind ?? otherwise, `${doing}: ${innermost.message}`, { cause: error });
}

/** The broker's name for the error, if it has answered with one. */
export function typeOf(error: unknown): string | undefined {
  const types = causesOf(error).map(({ type }) => type);
  return types.find((type) => typeof type === 'string');
}

/** Retries wrap what failed, several times over. */
function causesOf(error: unknown): readonly Thrown[] {
  const chain: Thrown[] = [];
  for (let next: unknown = error; next !== undefined && chain.length < 8;) {
    const thrown = toError(next) as Thrown;
    if (chain.includes(thrown)) break;
    chain.push(thrown);
    const { errors } = thrown as { errors?: unknown };
    next = Array.isArray(errors) ? errors[0] : thrown.cause;
  }
  return chain;
}

function kindOfError({ type, code, name, message }: Thrown): KafkaErrorKind | undefined {
  const younger = /Unknown error code (\d+)/.exec(message)?.[1];
  if (younger !== undefined) return youngerKinds[younger] ?? 'unsupported';
  if (typeof type === 'string' && type in kinds) return kinds[type];
  if (name in kindsByName) return kindsByName[name];
  return typeof code === 'string' && tlsCode.test(code) ? 'authentication' : undefined;
}

/** A leader that has moved. Not a topic that is gone: the next one of its name may be another one. */
const staleTypes: readonly string[] = [
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_FOR_PARTITION',
  'REPLICA_NOT_AVAILABLE',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'OFFSET_NOT_AVAILABLE',
  'KAFKA_STORAGE_ERROR',
];

export function isStale(error: unknown): boolean {
  const type = typeOf(error);
  return type !== undefined && staleTypes.includes(type);
}
