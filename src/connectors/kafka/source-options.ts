// The options of the Kafka source, checked in one go.

import { contractProblem, isObject } from '../../given.js';
import {
  callback,
  completeOptions,
  contract,
  custom,
  flag,
  oneOf,
  required,
  text,
  whole,
  type OptionTable,
} from '../../options.js';
import type { Clock } from '../../runtime/clock.js';
import type { KafkaDriver } from './driver.js';
import type { KafkaFormat } from './formats.js';
import type { BadKafkaRecordPolicy, KafkaRecord } from './source-records.js';

/** Options of `kafkaSource`. */
export interface KafkaSourceOptions<Value, Key = Buffer> {
  /** `kafkaJs(new Kafka(…))`. */
  readonly kafka: KafkaDriver;
  readonly topic: string;
  /**
   * Reads these and no others, such as `[task.partition]`. Default: all, also those that are added. A
   * position with other ones in it is refused.
   */
  readonly partitions?: readonly number[];
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

const optionTable = {
  kafka: required(custom(driverProblem)),
  topic: required(text()),
  partitions: custom(partitionsProblem),
  value: required(callback()),
  key: callback(),
  from: required(custom(fromProblem)),
  until: oneOf(['end']),
  onBadRecord: custom(policyProblem),
  groupId: text(),
  joinGroup: flag(false),
  sessionTimeoutMs: whole({ min: 1, unit: 'milliseconds' }),
  batchRecords: whole({ min: 1 }),
  maxFetchBytes: whole({ min: 1 }),
  clock: contract(['now', 'setTimer']),
} satisfies OptionTable<KafkaSourceOptions<unknown, unknown>>;

/** @throws TidegateError `TIDEGATE_OPTIONS`, with every problem. */
export function requireSourceOptions<Value, Key>(options: KafkaSourceOptions<Value, Key>): void {
  completeOptions('kafkaSource', options as KafkaSourceOptions<unknown, unknown>, optionTable, {
    rules: () => [
      options.joinGroup === true && options.groupId === undefined
        ? 'joinGroup needs a groupId'
        : undefined,
      options.joinGroup === true && options.partitions !== undefined
        ? 'partitions and joinGroup contradict each other: the group says which partitions are read'
        : undefined,
    ],
  });
}

function driverProblem(kafka: unknown): string | undefined {
  const problem = contractProblem(kafka, ['admin', 'producer', 'consumer']);
  const isDriver =
    problem === undefined && typeof Reflect.get(kafka as object, 'client') === 'string';
  return isDriver ? undefined : 'is no driver: give kafkaJs(new Kafka(…))';
}

function partitionsProblem(partitions: unknown): string | undefined {
  const areNumbers =
    Array.isArray(partitions) &&
    partitions.length > 0 &&
    new Set(partitions).size === partitions.length &&
    partitions.every((one) => Number.isSafeInteger(one) && one >= 0);
  return areNumbers ? undefined : 'is not a list of different partition numbers';
}

function fromProblem(from: unknown): string | undefined {
  if (from === 'start' || from === 'end' || isOffsets(from)) return undefined;
  return 'is not "start", "end" or offsets by partition';
}

function policyProblem(policy: unknown): string | undefined {
  if (policy === 'fail' || policy === 'skip' || typeof policy === 'function') return undefined;
  return 'is not "fail", "skip" or a function';
}

function isOffsets(from: unknown): boolean {
  if (!isObject(from)) return false;
  return Object.entries(from).every(
    ([partition, offset]) =>
      /^\d+$/.test(partition) && /^\d{1,19}$/.test(String(offset as bigint | string)),
  );
}
