// Failures of a Kafka sink, with the setting or the right that mends them; and the one that is waited out.

import { toError } from '../../errors.js';
import { backoffMs } from '../../runtime/backoff.js';
import { sleep } from '../../runtime/deadline.js';
import type { CallOptions } from '../../contracts/source.js';
import { KafkaFailure, type KafkaErrorKind } from './driver.js';
import { isKafkaFailure, toKafkaError } from './errors.js';
import type { KafkaSinkSettings } from './sink-options.js';

/** What a message names. */
export interface SinkNames {
  readonly transactionalId: string;
  readonly markerTopic: string;
  readonly settings: Pick<
    KafkaSinkSettings<never>,
    'topic' | 'transactionTimeoutMs' | 'clock' | 'random'
  >;
}

/**
 * An error of tidegate for what a driver threw. A fence is no proof of a newer owner: the brokers fence
 * after the transaction timeout too, and for an opening that was given up. So it is in doubt, and
 * the store says in the next recovery whether there is a newer one.
 */
export function toSinkError(thrown: unknown, doing: string, names: SinkNames): Error {
  if (!isKafkaFailure(thrown)) return toKafkaError(thrown, doing);
  const kind = thrown.kind === 'fenced' ? 'unknown-outcome' : thrown.kind;
  return toKafkaError(withWayOut(thrown, kind, names), doing);
}

/** For EndTxn: no answer but a success says what has become of it, because a client may have asked twice. */
export function toUnknownEnd(thrown: unknown, doing: string, names: SinkNames): Error {
  const failure = isKafkaFailure(thrown)
    ? withWayOut(thrown, 'unknown-outcome', names)
    : new KafkaFailure('unknown-outcome', toError(thrown).message, { cause: thrown });
  return toKafkaError(failure, doing);
}

function withWayOut(thrown: KafkaFailure, kind: KafkaErrorKind, names: SinkNames): KafkaFailure {
  const wayOut = wayOutOf(thrown.kind, names);
  if (wayOut === undefined && kind === thrown.kind) return thrown;
  const message = wayOut === undefined ? thrown.message : `${thrown.message}. ${wayOut}`;
  return new KafkaFailure(kind, message, { cause: thrown });
}

function wayOutOf(kind: KafkaErrorKind, names: SinkNames): string | undefined {
  const { transactionalId, markerTopic, settings } = names;
  const { transactionTimeoutMs: timeoutMs } = settings;
  switch (kind) {
    case 'fenced':
      return (
        'Another process has opened this sink, or its transaction was open for longer than ' +
        `transactionTimeoutMs (${timeoutMs}): recovery finds out which`
      );
    case 'transaction-timed-out':
      return `Raise transactionTimeoutMs of kafkaSink (${timeoutMs}), or lower the interval`;
    case 'timeout-invalid':
      return (
        `transactionTimeoutMs of kafkaSink is ${timeoutMs}, and transaction.max.timeout.ms of the ` +
        'brokers is lower (900000 unless it was changed)'
      );
    case 'authorization': {
      const topic = typeof settings.topic === 'string' ? settings.topic : 'each topic written to';
      return (
        `The sink needs Write and Describe on transactional id ${transactionalId} and on topic ` +
        `${topic}, and Write, Read and Describe on topic ${markerTopic}: kafka-acls.sh --add ` +
        '--allow-principal User:… --operation Write --operation Describe ' +
        `--transactional-id ${transactionalId}, and so on`
      );
    }
    default:
      return undefined;
  }
}

/** The brokers end a transaction behind their answer to it; one that takes longer is a failure. */
const maxEndingMs = 30_000;

/** Asks again for as long as the brokers are ending the transaction before. */
export async function whenEnded(
  { settings: { clock, random } }: SinkNames,
  { signal }: CallOptions,
  work: () => Promise<void>,
): Promise<void> {
  const untilMs = clock.monotonicMs() + maxEndingMs;
  for (let attempt = 0; ; attempt += 1) {
    try {
      await work();
      return;
    } catch (error) {
      const isEnding = isKafkaFailure(error) && error.kind === 'concurrent-transactions';
      if (!isEnding || clock.monotonicMs() >= untilMs) throw error;
      const pauseMs = backoffMs(attempt, random.next(), { firstMs: 20, maxMs: 1_000 });
      if (!(await sleep(clock, pauseMs, signal))) throw error;
    }
  }
}
