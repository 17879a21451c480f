/**
 * Chunks on their way to an `await`ing reader: none is lost, however slow the reader is. It is not
 * bounded, since holding one stream back would hold back all that share the pipe; the sidecar
 * bounds an answer's text (16 MiB).
 */
export class Queue<T> {
  #items: T[] = [];
  #taken = 0;
  #over: { error: unknown } | "end" | undefined;
  #waiting: { resolve: (result: IteratorResult<T>) => void; reject: (error: unknown) => void }[] =
    [];

  /** Add one at the end. */
  push(item: T): void {
    const reader = this.#waiting.shift();
    if (reader) reader.resolve({ value: item, done: false });
    else this.#items.push(item);
  }

  /** Nothing more will come; what is there can still be taken. */
  end(): void {
    this.#over ??= "end";
    for (const reader of this.#waiting.splice(0)) reader.resolve(OVER);
  }

  /** Nothing more will come, and the reader is told why, after what is there. */
  fail(error: unknown): void {
    this.#over ??= { error };
    for (const reader of this.#waiting.splice(0)) reader.reject(error);
  }

  /** Take the first, or wait for it. */
  next(): Promise<IteratorResult<T>> {
    if (this.#taken < this.#items.length) {
      const value = this.#items[this.#taken++] as T;
      // a shift for each would move all the others each time
      if (this.#taken === this.#items.length || this.#taken > 4096) {
        this.#items = this.#items.slice(this.#taken);
        this.#taken = 0;
      }
      return Promise.resolve({ value, done: false });
    }
    if (this.#over === "end") return Promise.resolve(OVER);
    if (this.#over) {
      const { error } = this.#over;
      this.#over = "end"; // an iterator throws once
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }
}

const OVER: IteratorReturnResult<undefined> = { value: undefined, done: true };
