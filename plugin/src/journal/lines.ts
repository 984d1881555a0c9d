/** Cuts a stream of bytes into lines. What comes after the last newline waits for more. */
export class LineSplitter {
  #pieces: Buffer[] = [];

  /** Bytes of the line that has no end yet. */
  get waiting(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  /** @returns the lines that `bytes` completes, without their newlines */
  push(bytes: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      this.#pieces.push(bytes.subarray(start, end));
      lines.push(this.waiting.toString('utf8'));
      this.#pieces = [];
      start = end + 1;
    }
    // A copy: the caller may read into the same buffer again.
    if (start < bytes.length) this.#pieces.push(Buffer.from(bytes.subarray(start)));
    return lines;
  }
}
