// Lines of text as bytes outside the heap: a million short strings would be copied by every garbage collection.

const firstBytes = 1_024;
const lineFeed = 0x0a;

export class ByteLines {
  #bytes = Buffer.allocUnsafe(firstBytes);
  #byteLength = 0;
  #lineCount = 0;

  get byteLength(): number {
    return this.#byteLength;
  }

  /** Lines that were added since the beginning, or the last `take`. */
  get lineCount(): number {
    return this.#lineCount;
  }

  /** As UTF-8, with a line feed. */
  add(line: string): void {
    // A unit of UTF-16 is three bytes at most.
    this.#reserve(line.length * 3 + 1);
    this.#byteLength += this.#bytes.write(line, this.#byteLength);
    this.#bytes[this.#byteLength] = lineFeed;
    this.#byteLength += 1;
    this.#lineCount += 1;
  }

  addAll(lines: ByteLines): void {
    const { byteLength, lineCount } = lines;
    this.#reserve(byteLength);
    this.#bytes.set(lines.#bytes.subarray(0, byteLength), this.#byteLength);
    this.#byteLength += byteLength;
    this.#lineCount += lineCount;
  }

  /** What was added, for the caller to keep, and a fresh start. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#byteLength);
    this.#bytes = Buffer.allocUnsafe(firstBytes);
    this.#byteLength = 0;
    this.#lineCount = 0;
    return taken;
  }

  #reserve(more: number): void {
    const wanted = this.#byteLength + more;
    if (wanted <= this.#bytes.byteLength) return;
    const larger = Buffer.allocUnsafe(Math.max(wanted, 2 * this.#bytes.byteLength));
    this.#bytes.copy(larger, 0, 0, this.#byteLength);
    this.#bytes = larger;
  }
}
