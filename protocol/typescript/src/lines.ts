/**
 * Bytes to lines, by the contract's framing: a line ends at the byte 0x0A and nowhere else. That
 * byte is never a part of another character, so that text is decoded only where it is whole,
 * however the bytes were cut.
 */
export class LineDecoder {
  readonly #maxBytes: number;
  /** Keeps a byte order mark: the sidecar writes none, and in the middle it would be a character. */
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  /** The beginning of a line whose end has not come. */
  #begun: Uint8Array[] = [];
  #begunBytes = 0;
  #discarding = false;

  /** @param maxBytes a longer line is discarded to its line feed */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Take the next bytes; return the lines that ended in them, and how many were discarded. */
  feed(bytes: Uint8Array): { lines: string[]; discarded: number } {
    const lines: string[] = [];
    let discarded = 0;
    let start = 0;
    for (let end = bytes.indexOf(LF); end !== -1; end = bytes.indexOf(LF, start)) {
      this.#keep(bytes.subarray(start, end));
      const line = this.#take();
      if (this.#discarding) discarded += 1;
      else lines.push(this.#decoder.decode(line));
      this.#discarding = false;
      start = end + 1;
    }
    // a copy: whoever gave the bytes may use their buffer again
    this.#keep(bytes.slice(start));
    return { lines, discarded };
  }

  #keep(piece: Uint8Array): void {
    this.#begunBytes += piece.length;
    if (this.#begunBytes > this.#maxBytes) {
      this.#take();
      this.#discarding = true;
    }
    if (!this.#discarding && piece.length) this.#begun.push(piece);
  }

  #take(): Uint8Array {
    const [only] = this.#begun;
    const line = only && this.#begun.length === 1 ? only : concatenated(this.#begun);
    this.#begun = [];
    this.#begunBytes = 0;
    return line;
  }
}

const LF = 0x0a;

function concatenated(pieces: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let place = 0;
  for (const piece of pieces) {
    whole.set(piece, place);
    place += piece.length;
  }
  return whole;
}
