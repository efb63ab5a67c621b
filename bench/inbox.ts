/** Messages that came and were not asked for yet, and those who asked before any came. */
export class CatchUpBuffer {
  readonly #messages: unknown[] = [];
  readonly #readers: { resolve(message: unknown): void; reject(error: Error): void }[] = [];
  #failure: Error | undefined;

  put(message: unknown): void {
    const reader = this.#readers.shift();
    if (reader === undefined) this.#messages.push(message);
    else reader.resolve(message);
  }

  /** Nothing more will come: who asks for more gets this error. */
  end(error: Error): void {
    this.#failure ??= error;
    for (const reader of this.#readers.splice(0)) reader.reject(this.#failure);
  }

  take(): Promise<unknown> {
    if (this.#messages.length > 0) return Promise.resolve(this.#messages.shift());
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }
}
