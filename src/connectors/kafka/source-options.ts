// The options of the Kafka source, checked in one go.

import { contractProblem, isObject, kindOf, requireOptions, type NamesOf } from '../../given.js';
import { TidegateError } from '../../errors.js';
import type { Clock } from '../../runtime/clock.js';
import type { KafkaDriver } from './driver.js';
import type { KafkaFormat } from './formats.js';
import type { BadKafkaRecordPolicy, KafkaRecord } from './source-records.js';

export interface KafkaSourceOptions<Value, Key = Buffer> {
  /** `kafkaJs(new Kafka(…))`. */
  readonly kafka: KafkaDriver;
  readonly topic: string;
  /** `json()`, `text()`, `bytes()`, or a function. */
  readonly value: KafkaFormat<Value>;
  /** Default `bytes()`. */
  readonly key?: KafkaFormat<Key>;
  /**
   * Where the first start begins: at the start of each partition, behind its last record, or at the
   * offsets given by partition (others at their start). A restart goes on where its checkpoint is.
   */
  readonly from: 'start' | 'end' | Readonly<Record<number, bigint | string>>;
  /**
   * `end`: the input ends where the topic ended at the first start, which is recorded. Default: it
   * never ends.
   */
  readonly until?: 'end';
  /** What becomes of a record that cannot be decoded. Default `fail`. */
  readonly onBadRecord?: BadKafkaRecordPolicy<KafkaRecord<Value, Key>>;
  /** Offsets of complete checkpoints are committed for this group, so that lag monitors see them. */
  readonly groupId?: string;
  /**
   * Read as a member of `groupId`: a restart after a crash waits for the session of the dead process,
   * and another member that joins takes partitions away, which ends the flow. Default false.
   */
  readonly joinGroup?: boolean;
  /** Of a member. Default 30 000. */
  readonly sessionTimeoutMs?: number;
  /** Records in a batch, at most. Default 500. */
  readonly batchRecords?: number;
  /** Bytes in an answer of a broker; a larger record comes alone. Default 2 MiB. */
  readonly maxFetchBytes?: number;
  readonly clock?: Clock;
}

const knownOptions: NamesOf<KafkaSourceOptions<unknown, unknown>> = {
  kafka: true,
  topic: true,
  value: true,
  key: true,
  from: true,
  until: true,
  onBadRecord: true,
  groupId: true,
  joinGroup: true,
  sessionTimeoutMs: true,
  batchRecords: true,
  maxFetchBytes: true,
  clock: true,
};

/** @throws TidegateError `TIDEGATE_OPTIONS`, with every problem. */
export function requireSourceOptions<Value, Key>(options: KafkaSourceOptions<Value, Key>): void {
  requireOptions('kafkaSource', options, knownOptions);
  const { kafka, topic, value, key, from, until, onBadRecord, groupId, joinGroup } = options;
  const problems: string[] = [];
  const noDriver = contractProblem(kafka, ['admin', 'producer', 'consumer']);
  if (noDriver !== undefined || typeof kafka.client !== 'string') {
    problems.push('kafka is no driver: give kafkaJs(new Kafka(…))');
  }
  if (typeof topic !== 'string' || topic === '') problems.push(`topic is ${kindOf(topic)}`);
  if (typeof value !== 'function') problems.push('value is no format: json(), text(), bytes()');
  if (key !== undefined && typeof key !== 'function') problems.push('key is no format');
  if (from !== 'start' && from !== 'end' && !isOffsets(from)) {
    problems.push('from is not "start", "end" or offsets by partition');
  }
  if (until !== undefined && (until as unknown) !== 'end') problems.push('until is not "end"');
  if (
    onBadRecord !== undefined &&
    onBadRecord !== 'fail' &&
    onBadRecord !== 'skip' &&
    typeof onBadRecord !== 'function'
  ) {
    problems.push('onBadRecord is not "fail", "skip" or a function');
  }
  if (groupId !== undefined && (typeof groupId !== 'string' || groupId === '')) {
    problems.push(`groupId is ${kindOf(groupId)}`);
  }
  if (joinGroup === true && groupId === undefined) problems.push('joinGroup needs a groupId');
  const { batchRecords = 1, maxFetchBytes = 1, sessionTimeoutMs = 1 } = options;
  for (const [name, number] of Object.entries({ batchRecords, maxFetchBytes, sessionTimeoutMs })) {
    if (!Number.isSafeInteger(number) || number < 1) problems.push(`${name} is not 1 or more`);
  }
  if (problems.length === 0) return;
  throw new TidegateError('TIDEGATE_OPTIONS', `kafkaSource: ${problems.join('; ')}`);
}

function isOffsets(from: unknown): boolean {
  if (!isObject(from)) return false;
  return Object.entries(from).every(
    ([partition, offset]) =>
      /^\d+$/.test(partition) && /^\d{1,19}$/.test(String(offset as bigint | string)),
  );
}
