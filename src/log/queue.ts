import { WalError } from '../errors/errors.ts';
import type { Body } from '../format/entry.ts';
import { Aborts } from './aborts.ts';
import { Backlog, weightOf } from './backlog.ts';
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
  /** Those that wait, and some that do so no more. */
  #line: Pending[] = [];
  #size = 0;
  #inOrder = true;
  /** Those whose lines may be in the log, by writer. */
  readonly #written = new Map<string, Pending>();
  /** The memory that all of them hold. */
  readonly backlog: Backlog;
  readonly #aborts = new Aborts((appends) => this.takeBack(appends));

  constructor(parts: QueueParts) {
    this.#parts = parts;
    this.backlog = new Backlog(parts.maxPendingBytes);
  }

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** Those that wait, in the order of their calls. One may leave while this is gone through: then it is not `queued`. */
  get waiting(): readonly Pending[] {
    this.#sweep();
    if (!this.#inOrder) this.#line.sort((a, b) => a.number - b.number);
    this.#inOrder = true;
    return this.#line;
  }

  #sweep(): void {
    if (this.#line.length > this.#size) this.#line = this.#line.filter(({ queued }) => queued);
  }

  /** The identity of one more line. */
  nextWriter(): string {
    return `${this.#parts.session}.${++this.#lines}`;
  }

  add(request: Request, end: Ending): Pending {
    const writer = this.nextWriter();
    const pending = new Pending(request, this.#lines, writer, end);
    this.backlog.add(weightOf(pending));
    this.#enqueue(pending);
    if (pending.signal !== undefined) this.#aborts.add(pending.signal, pending);
    return pending;
  }

  #enqueue(pending: Pending): void {
    pending.queued = true;
    this.#size++;
    this.#line.push(pending);
  }

  /** Takes one out, wherever it stands. */
  take(pending: Pending): void {
    if (!pending.queued) return;
    pending.queued = false;
    this.#size--;
    // Their entries may be large.
    if (this.#size === 0) this.#line = [];
  }

  putBack(some: readonly Pending[]): void {
    // One that left a moment ago still stands there.
    this.#sweep();
    for (const pending of some) if (!pending.queued) this.#enqueue(pending);
    this.#inOrder = false;
  }

  /** Rejects those whose signal has aborted, as their callers asked; what is being written, or may be in the log, goes on. */
  takeBack(some: Iterable<Pending>): void {
    for (const pending of some) {
      const { signal, settled, isUnwritten } = pending;
      if (signal?.aborted && !settled && isUnwritten) this.reject(pending, abortedError(signal));
    }
  }

  /** Notes what it was decided to be, this time. */
  decided(pending: Pending, body: Body): void {
    const before = weightOf(pending);
    pending.decided(body);
    this.backlog.add(weightOf(pending));
    this.backlog.remove(before);
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

  #forget(pending: Pending): void {
    const { writer, signal } = pending;
    this.take(pending);
    this.#written.delete(writer);
    this.backlog.remove(weightOf(pending));
    if (signal !== undefined) this.#aborts.remove(signal, pending);
  }
}

export function abortedError({ reason }: AbortSignal): WalError {
  const message = 'The append was aborted before it was written.';
  return new WalError('ERR_WAL_ABORTED', message, { outcome: 'not-written', cause: reason });
}
