import { Backlog } from './backlog.ts';
import { type Ending, Pending, type Request } from './pending.ts';
import type { Stats } from './stats.ts';

export interface QueueParts {
  readonly stats: Stats;
  /** The Wal's random name, 8 characters of 0-9a-z. */
  readonly session: string;
  readonly durability: 'sync' | 'os';
  readonly maxPendingBytes: number;
}

/** The appends on their way: those that wait, not being in the log that lies there now, and those that were written. */
export class Queue {
  readonly #parts: QueueParts;
  #lines = 0;
  /** In the order of their calls. */
  #waiting: Pending[] = [];
  /** Those whose lines may be in the log, by writer. */
  readonly #written = new Map<string, Pending>();
  /** What is on its way, in bytes. */
  readonly backlog: Backlog;

  constructor(parts: QueueParts) {
    this.#parts = parts;
    this.backlog = new Backlog(parts.maxPendingBytes);
  }

  get waiting(): readonly Pending[] {
    return this.#waiting;
  }

  /** The identity of one more line. */
  nextWriter(): string {
    return `${this.#parts.session}.${++this.#lines}`;
  }

  add(request: Request, end: Ending): Pending {
    const writer = this.nextWriter();
    const pending = new Pending(request, this.#lines, writer, end);
    this.backlog.add(pending.weight);
    this.#waiting.push(pending);
    return pending;
  }

  /** Takes some out, wherever they stand. */
  take(some: Pick<ReadonlySet<Pending>, 'has' | 'size'>): void {
    if (some.size > 0) this.#waiting = this.#waiting.filter((pending) => !some.has(pending));
  }

  takeFirst(count: number): void {
    this.#waiting.splice(0, count);
  }

  takeAll(): readonly Pending[] {
    const all = this.#waiting;
    this.#waiting = [];
    return all;
  }

  putBack(some: readonly Pending[]): void {
    this.#waiting = [...some, ...this.#waiting].sort((a, b) => a.number - b.number);
  }

  /** Notes that its line is being written. */
  wrote(pending: Pending): void {
    this.#written.set(pending.writer, pending);
  }

  /** The append whose line that is, if it is one of ours. */
  ofLine(writer: string): Pending | undefined {
    return this.#written.get(writer);
  }

  resolve(pending: Pending): void {
    if (!pending.duplicate) this.#parts.stats.entries += pending.body.count;
    this.#forget(pending);
    pending.resolve(this.#parts.durability);
  }

  /** It was decided to append nothing. */
  resolveEmpty(pending: Pending): void {
    this.#forget(pending);
    pending.resolveEmpty();
  }

  reject(pending: Pending, error: unknown): void {
    this.#forget(pending);
    pending.reject(error);
  }

  #forget({ weight, writer }: Pending): void {
    this.#written.delete(writer);
    this.backlog.remove(weight);
  }
}
