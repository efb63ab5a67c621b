import { WalError } from '../errors/errors.ts';
import type { Body } from '../format/entry.ts';
import { Aborts } from './aborts.ts';
import { type Ending, Pending, type Request, weightOf } from './pending.ts';

export interface QueueParts {
  /** The Wal's random name, 8 characters of 0-9a-z. */
  readonly session: string;
  readonly maxPendingBytes: number;
}

/** The unsettled appends: the waiting ones, which are not in the present log, and those already written. */
export class Queue {
  readonly #parts: QueueParts;
  /** How many are waiting. */
  size = 0;
  /** How many of all unsettled appends have a key. */
  keyed = 0;
  #lines = 0;
  /** The waiting appends, and some that no longer wait. */
  #line: Pending[] = [];
  #inOrder = true;
  /** Those that wait for something other than their turn. */
  readonly aside = new Set<Pending>();
  readonly #aborts = new Aborts((appends) => this.takeBack(appends));
  /** The memory that all unsettled appends hold, in bytes. */
  #bytes = 0;
  /**
   * The error for all appends refused until there is room again, made once: a program that keeps appending is refused
   * very often.
   */
  #refusal: WalError | undefined;
  /** Resolves once there is room; set while a caller waits for that. */
  #room: Promise<void> | undefined;
  #roomIsThere = () => {};
  /** The turn of the last caller that waits for room. */
  #last = Promise.resolve();

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  /** Throws ERR_WAL_BACKLOG if there is no room for one more append. */
  requireRoom(): void {
    if (this.#bytes < this.#parts.maxPendingBytes) return;
    this.#refusal ??= fullError(this.#bytes, this.#parts.maxPendingBytes);
    throw this.#refusal;
  }

  add(request: Request, end: Ending): Pending {
    const pending = new Pending(request, ++this.#lines, `${this.#parts.session}.${this.#lines}`, end);
    this.#bytes += pending.weight;
    this.size++;
    this.#line.push(pending);
    if (request.body.key !== undefined) this.keyed++;
    if (pending.signal !== undefined) this.#aborts.add(pending.signal, pending);
    return pending;
  }

  /** The identity of a line that is not an append. */
  nextWriter(): string {
    return `${this.#parts.session}.${++this.#lines}`;
  }

  /** The waiting appends, in the order of their calls. One may leave during an iteration: then it is not `queued`. */
  get waiting(): readonly Pending[] {
    if (this.#line.length > this.size) this.#sweep();
    if (!this.#inOrder) this.#line.sort((a, b) => a.number - b.number);
    this.#inOrder = true;
    return this.#line;
  }

  #sweep(): void {
    this.#line = this.#line.filter(({ queued }) => queued);
  }

  /** Removes an append, wherever it is in the queue. */
  take(pending: Pending): void {
    if (!pending.queued) return;
    pending.queued = false;
    this.size--;
    // Releases their entries, which may be large.
    if (this.size === 0) this.#line = [];
  }

  putBack(some: readonly Pending[]): void {
    // An append that left a moment ago may still be in the array.
    this.#sweep();
    for (const pending of some) {
      if (pending.queued) continue;
      this.aside.delete(pending);
      pending.queued = true;
      this.size++;
      this.#line.push(pending);
    }
    this.#inOrder = false;
  }

  /** Rejects the appends whose signal has aborted; one that is being written, or may be in the log, continues. */
  takeBack(some: Iterable<Pending>): void {
    for (const pending of some) {
      const { signal, settled, epoch, everLanded, writing } = pending;
      const isWritten = epoch !== undefined || everLanded;
      if (signal?.aborted && !settled && !isWritten && !writing) this.reject(pending, abortedError(signal));
    }
  }

  /** Records the body of an append's present decision. */
  decided(pending: Pending, body: Body): void {
    const more = weightOf(body) - weightOf(pending.body);
    pending.body = body;
    pending.ts = body.ts;
    pending.weight += more;
    this.#bytes += more;
  }

  /** Removes an append until it is put back; its line may be found in the log meanwhile. */
  setAside(pending: Pending): void {
    this.take(pending);
    this.aside.add(pending);
  }

  /**
   * The append with that line identity, if it is one of this Wal's that is not known to have landed. Nearly all lines
   * are others'.
   */
  ofLine(writer: string): Pending | undefined {
    const { session } = this.#parts;
    if (!writer.startsWith(session)) return undefined;
    for (const pending of this.aside) if (pending.writer === writer) return pending;
    const number = Number(writer.slice(session.length + 1));
    // They are sorted by their numbers.
    const line = this.#inOrder ? this.#line : this.waiting;
    let [from, to] = [0, line.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((line[middle] as Pending).number < number) from = middle + 1;
      else to = middle;
    }
    const found = line[from];
    return found?.writer === writer && found.queued ? found : undefined;
  }

  reject(pending: Pending, error: unknown): void {
    this.forget(pending);
    pending.reject(error);
  }

  /** An append is settled: releases all that it holds. */
  forget(pending: Pending): void {
    if (pending.queued) this.take(pending);
    if (this.aside.size > 0) this.aside.delete(pending);
    this.#bytes -= pending.weight;
    if (pending.body.key !== undefined) this.keyed--;
    if (pending.signal !== undefined) this.#aborts.remove(pending.signal, pending);
    if (this.#refusal !== undefined || this.#room !== undefined) this.#makeRoom();
  }

  #makeRoom(): void {
    if (this.#bytes >= this.#parts.maxPendingBytes) return;
    this.#refusal = undefined;
    this.#room = undefined;
    this.#roomIsThere();
  }

  /**
   * Resolves once there is room. Callers are resumed one after another, because the one before may have used the
   * room.
   */
  ready(): Promise<void> {
    this.#last = this.#afterThose(this.#last);
    return this.#last;
  }

  async #afterThose(before: Promise<void>): Promise<void> {
    await before;
    while (this.#bytes >= this.#parts.maxPendingBytes) {
      this.#room ??= new Promise((resolve) => {
        this.#roomIsThere = resolve;
      });
      await this.#room;
    }
  }
}

export function abortedError({ reason }: AbortSignal): WalError {
  const message = 'The append was aborted before it was written: nothing was appended.';
  return new WalError('ERR_WAL_ABORTED', message, { outcome: 'not-written', cause: reason });
}

function fullError(bytes: number, most: number): WalError {
  const message = `Unsettled appends hold ${bytes} bytes of memory, and maxPendingBytes is ${most}: await ready(), then append again.`;
  return new WalError('ERR_WAL_BACKLOG', message, { outcome: 'not-written' });
}
