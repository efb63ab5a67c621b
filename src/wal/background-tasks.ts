/** Works that go on for a while, which the end has to wait for. */
export class BackgroundTasks {
  readonly #running = new Set<Promise<unknown>>();

  /** Notes a work, and answers as it does. */
  note<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work);
    const end = () => this.#running.delete(work);
    work.then(end, end);
    return work;
  }

  /** Resolves once none goes on, however they ended. */
  async ended(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }
}
