// Read_committed over the raw answer to a fetch: aborted records and markers are left out.
//
// kafkajs' own consumer takes aborted transactions in the order in which they ended and one for each
// record, so it hands out records of transactions that overlap; it also takes any record whose key is
// four zero bytes for the marker of an abort.

import type { KafkaHeaders, RawKafkaRecord } from './driver.js';
import type {
  KafkaJsAbortedTransaction,
  KafkaJsFetchedMessage,
  KafkaJsFetchedPartition,
} from './kafkajs-client.js';

export interface CommittedRecords {
  readonly records: readonly RawKafkaRecord[];
  /** Behind all that was fetched; the offset asked for when nothing was. */
  readonly nextOffset: bigint;
}

/** The first two bytes of a marker's key are its version, the next two say abort (0) or commit (1). */
const abortMarker = 0;

/** What a reader at `offset` sees of the answer. */
export function committedRecords(
  fetched: KafkaJsFetchedPartition,
  offset: bigint,
): CommittedRecords {
  const records: RawKafkaRecord[] = [];
  const beginning = inOrderOfBeginning(fetched.abortedTransactions ?? []);
  const aborted = new Set<string>();
  let nextOffset = offset;
  let begun = 0;
  for (const message of fetched.messages) {
    const at = BigInt(message.offset);
    for (; begun < beginning.length; begun++) {
      const transaction = beginning[begun];
      if (transaction === undefined || transaction.firstOffset > at) break;
      aborted.add(transaction.producerId);
    }
    const { batchContext } = message;
    if (message.isControlRecord === true) {
      if (message.key?.readInt16BE(2) === abortMarker)
        aborted.delete(batchContext?.producerId ?? '');
    } else if (at >= offset && !isAborted(message, aborted)) {
      records.push(toRecord(fetched.partition, message, at));
    }
    const end = endOf(message, at);
    if (end > nextOffset) nextOffset = end;
  }
  return { records, nextOffset };
}

function inOrderOfBeginning(
  transactions: readonly KafkaJsAbortedTransaction[],
): readonly { readonly producerId: string; readonly firstOffset: bigint }[] {
  return transactions
    .map(({ producerId, firstOffset }) => ({ producerId, firstOffset: BigInt(firstOffset) }))
    .sort((one, other) => (one.firstOffset < other.firstOffset ? -1 : 1));
}

function isAborted({ batchContext }: KafkaJsFetchedMessage, aborted: ReadonlySet<string>): boolean {
  return batchContext?.inTransaction === true && aborted.has(batchContext.producerId);
}

/** Compaction may have taken the last records of a batch: it ends where it ended. */
function endOf({ batchContext }: KafkaJsFetchedMessage, at: bigint): bigint {
  if (batchContext === undefined) return at + 1n;
  const last = BigInt(batchContext.firstOffset) + BigInt(batchContext.lastOffsetDelta);
  return (last > at ? last : at) + 1n;
}

function toRecord(
  partition: number,
  message: KafkaJsFetchedMessage,
  offset: bigint,
): RawKafkaRecord {
  const { timestamp, key, value, headers } = message;
  return {
    partition,
    offset,
    timestampMs: Number(timestamp),
    key,
    value,
    headers: headers === undefined ? [] : toHeaders(headers),
  };
}

/** kafkajs gathers them by name; a name such as `constructor` brings what objects inherit with it. */
function toHeaders(headers: Readonly<Record<string, unknown>>): KafkaHeaders {
  return Object.entries(headers).flatMap(([name, given]) => {
    const values: readonly unknown[] = Array.isArray(given) ? given : [given];
    return values.filter(isHeaderValue).map((value) => [name, value] as const);
  });
}

function isHeaderValue(value: unknown): value is Buffer | null {
  return value === null || Buffer.isBuffer(value);
}
