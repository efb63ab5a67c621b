interface Waiter {
  go: () => void;
}

/** Bytes on their way to the log, and the callers who wait, in the order they came, until they are fewer. */
export class Backlog {
  readonly #most: number;
  #bytes = 0;
  #line: Waiter[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** Whether a caller has to wait: also where there is room, if others still stand in line for it. */
  get isFull(): boolean {
    return this.#line.length > 0 || this.#bytes >= this.#most;
  }

  get isWaitedFor(): boolean {
    return this.#line.length > 0;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  remove(bytes: number): void {
    this.#bytes -= bytes;
    this.#callNext();
  }

  /** Runs `enter` at once where there is room, else as soon as there is. */
  enter<T>(signal: AbortSignal | undefined, enter: () => Promise<T>): Promise<T> {
    return this.isFull && !signal?.aborted ? this.wait(signal, enter) : enter();
  }

  /** Runs `enter` once all who waited before are in and there is room, or `signal` aborts. */
  async wait<T>(signal: AbortSignal | undefined, enter: () => T | Promise<T>): Promise<T> {
    const waiter: Waiter = { go: () => {} };
    const abort = () => waiter.go();
    signal?.addEventListener('abort', abort);
    this.#line.push(waiter);
    try {
      while (!signal?.aborted && (this.#line[0] !== waiter || this.#bytes >= this.#most)) {
        await new Promise<void>((resolve) => {
          waiter.go = resolve;
        });
      }
      return enter();
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#line.splice(this.#line.indexOf(waiter), 1);
      this.#callNext();
    }
  }

  #callNext(): void {
    if (this.#bytes < this.#most) this.#line[0]?.go();
  }
}
