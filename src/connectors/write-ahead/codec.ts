// How records become lines of a staged file, and records again.

/** Records as lines of text. What `decode` gives must be what `encode` was given. */
export interface RecordCodec<Rec> {
  encode(record: Rec): string;
  decode(line: string): Rec;
}

export function jsonLines<Rec>(): RecordCodec<Rec> {
  return {
    encode: (record) => JSON.stringify(record),
    decode: (line) => JSON.parse(line) as Rec,
  };
}
