// Steps over batches that compaction has emptied: kafkajs decodes them to nothing, with no end.
//
// A broker keeps the last batch of a producer, without its records, for the sequence in its header.
// The offset of the next batch is in no answer, so offsets are tried one by one.

/** Requests on their way at a time. */
const stepsAtOnce = 16;

export interface EmptyBatches {
  readonly from: bigint;
  /** Last stable offset: as far as there may be records. */
  readonly end: bigint;
  /** Whether a fetch of this partition alone at this offset brings nothing. */
  readonly isEmptyAt: (offset: bigint) => Promise<boolean>;
}

/** The first offset at which something comes, or the end. `from` when it was no empty batch. */
export async function behindEmptyBatches({ from, end, isEmptyAt }: EmptyBatches): Promise<bigint> {
  for (let first = from; first < end; first += BigInt(stepsAtOnce)) {
    const offsets = Array.from({ length: stepsAtOnce }, (_, index) => first + BigInt(index)).filter(
      (offset) => offset < end,
    );
    const empty = await Promise.all(offsets.map(isEmptyAt));
    const found = empty.indexOf(false);
    if (found >= 0) return first + BigInt(found);
  }
  return end;
}
