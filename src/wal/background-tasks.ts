/** Tasks that run in the background, and that `close` has to wait for. */
export class BackgroundTasks {
  readonly #running = new Set<Promise<unknown>>();

  /** Notes a task, and returns its promise. */
  note<T>(task: Promise<T>): Promise<T> {
    this.#running.add(task);
    const end = () => this.#running.delete(task);
    task.then(end, end);
    return task;
  }

  /** Resolves once no task runs, however they ended. */
  async ended(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }
}
