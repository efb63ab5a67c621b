import { WalError } from '../errors/errors.ts';
import type { Body } from '../format/entry.ts';
import { Aborts } from './aborts.ts';
import { type Ending, Pending, type Request, weightOf } from './pending.ts';

export interface QueueParts {
  /** The Wal's random name, 8 characters of 0-9a-z. */
  readonly session: string;
  readonly maxPendingBytes: number;
}

/** The appends on their way: those that wait, not being in the log that lies there now, and those that were written. */
export class Queue {
  readonly #parts: QueueParts;
  /** How many wait. */
  size = 0;
  /** How many of all on their way bear a key. */
  keyed = 0;
  #lines = 0;
  /** Those that wait, and some that do so no more. */
  #line: Pending[] = [];
  #inOrder = true;
  /** Those that wait for something else than their turn. */
  readonly aside = new Set<Pending>();
  readonly #aborts = new Aborts((appends) => this.takeBack(appends));
  /** The memory that all of them hold. */
  #bytes = 0;
  /** The error of all that are refused until there is room again: a program that goes on at full speed makes very many. */
  #refusal: WalError | undefined;
  /** Resolves once there is room; while somebody waits for it. */
  #room: Promise<void> | undefined;
  #roomIsThere = () => {};
  /** The turn of who came last of those that wait. */
  #last = Promise.resolve();

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  /** Throws ERR_WAL_BACKLOG where there is no room for one more append. */
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

  /** The identity of one more line, which is nobody's append. */
  nextWriter(): string {
    return `${this.#parts.session}.${++this.#lines}`;
  }

  /** Those that wait, in the order of their calls. One may leave while this is gone through: then it is not `queued`. */
  get waiting(): readonly Pending[] {
    if (this.#line.length > this.size) this.#sweep();
    if (!this.#inOrder) this.#line.sort((a, b) => a.number - b.number);
    this.#inOrder = true;
    return this.#line;
  }

  #sweep(): void {
    this.#line = this.#line.filter(({ queued }) => queued);
  }

  /** Takes one out, wherever it stands. */
  take(pending: Pending): void {
    if (!pending.queued) return;
    pending.queued = false;
    this.size--;
    // Their entries may be large.
    if (this.size === 0) this.#line = [];
  }

  putBack(some: readonly Pending[]): void {
    // One that left a moment ago still stands there.
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

  /** Rejects those whose signal has aborted, as their callers asked; what is being written, or may be in the log, goes on. */
  takeBack(some: Iterable<Pending>): void {
    for (const pending of some) {
      const { signal, settled, epoch, everLanded, writing } = pending;
      const isWritten = epoch !== undefined || everLanded;
      if (signal?.aborted && !settled && !isWritten && !writing) this.reject(pending, abortedError(signal));
    }
  }

  /** Notes what it was decided to be, this time. */
  decided(pending: Pending, body: Body): void {
    const more = weightOf(body) - weightOf(pending.body);
    pending.body = body;
    pending.ts = body.ts;
    pending.weight += more;
    this.#bytes += more;
  }

  /** Takes one out until it is put back: its line may be in the log. */
  setAside(pending: Pending): void {
    this.take(pending);
    this.aside.add(pending);
  }

  /** The append whose line that is, where it is one of this Wal's that is not known to have landed. Nearly all lines are others'. */
  ofLine(writer: string): Pending | undefined {
    const { session } = this.#parts;
    if (!writer.startsWith(session)) return undefined;
    for (const pending of this.aside) if (pending.writer === writer) return pending;
    const number = Number(writer.slice(session.length + 1));
    // They stand in the order of their numbers.
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

  /** One is settled: lets go of all that it holds. */
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

  /** Resolves once there is room. One that waits is told after the one before it, who may have taken the room. */
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
  const message = 'The append was aborted before it was written.';
  return new WalError('ERR_WAL_ABORTED', message, { outcome: 'not-written', cause: reason });
}

function fullError(bytes: number, most: number): WalError {
  const message = `Appends on their way hold ${bytes} bytes, maxPendingBytes is ${most}: await ready(), and append again.`;
  return new WalError('ERR_WAL_BACKLOG', message, { outcome: 'not-written' });
}
